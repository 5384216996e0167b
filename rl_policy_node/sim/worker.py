# SPDX-License-Identifier: Apache-2.0
"""Hosts an environment, in the bridge's own process or, run as a script, in another Python.

Interpreters without this package run it: one file, Python 3.6 syntax, the standard library and numpy; torch only
after an environment with tensors has imported it itself.
"""

import os
import sys

if __name__ == '__main__':
    # Python puts a script's folder first, where our gymnasium.py and isaacgym.py would hide the real packages
    _HERE = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder) != _HERE]

import importlib
import importlib.util
import json
import mmap
import signal
import socket
import struct
import threading
import time
import traceback

import numpy as np


class Unfit(ValueError):
    """A fault of an environment that its user can fix; reported without a traceback."""


class Unknown(Unfit):
    """A name that leads to no function that creates an environment."""


# from a name to an environment


def make(target, num_envs, seed, options):
    """Return a NumpyEnvironment of the environment that `target` creates: `module:function` or `file.py:function`.

    The function is called as function(num_envs=…, seed=…, **options). Raises Unfit if there is no such function, if it
    raises a ValueError of its own, or if its environment breaks the contract.
    """
    factory = load(target)
    try:
        environment = factory(**dict(dict(num_envs=num_envs, seed=seed), **options))
    except ValueError as error:
        # of the factory's own module; errors from elsewhere need their traceback
        file = getattr(sys.modules.get(factory.__module__), '__file__', None)
        if traceback.extract_tb(error.__traceback__)[-1].filename == file:
            raise Unfit(str(error)) from error
        raise
    return NumpyEnvironment(environment)


def load(target):
    """Return the function that a target names; raises Unknown if there is none."""
    place, _, name = target.rpartition(':')
    if not place or not name:
        raise Unknown('expected package.module:factory')
    try:
        module = _run_file(place) if place.endswith('.py') else importlib.import_module(place)
    except ImportError as error:
        raise Unknown(
            '{} (Python {}.{}) cannot import it: {}'.format(
                sys.executable, sys.version_info[0], sys.version_info[1], error
            )
        ) from error
    if not callable(getattr(module, name, None)):
        raise Unknown("module '{}' has no function '{}'".format(place, name))
    return getattr(module, name)


def _run_file(path):
    if not os.path.isfile(path):
        raise Unknown("there is no file '{}'".format(path))
    # an own name: an import of gymnasium must not find our file
    name = 'hosted_' + os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# one interface for every environment


class NumpyEnvironment:
    """Wraps an environment of IsaacGymEnvs' and rl_games' contract; writes its results into given arrays.

    The environment returns observations as an array, a tensor, `{'obs': …}` or `{'obs': {…}, 'states': …}`; flat ones
    become the one input `obs`. The constructor resets it once, because only observations show their form; the first
    `reset` returns these. `about` describes everything in numbers and strings.

    It may have an attribute `scene` (a dict, read once, after that reset) and a method raw() → name → (rows, …): what a
    robot's drivers would measure, apart from the observations.
    """

    def __init__(self, environment):
        self._environment = environment
        self._first = named(environment.reset())
        self._tensors = any(hasattr(value, 'detach') for value in self._first.values())
        arrays = {name: array(value) for name, value in self._first.items()}
        self.about = _about(environment, arrays)
        self._actions = dict(fields(self.about))['actions']

    def reset(self, out):
        """Begin new episodes in every row; the first call returns the observations of the constructor's reset."""
        first, self._first = self._first, None
        self._write(named(self._environment.reset()) if first is None else first, out)

    def step(self, actions, out):
        """Step with actions (rows, numbers of a row); return whether there are successes."""
        observations, rewards, dones, infos = self._environment.step(self._as_taken(actions))
        self._write(named(observations), out)
        rewards = array(rewards)
        # the first of several values of a row is the reward, as in rl_games' player
        _copy('rewards', rewards[:, 0] if rewards.ndim == 2 else rewards, out)
        _copy('dones', array(dones).astype(bool), out)
        successes = infos.get('successes') if isinstance(infos, dict) else None
        if successes is not None:
            _copy('successes', array(successes).astype(bool), out)
        return successes is not None

    def raw(self, out):
        """Write the raw state after the last reset or step; a row that was done is already reset."""
        now = self._environment.raw()
        for name in self.about['raw']:
            if name not in now:
                raise ValueError("its raw state lacks '{}'; it has {}".format(name, sorted(now)))
            _copy('raw/' + name, array(now[name]), out)

    def close(self):
        """Close the environment, if it has a method for that."""
        getattr(self._environment, 'close', lambda: None)()

    def _write(self, observations, out):
        for name in self.about['inputs']:
            if name not in observations:
                raise ValueError("observations lack '{}'; they have {}".format(name, sorted(observations)))
            _copy('obs/' + name, array(observations[name]), out)
        if self.about['qpos']:
            _copy('qpos', array(self._environment.qpos), out)

    def _as_taken(self, actions):
        """Return the actions in the form of rl_games' own player; a copy, because environments keep their actions."""
        shape, dtype = self._actions
        actions = np.array(actions, dtype).reshape(shape)
        if self.about['action_space']['kind'] == 'Discrete':
            actions = actions[:, 0]
        if not self._tensors:
            return actions
        import torch

        return torch.from_numpy(actions).to(getattr(self._environment, 'rl_device', 'cpu'))


def named(observations):
    """Return input → value for any form of observations; inputs of the critic alone are left out."""
    if isinstance(observations, dict) and 'obs' in observations:
        observations = observations['obs']
    return observations if isinstance(observations, dict) else {'obs': observations}


def array(value):
    """Return a tensor, list or number as an array; the environment may still write into it."""
    return value.detach().cpu().numpy() if hasattr(value, 'detach') else np.asarray(value)


def fields(about):
    """Return (name, ((rows, …) shape, dtype)) of all inputs and outputs of an environment."""
    rows, action = about['rows'], about['action_space']
    kind = '<f4' if action['kind'] == 'Box' else '<i8'
    found = [
        ('actions', ((rows, num_actions(action)), kind)),
        ('rewards', ((rows,), '<f8')),
        ('dones', ((rows,), '|b1')),
        ('successes', ((rows,), '|b1')),
    ]
    found += [('obs/' + name, ((rows,) + tuple(shape), dtype)) for name, (shape, dtype) in about['inputs'].items()]
    if about['qpos']:
        found.append(('qpos', ((rows,) + tuple(about['qpos'][0]), about['qpos'][1])))
    return found + [('raw/' + name, ((rows,) + tuple(shape), dtype)) for name, (shape, dtype) in about['raw'].items()]


def num_actions(space):
    """Return how many numbers the action of one row has. space: described."""
    return {
        'Discrete': lambda: 1,
        'MultiDiscrete': lambda: len(space['nvec']),
        'Tuple': lambda: len(space['spaces']),
        'Box': lambda: int(np.prod(space['shape'])),
    }[space['kind']]()


def describe(space):
    """Return a space, of gym or of gymnasium, in numbers and strings."""
    inner = getattr(space, 'spaces', None)
    if hasattr(inner, 'items'):
        return {'kind': 'Dict', 'spaces': {name: describe(each) for name, each in inner.items()}}
    if inner is not None:
        return {'kind': 'Tuple', 'spaces': [describe(each) for each in inner]}
    if hasattr(space, 'nvec'):
        return {'kind': 'MultiDiscrete', 'nvec': np.asarray(space.nvec).tolist(), 'shape': list(space.shape)}
    if hasattr(space, 'low'):
        return {
            'kind': 'Box',
            'low': _bound(space.low),
            'high': _bound(space.high),
            'shape': list(space.shape),
            'dtype': np.dtype(space.dtype).str,
        }
    if hasattr(space, 'n'):
        return {'kind': 'Discrete', 'n': int(space.n), 'shape': []}
    raise Unfit('its space {!r} is none of Box, Discrete, MultiDiscrete, Tuple, Dict'.format(space))


def _bound(bound):
    """Return one number if all are the same, as for images."""
    bound = np.asarray(bound)
    return bound.flat[0].item() if bound.size and (bound == bound.flat[0]).all() else bound.tolist()


def _about(environment, arrays):
    """Return the checked description of an environment."""
    rows, space = _rows(arrays), describe(environment.observation_space)
    qpos, rate, agents = (getattr(environment, name, None) for name in ('qpos', 'control_rate', 'agents'))
    about = {
        'observation_space': space,
        'action_space': describe(environment.action_space),
        'rows': rows,
        'agents': int(agents or getattr(environment, 'get_number_of_agents', lambda: 1)()),
        'value_size': int(getattr(environment, 'value_size', 1)),
        'control_rate': None if rate is None else float(rate),
        'inputs': _inputs(space, arrays, rows),
        'qpos': None if qpos is None else [list(np.shape(qpos)[1:]), array(qpos).dtype.str],
        'scene': scene_of(environment),
    }
    _check_actions(about['action_space'])
    about['raw'] = {} if about['scene'] is None else _raw(about['scene'], environment, rows)
    return about


def scene_of(environment):
    """Return the description of the raw state as JSON has it, None for an environment without; raises Unfit."""
    scene = getattr(environment, 'scene', None)
    if scene is None:
        return None
    try:
        scene = json.loads(json.dumps(scene))
    except (TypeError, ValueError) as error:
        raise Unfit('its scene is no JSON: {}'.format(error)) from error
    kinds = {'articulations': dict, 'bodies': list, 'sensors': dict, 'commands': dict, 'actions': list, 'terms': dict}
    for name, kind in kinds.items() if isinstance(scene, dict) else [('', dict)]:
        part = scene.get(name, kind()) if name else scene
        if not isinstance(part, kind):
            where = "scene['{}']".format(name) if name else 'scene'
            raise Unfit('its {} is a {}; expected a {}'.format(where, type(part).__name__, kind.__name__))
    if not callable(getattr(environment, 'raw', None)):
        raise Unfit('it has a scene and no method raw(), which gives the arrays that the scene describes')
    return scene


def raw_shapes(scene):
    """Return name → shape of a row, of everything that a scene's raw state may have."""
    shapes = {}
    for name, articulation in scene.get('articulations', {}).items():
        count = len(articulation['joints'])
        for part in ('joints', 'targets'):
            for quantity in ('position', 'velocity', 'effort'):
                shapes['{}/{}/{}'.format(part, name, quantity)] = (count,)
    bodies = len(scene.get('bodies', []))
    if bodies:
        shapes.update({'bodies': (bodies, 13), 'com': (bodies, 3)})
    for name, sensor in scene.get('sensors', {}).items():
        known = {'wrench': [6], 'acceleration': [3]}.get(sensor['kind'])
        shapes['sensors/' + name] = tuple(sensor['shape'] if known is None else known)
    shapes.update({'commands/' + name: (each['size'],) for name, each in scene.get('commands', {}).items()})
    return shapes


def _raw(scene, environment, rows):
    """Return name → [shape of a row, dtype] of the raw state; raise Unfit if it differs from the scene."""
    try:
        wanted = raw_shapes(scene)
    except (KeyError, TypeError) as error:
        raise Unfit('a part of its scene lacks {}, or is of another type'.format(error)) from error
    found = {name: array(value) for name, value in environment.raw().items()}
    for name, value in found.items():
        if name not in wanted:
            raise Unfit(
                "its raw state has '{}', which its scene does not describe; valid: {}".format(name, ', '.join(wanted))
            )
        if value.shape != (rows,) + wanted[name]:
            raise Unfit(
                "its raw state '{}' has the shape {}; its scene says {} behind {} rows".format(
                    name, value.shape, wanted[name], rows
                )
            )
        if value.dtype.kind not in 'biuf':
            raise Unfit("its raw state '{}' has the dtype {}, which is no number".format(name, value.dtype))
    return {name: [list(value.shape[1:]), value.dtype.str] for name, value in sorted(found.items())}


def _rows(arrays):
    rows = {value.shape[0] if value.ndim else None for value in arrays.values()}
    if len(rows) != 1 or None in rows:
        shapes = {name: value.shape for name, value in arrays.items()}
        raise Unfit('its observations have the shapes {}; expected the same number of rows first'.format(shapes))
    return rows.pop()


def _inputs(space, arrays, rows):
    """Return input → [shape of a row, dtype]; raise Unfit if the first observations differ from the space."""
    promised = space['spaces'] if space['kind'] == 'Dict' else {'obs': space}
    for name, each in promised.items():
        if name not in arrays:
            raise Unfit("its observations lack '{}'; they have {}".format(name, sorted(arrays)))
        shape, dtype = arrays[name].shape, arrays[name].dtype
        if each.get('shape') is None or shape != (rows,) + tuple(each['shape']):
            raise Unfit(
                "its observation '{}' has the shape {}, rows first; its space says {} behind {} rows".format(
                    name, shape, tuple(each.get('shape') or [each['kind']]), rows
                )
            )
        if dtype.kind not in 'biuf':
            raise Unfit("its observation '{}' has the dtype {}, which is no number".format(name, dtype))
    return {name: [list(arrays[name].shape[1:]), arrays[name].dtype.str] for name in promised}


def _check_actions(space):
    branches = space['spaces'] if space['kind'] == 'Tuple' else []
    if space['kind'] == 'Dict' or any(branch['kind'] != 'Discrete' for branch in branches):
        raise Unfit(
            'its action space is a {} of {}; expected Box, Discrete, MultiDiscrete, or a Tuple of Discrete'.format(
                space['kind'], [branch['kind'] for branch in branches] or 'other spaces'
            )
        )


def _copy(name, value, out):
    if value.shape != out[name].shape:
        raise ValueError("'{}' has the shape {}; expected {}".format(name, value.shape, out[name].shape))
    np.copyto(out[name], value, casting='same_kind')


# serving the bridge: orders and answers over a socket, arrays in shared memory

HEADER = struct.Struct('<cBI')  # kind, whether there are successes, number of bytes of JSON that follow
MAKE, MAP, RESET, STEP, RAW, CLOSE = b'M', b'P', b'R', b'S', b'W', b'C'
MADE, DONE, FAILED = b'm', b'd', b'f'


def send(connection, kind, flag=0, content=None):
    """Send an order or an answer, with plain data if there is any."""
    body = b'' if content is None else json.dumps(content, default=str).encode()
    connection.sendall(HEADER.pack(kind, flag, len(body)) + body)


def receive(connection, waiting=None):
    """Return (kind, flag, content); waiting() is called at each timeout of the socket. Raises EOFError at its end."""
    kind, flag, size = HEADER.unpack(_exactly(connection, HEADER.size, waiting))
    return kind, flag, json.loads(_exactly(connection, size, waiting).decode()) if size else None


def _exactly(connection, size, waiting):
    data = b''
    while len(data) < size:
        try:
            part = connection.recv(size - len(data))
        except socket.timeout:
            waiting()
            continue
        if not part:
            raise EOFError
        data += part
    return data


def memory_size(about):
    """Return the size of all arrays of an environment, bytes."""
    return _places(about)[1]


def mapped(memory, about):
    """Return name → array in the file `memory`, which stays mapped as long as one of the arrays exists."""
    buffer = mmap.mmap(memory, memory_size(about))
    return {
        name: np.ndarray(shape, dtype, buffer, offset) for name, (shape, dtype, offset) in _places(about)[0].items()
    }


def _places(about):
    places, end = {}, 0
    for name, (shape, dtype) in fields(about):
        places[name] = shape, dtype, end
        # each array begins a new cache line
        end += -(-int(np.prod(shape)) * np.dtype(dtype).itemsize // 64) * 64
    return places, end


def serve(connection, memory):
    """Create the requested environment, and step it until the bridge closes it."""
    _, _, wanted = receive(connection)
    sys.path[:0] = wanted.pop('path')
    face = make(**wanted)
    send(connection, MADE, content=face.about)
    receive(connection)
    arrays = mapped(memory, face.about)
    send(connection, DONE)
    while True:
        order, _, _ = receive(connection)
        if order == CLOSE:
            return face.close()
        obey = {RESET: face.reset, RAW: face.raw}.get(order, lambda out: face.step(out['actions'], out))
        send(connection, DONE, int(bool(obey(arrays))))


def main(connection, memory):
    """Serve the parent process over inherited files; end with it, together with all processes started here."""
    for inherited in (connection, memory):
        os.set_inheritable(inherited, False)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    connection = socket.socket(fileno=connection)
    try:
        serve(connection, memory)
    except (EOFError, ConnectionError):
        _end_all()
    except Unfit as error:
        send(connection, FAILED, content={'kind': type(error).__name__, 'text': str(error)})
    except BaseException as error:  # noqa: BLE001 - also SystemExit: some simulators call exit()
        send(
            connection,
            FAILED,
            content={
                'kind': '',
                'text': '{}: {}\n{}'.format(type(error).__name__, error, traceback.format_exc().rstrip()),
            },
        )


def _end_with(parent):
    """End all processes when the parent has ended, even while a step keeps the socket from being read."""
    while os.getppid() == parent:
        time.sleep(0.5)
    _end_all()


def _end_all():
    os.killpg(0, signal.SIGKILL)


if __name__ == '__main__':
    main(*map(int, sys.argv[1:]))
