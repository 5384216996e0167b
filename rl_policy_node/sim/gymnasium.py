# SPDX-License-Identifier: Apache-2.0
"""Any environment of Gymnasium with the contract of rl_games: arrays of rows, each reset as it ends.

Gymnasium 0.29, or 1.1 and newer. The file is self-contained, in Python 3.6's syntax: a worker process of another
Python loads it by its path.
"""

import functools
import importlib.util
import os

import gymnasium
from gymnasium import spaces
import numpy as np

MODES = ('sync', 'async', 'vector_entry_point')
SUCCESSES = ('is_success', 'success')


def create(num_envs, seed=0, id='', vectorization_mode='sync', **options):
    """Return a GymnasiumEnvironment of num_envs rows; options go to gymnasium.make.

    id: as gymnasium.make takes it, `module:Id-v0` included. vectorization_mode: sync, async, or
    vector_entry_point for the environment's own. Row i is seeded with seed + i. Raises ValueError for an
    environment that cannot be hosted.
    """
    if not id:
        raise ValueError("sim.id is missing: gymnasium needs an environment's id, such as InvertedPendulum-v5")
    if vectorization_mode not in MODES:
        raise ValueError(
            "unknown vectorization_mode '{}' in sim.options; valid: {}".format(vectorization_mode, ', '.join(MODES))
        )
    same_step = _same_step()
    try:
        return _made(num_envs, seed, id, vectorization_mode, options, same_step)
    except (gymnasium.error.Error, ImportError) as error:
        raise ValueError("gymnasium cannot make '{}': {}".format(id, error)) from error
    except TypeError as error:
        if 'unexpected keyword argument' not in str(error):
            raise
        raise ValueError("'{}' does not take these sim.options: {}".format(id, error)) from error


def _made(num_envs, seed, id, vectorization_mode, options, same_step):
    if vectorization_mode == 'vector_entry_point':
        vector = gymnasium.make_vec(id, num_envs, vectorization_mode=vectorization_mode, **options)
        return GymnasiumEnvironment(vector, seed, _rate(vector), _resets_nothing(vector, id))
    make = functools.partial(gymnasium.make, id, **options)
    kind = {'sync': gymnasium.vector.SyncVectorEnv, 'async': gymnasium.vector.AsyncVectorEnv}[vectorization_mode]
    single, vector = make(), kind([make] * num_envs, **same_step)
    made = GymnasiumEnvironment(vector, seed, _rate(single))
    made.show(_raw_state(single, vector))
    single.close()
    return made


def _raw_state(single, vector):
    """Return what reads the raw state of environments that MuJoCo simulates in this process, None for others."""
    if type(getattr(single.unwrapped, 'model', None)).__module__.split('.')[0] != 'mujoco' or (
        not hasattr(vector, 'envs')
    ):
        return None
    # by its path: in a worker this file belongs to no package
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'mujoco_state.py')
    spec = importlib.util.spec_from_file_location('hosted_mujoco_state', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MujocoState(vector.envs, module.takes_controls(single), _rate(single))


def _same_step():
    """Return the options that let a vector environment reset a row in the step in which it ends."""
    version = tuple(int(part) for part in gymnasium.__version__.split('.')[:2])
    if version < (1, 0):
        return {}  # it has no other way
    if version == (1, 0):
        raise ValueError(
            'gymnasium {} resets a row one step after its end, a step that rl_games does not know; '
            '0.29, and 1.1 or newer, reset it at once'.format(gymnasium.__version__)
        )
    return {'autoreset_mode': gymnasium.vector.AutoresetMode.SAME_STEP}


def _resets_nothing(vector, id):
    """Return whether an environment's own vectorisation leaves resets to its user; refuse one that resets late."""
    mode = getattr(vector.metadata.get('autoreset_mode'), 'name', 'an unknown mode')
    if mode not in ('SAME_STEP', 'DISABLED'):
        raise ValueError(
            "the vector_entry_point of '{}' resets by {}, one step after a row's end, a step that "
            'rl_games does not know; vectorization_mode=sync resets it at once'.format(id, mode)
        )
    return mode == 'DISABLED'


def _rate(env):
    """Return the step rate, Hz: MuJoCo's environments and some others give dt, most only a rounded render_fps."""
    step = getattr(env.unwrapped, 'dt', None)
    if isinstance(step, (int, float)) and step > 0:
        return 1.0 / step
    frames = (env.metadata or {}).get('render_fps')
    return float(frames) if frames else None


class GymnasiumEnvironment:
    """A Gymnasium vector environment with the contract of rl_games' environments.

    Observations are float32, but bytes stay bytes; Discrete and MultiDiscrete become one-hot vectors. A Dict becomes
    input → array, a Tuple has the inputs '0', '1', …; '_' joins the names of nested spaces.
    Actions are (rows, n) float32 for a Box, (rows,) integers for a Discrete, (rows, n) integers for a
    MultiDiscrete, a MultiBinary and a Tuple of Discrete; rl_games knows these three only as a Tuple of Discrete.
    """

    agents = value_size = 1
    scene = None

    def __init__(self, vector, seed=0, control_rate=None, resets_nothing=False):
        self._vector, self._seed, self._resets_nothing = vector, seed, resets_nothing
        self.num_envs, self.control_rate = vector.num_envs, control_rate
        self._leaves = {'_'.join(path): (path, leaf) for path, leaf in _leaves(vector.single_observation_space)}
        self.observation_space = _observation_space(vector.single_observation_space, self._leaves)
        self.action_space = _action_space(vector.single_action_space)
        self._tells_success = False
        self._state = None

    def show(self, state):
        """Offer the raw state that a MujocoState reads, None for none."""
        self._state, self.scene = state, None if state is None else state.scene

    def raw(self):
        """Return the raw state after the last reset or step, name → (rows, …)."""
        return self._state.raw()

    def get_number_of_agents(self):
        """Return 1: rows do not play together."""
        return self.agents

    def reset(self):
        """Begin an episode in every row; only the first call is seeded, so that later episodes differ."""
        seed, self._seed = self._seed, None
        return self._arrays(self._vector.reset(seed=seed)[0])

    def step(self, actions):
        """Return observations, rewards, dones and infos; a row that ended already shows its next episode."""
        actions = _native(self._vector.single_action_space, np.asarray(actions), self.num_envs)
        observations, rewards, terminated, truncated, infos = self._vector.step(actions)
        if self._state is not None:
            self._state.stepped(actions)
        dones = np.logical_or(terminated, truncated)
        successes = self._successes(infos, dones)
        if self._resets_nothing and dones.any():
            observations, _ = self._vector.reset(options={'reset_mask': dones})
        return (
            self._arrays(observations),
            np.asarray(rewards),
            dones,
            {} if successes is None else {'successes': successes},
        )

    def close(self):
        """End the environments."""
        self._vector.close()

    def _arrays(self, observations):
        def below(part, key):
            return part[int(key) if isinstance(part, tuple) else key]

        arrays = {
            name: _array(leaf, functools.reduce(below, path, observations))
            for name, (path, leaf) in self._leaves.items()
        }
        return arrays.get('', {'obs': arrays})

    def _successes(self, infos, dones):
        """Return the successes (rows,) bool that the environments report, None until one has reported any."""
        now = _told(infos, self.num_envs)
        end = now if self._resets_nothing else _told(infos.get('final_info'), self.num_envs)
        self._tells_success |= now is not None or end is not None
        never = np.zeros(self.num_envs, dtype=bool)
        found = np.where(dones, never if end is None else end, never if now is None else now)
        return found if self._tells_success else None


def _told(infos, rows):
    """Return the successes (rows,) bool in infos, None if no row has one."""
    if isinstance(infos, dict):
        names = [name for name in SUCCESSES if name in infos]
        return np.array([bool(value) for value in infos[names[0]]]) if names else None
    # Gymnasium 0.29 keeps the last infos of each row that ended, and None for the others
    each = [
        [info[name] for name in SUCCESSES if name in info] if info else [] for info in (() if infos is None else infos)
    ]
    return np.array([any(told) for told in each], dtype=bool) if any(each) else None


def _leaves(space, path=()):
    """Yield (path, space) of every space nested in Dict and Tuple."""
    if not isinstance(space, (spaces.Dict, spaces.Tuple)):
        yield path, space
        return
    for name, part in space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces):
        yield from _leaves(part, path + (str(name),))


def _observation_space(space, leaves):
    if len(leaves) != sum(1 for _ in _leaves(space)):
        raise ValueError("two parts of the observation have one name, joined by '_': {}".format(sorted(leaves)))
    boxes = {name: _box(leaf, name) for name, (_, leaf) in leaves.items()}
    return boxes[''] if '' in boxes else spaces.Dict(boxes)


def _box(leaf, name):
    """Return the Box of the arrays that _array returns."""
    if isinstance(leaf, spaces.Box):
        dtype = np.uint8 if leaf.dtype == np.uint8 else np.float32
        shape = leaf.shape or (1,)
        return spaces.Box(leaf.low.astype(dtype).reshape(shape), leaf.high.astype(dtype).reshape(shape), dtype=dtype)
    if not isinstance(leaf, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        raise ValueError(
            "observation '{}' is a {}, which no network of rl_games takes".format(name or 'obs', type(leaf).__name__)
        )
    return spaces.Box(0.0, 1.0, (spaces.flatdim(leaf),), dtype=np.float32)


def _array(leaf, value):
    """Return the observation of a leaf as an array (rows, …)."""
    if isinstance(leaf, spaces.Box):
        value = np.asarray(value, dtype=np.uint8 if leaf.dtype == np.uint8 else np.float32)
        return value.reshape((len(value),) + (leaf.shape or (1,)))
    if isinstance(leaf, spaces.MultiBinary):
        return np.asarray(value, dtype=np.float32).reshape(len(value), -1)
    starts, counts = _choices(leaf)
    places = np.asarray(value).reshape(len(value), -1) - starts + np.cumsum(counts) - counts
    hot = np.zeros((len(value), sum(counts)), dtype=np.float32)
    np.put_along_axis(hot, places.astype(np.int64), 1.0, axis=1)
    return hot


def _choices(space):
    """Return the first value and the number of choices of each part of a discrete space, (n,) each."""
    parts = space.spaces if isinstance(space, spaces.Tuple) else [space]
    if isinstance(space, spaces.MultiDiscrete):
        nvec = space.nvec.reshape(-1)
        return np.broadcast_to(getattr(space, 'start', 0), space.nvec.shape).reshape(-1), nvec
    return np.array([part.start for part in parts]), np.array([part.n for part in parts])


def _action_space(space):
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return spaces.Box(space.low.reshape(-1).astype(np.float32), space.high.reshape(-1).astype(np.float32))
    if isinstance(space, spaces.Discrete):
        return _discrete(space.n)
    if isinstance(space, spaces.MultiBinary):
        return spaces.Tuple([_discrete(2) for _ in range(int(np.prod(space.shape)))])
    if (
        isinstance(space, spaces.MultiDiscrete)
        or isinstance(space, spaces.Tuple)
        and all(isinstance(part, spaces.Discrete) for part in space.spaces)
    ):
        return spaces.Tuple([_discrete(count) for count in _choices(space)[1]])
    raise ValueError(
        'the action space {} is none that rl_games acts in; it knows a Box of floats, Discrete, '
        'MultiDiscrete, MultiBinary and a Tuple of Discrete'.format(space)
    )


def _discrete(count):
    space = spaces.Discrete(int(count))
    space.n = int(count)  # torch takes no integer of NumPy as a size
    return space


def _native(space, actions, rows):
    """Return actions in the form of the vector environment."""
    if isinstance(space, (spaces.Box, spaces.MultiBinary)):
        return actions.astype(space.dtype).reshape((rows,) + space.shape)
    actions = actions.astype(np.int64).reshape(rows, -1) + _choices(space)[0]
    if isinstance(space, spaces.Tuple):
        return tuple(actions.T)
    return actions.reshape((rows,) + space.shape)
