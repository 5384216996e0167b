# SPDX-License-Identifier: Apache-2.0
"""A legged robot that moves by formulas, with raw state; faults can be planted in its observation."""

import numpy as np

JOINTS = tuple(f'{leg}_{part}' for part in ('hip', 'knee') for leg in ('lf', 'lh', 'rf', 'rh'))
DEFAULT = np.array([0.1, -0.1, 0.2, -0.2, 0.5, 0.6, 0.7, 0.8])
LIMITS = np.array([0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6])
BODIES = ('robot/base', 'robot/foot_l', 'robot/foot_r', 'object')
RATE, VELOCITY_SCALE, VELOCITY_CLIP, HISTORY = 50.0, 0.05, 4.0, 3
ACTION_SCALE = np.array([0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15])
# term → numbers, in the order of training
TERMS = {
    'lin_vel': 3,
    'ang_vel': 3,
    'gravity': 3,
    'command': 3,
    'joint_pos': 8,
    'joint_vel': 8,
    'foot_pos': 3,
    'object_quat': 4,
    'past_ang_vel': 3 * HISTORY,
    'actions': 8,
}
MOUNT = np.array([0.05, -0.02, 0.1])  # m, of a tool on the foot


def quaternion(vector):
    """Return the unit quaternions x, y, z, w of rotation vectors (rows, 3)."""
    angle = np.linalg.norm(vector, axis=1, keepdims=True)
    return np.concatenate([vector / angle * np.sin(angle / 2), np.cos(angle / 2)], axis=1)


def product(left, right):
    """Return left ⊗ right of quaternions (rows, 4) x, y, z, w."""
    (a, b, c, d), (e, f, g, h) = left.T, right.T
    return np.stack(
        [
            d * e + a * h + b * g - c * f,
            d * f - a * g + b * h + c * e,
            d * g + a * f - b * e + c * h,
            d * h - a * e - b * f - c * g,
        ],
        axis=1,
    )


def matrix(turn):
    """Return the rotation matrices (rows, 3, 3) of quaternions (rows, 4) x, y, z, w."""
    x, y, z, w = (turn / np.linalg.norm(turn, axis=1, keepdims=True)).T
    flat = [
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(flat, axis=1).reshape(-1, 3, 3)


def out(turn, vector):
    """Return vectors (rows, 3) turned out of a frame."""
    return np.einsum('rij,rj->ri', matrix(turn), vector)


def into(turn, vector):
    """Return vectors (rows, 3) turned into a frame."""
    return np.einsum('rji,rj->ri', matrix(turn), vector)


class Space:
    """A Box without gym."""

    def __init__(self, size, bound=np.inf):
        self.low, self.high = np.full(size, -bound, np.float32), np.full(size, bound, np.float32)
        self.shape, self.dtype = (size,), np.dtype(np.float32)


class Walk:
    """A smooth signal of several numbers, another one for each row: sums of sines of the time since its beginning."""

    def __init__(self, random, rows, size, amplitude=1.0):
        self._amplitude = amplitude * random.uniform(0.3, 0.6, (3, rows, size))
        self._speed = random.uniform(0.5, 6.0, (3, rows, size))
        self._phase = random.uniform(0.0, 2 * np.pi, (3, rows, size))

    def at(self, time):
        """Return the value (rows, size) at times (rows,), s."""
        return (self._amplitude * np.sin(self._speed * time[:, np.newaxis] + self._phase)).sum(axis=0)


class Legged:
    """The environment.

    fault: planted in its observation. length: steps of an episode. noise: standard deviation on its observation.
    without: keys left out of its scene. terms: whether it describes its terms. extra: numbers of a further term at the
    end. blind: offers no raw state.
    """

    control_rate = RATE
    agents = value_size = 1

    def __init__(self, num_envs, seed=0, fault='', length=60, noise=0.0, without=(), terms=True, extra=0, blind=False):
        random = self._random = np.random.default_rng(seed)
        self._fault, self._length, self._noise, self._extra, rows = fault, length, noise, extra, num_envs
        self.observation_space, self.action_space = Space(sum(TERMS.values()) + extra), Space(len(JOINTS))
        self._walks = {
            name: Walk(random, rows, size, amplitude)
            for name, size, amplitude in (
                ('position', 3, 1.0), ('turn', 3, 1.2), ('linear', 3, 1.0), ('angular', 3, 2.0), ('joints', 8, 0.5),
                ('speeds', 8, 5.0), ('foot_l', 3, 0.5), ('foot_r', 3, 0.5), ('foot_turn', 3, 1.0), ('object', 3, 1.0),
                ('object_turn', 3, 1.5), ('command', 3, 1.0),
            )
        }  # fmt: skip
        # rows end their episodes one after another
        self._begun, self._count = np.zeros(rows), np.arange(rows) * 7 % length
        self._now = 0.0
        self._actions, self._targets = np.zeros((rows, len(JOINTS))), np.full((rows, len(JOINTS)), np.nan)
        self._before, self._past = None, None
        self.scene = None if blind else _scene(terms, extra, without)

    def reset(self):
        self._begin(np.ones(len(self._begun), dtype=bool))
        return self._observe(np.ones(len(self._begun), dtype=bool))

    def step(self, actions):
        self._actions = np.asarray(actions, dtype=np.float32)
        self._targets = (self._actions * ACTION_SCALE + DEFAULT).astype(np.float32)
        self._now += 1.0 / RATE
        self._count += 1
        dones = self._count >= self._length
        self._begin(dones)
        return self._observe(dones), np.zeros(len(dones)), dones, {}

    def raw(self):
        """Return the state of the last reset or step."""
        state = {
            'joints/robot/position': self._state['joints'],
            'joints/robot/velocity': self._state['speeds'],
            'targets/robot/position': self._targets,
            'targets/robot/velocity': np.full_like(self._targets, np.nan),
            'bodies': np.stack([self._state['bodies'][name] for name in BODIES], axis=1),
            'commands/base_velocity': self._state['command'],
        }
        parts = {'joints': 'articulations', 'targets': 'articulations'}
        described = {name: parts.get(name.partition('/')[0], name.partition('/')[0]) for name in state}
        return {name: value for name, value in state.items() if described[name] in self.scene}

    def _begin(self, rows):
        self._begun[rows] = self._now - self._random.uniform(0, 100, rows.sum())
        self._count[rows & (self._count >= self._length)] = 0
        self._actions = np.where(rows[:, np.newaxis], 0.0, self._actions).astype(np.float32)

    def _move(self):
        """Compute the state of now; float32, as of a simulator."""
        walk = {name: each.at(self._now - self._begun) for name, each in self._walks.items()}
        turn = {name: quaternion(walk[name]) for name in ('turn', 'foot_turn', 'object_turn')}
        base = turn['turn']
        feet = {name: walk['position'] + out(base, walk[name]) for name in ('foot_l', 'foot_r')}
        foot_turn = product(base, turn['foot_turn'])
        bodies = {
            'robot/base': (walk['position'], base),
            'robot/foot_l': (feet['foot_l'], foot_turn),
            'robot/foot_r': (feet['foot_r'], foot_turn * [-1, -1, -1, 1]),
            'object': (walk['object'], turn['object_turn']),
        }
        velocities = [out(base, walk[name]) for name in ('linear', 'angular')]
        self._state = {
            'joints': (DEFAULT + walk['joints'] + 0.1 * np.tanh(self._actions)).astype(np.float32),
            'speeds': walk['speeds'].astype(np.float32),
            'command': walk['command'].astype(np.float32),
            'bodies': {
                name: np.concatenate([*pose, *velocities], axis=1).astype(np.float32) for name, pose in bodies.items()
            },
        }

    def _observe(self, begins):
        self._move()
        terms = self._terms(begins)
        if self._fault == 'late':  # the simulator delays it by a step
            now, before = terms['lin_vel'], self._before
            terms['lin_vel'] = now if before is None else np.where(begins[:, np.newaxis], now, before)
            self._before = now
        values = np.concatenate([terms[name] for name in TERMS], axis=1)
        values = values + self._noise * self._random.normal(size=values.shape)
        more = self._random.normal(size=(len(values), self._extra))
        return {'obs': np.concatenate([values, more], axis=1).astype(np.float32)}

    def _terms(self, begins):
        state = {name: value for name, value in self._state.items() if name != 'bodies'}
        bodies = {name: value.astype(np.float64) for name, value in self._state['bodies'].items()}
        base = bodies['robot/base']
        turn = base[:, 3:7]
        linear, angular = (into(turn, base[:, start : start + 3]) for start in (7, 10))
        if self._fault == 'world':
            linear = base[:, 7:10]
        foot = bodies['robot/foot_r' if self._fault == 'wrong body' else 'robot/foot_l']
        point = foot[:, :3]
        if self._fault == 'mount':
            point = point + out(foot[:, 3:7], np.tile(MOUNT, (len(foot), 1)))
        orientation = bodies['object'][:, 3:7]
        orientation = orientation / np.linalg.norm(orientation, axis=1, keepdims=True)
        orientation = np.where(orientation[:, 3:] < 0, -orientation, orientation)
        if self._fault == 'wxyz':
            orientation = orientation[:, [3, 0, 1, 2]]
        return {
            'lin_vel': linear,
            'ang_vel': angular,
            'gravity': into(turn, np.tile([0.0, 0.0, -1.0], (len(turn), 1))),
            'command': state['command'],
            'joint_pos': state['joints'] - DEFAULT,
            'joint_vel': np.clip(state['speeds'], -VELOCITY_CLIP, VELOCITY_CLIP) * VELOCITY_SCALE,
            'foot_pos': into(turn, point - base[:, :3]),
            'object_quat': orientation,
            'past_ang_vel': self._history(angular, begins),
            'actions': self._actions,
        }

    def _history(self, value, begins):
        if self._past is None:
            self._past = [value] * HISTORY
        self._past = [np.where(begins[:, np.newaxis], value, past) for past in (*self._past[1:], value)]
        past = self._past[::-1] if self._fault == 'newest first' else self._past
        return np.concatenate(past, axis=1)


def _scene(terms, extra, without):
    described = [{'name': name, 'shape': [size], 'history': 1} for name, size in TERMS.items()]
    described += [{'name': 'height', 'shape': [extra], 'history': 1}] * bool(extra)
    scene = {
        'articulations': {
            'robot': {
                'joints': list(JOINTS),
                'root': 'robot/base',
                'lower': (-LIMITS).tolist(),
                'upper': LIMITS.tolist(),
                'default': DEFAULT.tolist(),
            }
        },
        'bodies': list(BODIES),
        'commands': {'base_velocity': {'size': 3}},
        'actions': [
            {
                'name': 'legs',
                'kind': 'joint_position',
                'articulation': 'robot',
                'joints': list(JOINTS),
                'scale': ACTION_SCALE.tolist(),
                'offset': DEFAULT.tolist(),
                'clip': None,
            }
        ],
        'terms': {'obs': described} if terms else {},
        'rate': RATE,
    }
    return {name: value for name, value in scene.items() if name not in without}


def create(num_envs, seed=0, **options):
    """Return the environment."""
    return Legged(num_envs, seed, **options)
