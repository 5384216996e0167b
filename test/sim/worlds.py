# SPDX-License-Identifier: Apache-2.0
"""Environments of the contract that any Python makes: 3.6's syntax, numpy, arithmetic that no version changes.

A test names them as `worlds:…`, in its own process or in a worker of another Python.
"""

import os
import signal
import subprocess
import sys
import time

import numpy as np

MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


class Box:
    """A space as gym and gymnasium have it, of neither."""

    def __init__(self, low, high, shape, dtype=np.float32):
        self.low, self.high = np.full(shape, low, dtype), np.full(shape, high, dtype)
        self.shape, self.dtype = shape, np.dtype(dtype)


class Dict:
    """Named spaces."""

    def __init__(self, spaces):
        self.spaces = spaces


class Discrete:
    """One of n choices."""

    def __init__(self, n):
        self.n = n


class World:
    """Rows that wander by a linear congruential generator and their actions, and look at it with a camera.

    Its buffers are its own and written over by every step, as Isaac Gym's are.
    """

    value_size = agents = 1
    control_rate = 50.0

    def __init__(self, num_envs, seed=0, size=16):
        self.action_space = Box(-1.0, 1.0, (3,))
        self.observation_space = Dict(
            {
                'position': Box(-np.inf, np.inf, (3,)),
                'counts': Box(0, 99, (2,), np.int64),
                'camera': Box(0, 255, (size, size, 3), np.uint8),
            }
        )
        self.closed = False
        self._state = np.arange(num_envs, dtype=np.uint64) + np.uint64(1000 * seed + 1)
        self._buffers = {
            'position': np.zeros((num_envs, 3), np.float32),
            'counts': np.zeros((num_envs, 2), np.int64),
            'camera': np.zeros((num_envs, size, size, 3), np.uint8),
        }
        self._pixels = np.arange(size * size * 3, dtype=np.uint64).reshape(1, size, size, 3)

    @property
    def qpos(self):
        return self._buffers['position'].astype(np.float64) * 0.5

    def reset(self):
        self._buffers['position'][:] = 0.0
        self._buffers['counts'][:] = 0
        return self._observe()

    def step(self, actions):
        drawn = self._draw()
        position, counts = self._buffers['position'], self._buffers['counts']
        # single additions and products of float32, rounded alike by every version
        position += actions * np.float32(0.125)
        position += ((drawn >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-26))[:, None]
        counts[:, 0] += 1
        counts[:, 1] = (drawn >> np.uint64(50)) % np.uint64(100)
        rewards = position[:, 0] - position[:, 1]
        dones = (drawn >> np.uint64(60)) == 0
        successes = dones & (counts[:, 1] > 50)
        position[dones] = 0.0
        counts[dones] = 0
        return self._observe(), rewards, dones.astype(np.uint8), {'successes': successes}

    def close(self):
        self.closed = True

    def _draw(self):
        self._state *= MULTIPLIER
        self._state += INCREMENT
        return self._state

    def _observe(self):
        self._buffers['camera'][:] = (
            self._pixels * (self._state >> np.uint64(33))[:, None, None, None] >> np.uint64(7)
        ).astype(np.uint8)
        return {'obs': self._buffers, 'states': {'hidden': self._state}}


class Seen(World):
    """A World that shows what a robot's drivers would measure. fault: what is wrong with that."""

    def __init__(self, num_envs, seed=0, fault=''):
        super(Seen, self).__init__(num_envs, seed, size=2)
        self._fault = fault
        arm = {'joints': ['a', 'b', 'c'], 'root': 'arm/base', 'lower': [-1.0, None, -2.0]}
        self.scene = {
            'articulations': {'arm': arm},
            'bodies': ['arm/base', 'cup'],
            'sensors': {
                'wrist': {'kind': 'wrench', 'body': 'arm/base'},
                'camera': {'kind': 'image', 'shape': [2, 2, 3], 'dtype': '|u1'},
            },
            'commands': {'speed': {'size': 3}},
            'actions': [{'name': 'all', 'kind': 'other', 'size': 3}],
            'rate': 50.0,
        }
        self.scene = {'listed': [], 'unread': {'bodies': {'arm': 1}}, 'strange': dict(self.scene, rate=self)}.get(
            fault, self.scene
        )
        if fault == 'mute':
            self.raw = None
        if fault == 'nameless':
            del arm['joints']

    def raw(self):
        position, rows = self._buffers['position'], len(self._state)
        raw = {
            'joints/arm/position': position,
            'joints/arm/velocity': position * 2,
            'bodies': np.arange(26 * rows, dtype=np.float64).reshape(rows, 2, 13) + position[:, :1, None],
            'sensors/wrist': np.zeros((rows, 6)),
            'sensors/camera': self._buffers['camera'],
            'commands/speed': [[1.0, 2.0, 3.0]] * rows,
        }
        if self._fault == 'short':
            raw['joints/arm/velocity'] = position[:, :2]
        if self._fault == 'unheard':
            raw['joints/leg/position'] = position
        if self._fault == 'fading' and self._buffers['counts'].any():
            del raw['bodies']
        return raw


class Faulty(World):
    """A World in which something goes wrong: at its making, its reset, or in a step."""

    def __init__(self, num_envs, seed=0, fault='', at='step', after=1, note=''):
        self._fault, self._at, self._after, self._note = getattr(self, '_' + fault), at, after, note
        super(Faulty, self).__init__(num_envs, seed, size=2)
        self._meet('make')

    def reset(self):
        self._meet('reset')
        return super(Faulty, self).reset()

    def step(self, actions):
        self._meet('step')
        return super(Faulty, self).step(actions)

    def _meet(self, at):
        if at == self._at:
            self._after -= 1
            if self._after < 0:
                print('something goes wrong')
                self._fault()

    def _raise(self):
        raise RuntimeError('the simulator lost its GPU')

    def _exit(self):
        sys.exit(3)

    def _abort(self):
        os._exit(7)

    def _kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def _stop(self):
        os.kill(os.getpid(), signal.SIGSTOP)

    def _hang(self):
        time.sleep(60)

    def _breed(self):
        """Start a process that would outlive this one, and note it."""
        child = subprocess.Popen(['sleep', '60'], close_fds=False)
        with open(self._note, 'w') as file:
            file.write(str(child.pid))


def talkative(num_envs, seed=0):
    """Return a World after saying where it runs, as simulators do, by Python and past it."""
    print('Python {}.{}'.format(*sys.version_info[:2]))
    sys.stderr.write('to the other stream\n')
    os.system('echo from a child; echo "variables $LD_LIBRARY_PATH, $PYTHONPATH, $AMENT_PREFIX_PATH$ROS_DISTRO, $MINE"')
    print('path ' + sys.path[0])
    return World(num_envs, seed, size=2)


class Slow(World):
    """A World whose steps take longer than its later ones may."""

    def __init__(self, num_envs, seed=0):
        super(Slow, self).__init__(num_envs, seed, size=2)

    def step(self, actions):
        time.sleep(0.6)
        return super(Slow, self).step(actions)


class Uneven(World):
    """A World whose camera sees less than its space says."""

    def __init__(self, num_envs, seed=0):
        super(Uneven, self).__init__(num_envs, seed, size=2)
        self.observation_space.spaces['camera'] = Box(0, 255, (4, 4, 3), np.uint8)


class Unheard(World):
    """A World whose actions have names, which rl_games knows nothing of."""

    def __init__(self, num_envs, seed=0):
        super(Unheard, self).__init__(num_envs, seed, size=2)
        self.action_space = Dict({'left': self.action_space})


class TwoAgents(World):
    """A World in which two play in each environment."""

    agents = 2

    def __init__(self, num_envs, seed=0):
        super(TwoAgents, self).__init__(2 * num_envs, seed, size=2)


class Choosing:
    """Shows in what form the choices came: row 0 the number of their dimensions, row 1 their sum."""

    action_space = Discrete(4)
    observation_space = Box(-np.inf, np.inf, (1,))

    def __init__(self, num_envs, seed=0):
        self._rows = num_envs

    def reset(self):
        return np.zeros((self._rows, 1), np.float32)

    def step(self, actions):
        if actions.dtype != np.int64:
            raise TypeError('choices are {}'.format(actions.dtype))
        shown = np.array([[actions.ndim], [actions.sum()]], np.float32)
        return shown, np.zeros(self._rows), np.zeros(self._rows, bool), {}


class Tuple:
    """Spaces one after the other."""

    def __init__(self, spaces):
        self.spaces = spaces


class ChoosingTwice(Choosing):
    """Choosing between two things at once."""

    action_space = Tuple((Discrete(4), Discrete(2)))


def refusing(num_envs, seed=0):
    """Refuse, as a factory refuses what its user asked for."""
    raise ValueError('no such world; valid: this one')


class Reaching:
    """Three joints that go where they are sent, in episodes of 20 steps: what a small policy of the tests takes.

    Observations (rows, 9): position, velocity, force.
    """

    observation_space, action_space = Box(-10.0, 10.0, (9,)), Box(-1.0, 1.0, (3,))
    value_size = agents = 1
    control_rate = 50.0

    def __init__(self, num_envs, seed=0):
        self._state, self._steps = np.zeros((num_envs, 9), np.float32), 0

    def reset(self):
        return self._state

    def step(self, actions):
        self._steps += 1
        self._state[:, :3] = actions
        return self._state, actions.sum(1), np.full(len(actions), self._steps % 20 == 0), {}
