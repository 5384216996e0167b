# SPDX-License-Identifier: Apache-2.0
"""Creates IsaacGymEnvs' tasks as its own training does, from the task part of a run.

The file is self-contained, in Python 3.6's syntax: a worker process of Isaac Gym's own Python loads it by its path.
"""

import contextlib
import importlib
import importlib.util
import os
import sys


def create(num_envs, seed, task, device='cuda:0', graphics_device=-1, headless=True, control_rate=None, raw=None):
    """Return an IsaacGymTask of num_envs rows.

    task: the task part of a run's config.yaml, resolved, as plain data; its devices and its number of environments
    must fit the other arguments. control_rate: Hz, of the run. raw: piece of the raw state -> attribute of the task
    that holds it, for a task that differs from published ones. Raises ValueError for a task that cannot be created,
    for a piece or an attribute that does not exist, and if this Python has no Isaac Gym.
    """
    _check(task, num_envs, graphics_device)
    isaacgymenvs = _imported()
    from isaacgymenvs.utils.utils import set_seed
    from omegaconf import OmegaConf

    set_seed(seed)  # make() ignores its seed; IsaacGymEnvs' training seeds in this way
    with _configurations_of(isaacgymenvs):
        made = isaacgymenvs.make(
            seed=seed,
            task=task['name'],
            num_envs=num_envs,
            sim_device=device,
            rl_device=device,
            graphics_device_id=graphics_device,
            headless=headless,
            multi_gpu=False,
            virtual_screen_capture=False,
            force_render=not headless,
            cfg=OmegaConf.create({'task': task}),
        )
    return IsaacGymTask(made, control_rate, raw)


def _check_raw(task, named):
    valid = _beside('isaacgym_raw.tasks').NAMES if named else ()
    for piece, attribute in named.items():
        if piece not in valid:
            raise ValueError('raw.{} is unknown; valid: {}'.format(piece, ', '.join('raw.' + each for each in valid)))
        if not hasattr(task, attribute):
            raise ValueError("raw.{}: the task {} has no '{}'".format(piece, type(task).__name__, attribute))


def _beside(name):
    """Return a module of a folder beside this file, which may itself have been loaded by its path."""
    folder = name.partition('.')[0]
    if folder not in sys.modules:
        file = os.path.join(os.path.dirname(os.path.abspath(__file__)), folder, '__init__.py')
        spec = importlib.util.spec_from_file_location(folder, file, submodule_search_locations=[os.path.dirname(file)])
        sys.modules[folder] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[folder])
    return importlib.import_module(name)


def _check(task, num_envs, graphics_device):
    if 'name' not in task or 'env' not in task:
        raise ValueError('the task configuration has {}; IsaacGymEnvs needs its name and env'.format(sorted(task)))
    if task['env'].get('numEnvs') != num_envs:  # make() uses only this number
        raise ValueError(
            'task.env.numEnvs is {}; expected the {} rows of the bridge'.format(task['env'].get('numEnvs'), num_envs)
        )
    if task['env'].get('enableCameraSensors') and graphics_device < 0:
        raise ValueError(
            "the task '{}' has cameras (task.env.enableCameraSensors), which need a device that renders: "
            'sim.graphics_device is {}, the first one is 0'.format(task['name'], graphics_device)
        )


def _imported():
    """Return the module isaacgymenvs; isaacgym is imported first, since it refuses to be imported after torch."""
    try:
        import isaacgym  # noqa: F401 - imported for its order
    except ImportError as error:
        raise ValueError(_why(error)) from error
    try:
        import isaacgymenvs
    except ImportError as error:
        where = '; sim.python_path names the folder that has it' if error.name == 'isaacgymenvs' else ''
        raise ValueError(
            '{} has isaacgym and cannot import isaacgymenvs: {}{}'.format(sys.executable, error, where)
        ) from error
    return isaacgymenvs


def _why(error):
    if importlib.util.find_spec('isaacgym') is None:
        return (
            '{} has no isaacgym, which exists for Python 3.6 to 3.8 only; sim.python names the interpreter that '
            'has it'.format(sys.executable)
        )
    if 'torch' in sys.modules:
        return (
            'isaacgym has to be imported before torch, and this process has imported torch: {}; with sim.python it '
            'has a process of its own'.format(error)
        )
    return '{} cannot import isaacgym: {}'.format(sys.executable, error)


@contextlib.contextmanager
def _configurations_of(isaacgymenvs):
    """Let tasks compose files of isaacgymenvs/cfg while they are created, as those of Factory and TacSL do.

    In training, Hydra's main function sets that folder.
    """
    folder = os.path.join(os.path.dirname(os.path.abspath(isaacgymenvs.__file__)), 'cfg')
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    if GlobalHydra.instance().is_initialized() or not os.path.isdir(folder):
        yield
        return
    with initialize_config_dir(config_dir=folder, version_base='1.1'):
        yield


class IsaacGymTask:
    """A VecTask whose reset really resets, with successes by row if the task has them, and with its raw state.

    Takes and returns tensors on rl_device; the task clips actions and observations itself. raw: as for create().
    """

    value_size = 1

    def __init__(self, task, control_rate=None, raw=None):
        self._task, self._begun, self._named, self._raw = task, False, raw or {}, None
        _check_raw(task, self._named)
        self.observation_space, self.action_space = task.observation_space, task.action_space
        self.num_envs, self.agents = task.num_envs, getattr(task, 'num_agents', 1)
        self.rl_device, self.control_rate = task.rl_device, control_rate

    @property
    def scene(self):
        """What the raw state has; None for a task without, or of several agents."""
        if self._raw is None and self.agents == 1 and hasattr(self._task, 'gym'):
            try:
                self._raw = _beside('isaacgym_raw.task_tensors').RawState(self._task, self._named, self.control_rate)
                self._raw.read()
            except Exception as error:  # noqa: BLE001 - a task of any kind may be hosted without it
                print('raw state: none, because of a {}: {}'.format(type(error).__name__, error), flush=True)
                self._raw = None
        return None if self._raw is None else self._raw.scene

    def raw(self):
        """Return name -> (rows, ...) array as `scene` describes it: what a robot's drivers would measure."""
        return self._raw.read()

    def get_number_of_agents(self):
        """Return the number of agents in a row."""
        return self.agents

    def reset(self):
        """Begin episodes and return their first observations.

        The first call returns the result of VecTask.reset(), on which rl_games acts as well: the buffers as they are,
        which for many tasks are still zeros. Later VecTask.reset() would return the episodes under way. Then every row
        is marked as ended and out of time (AnymalTerrain only looks at the time), and one step follows with actions
        of zero, in which tasks reset such rows.
        """
        if not self._begun or not hasattr(self._task, 'reset_buf'):
            self._begun = True
            return self._task.reset()
        self._task.reset_buf[:] = 1
        self._task.progress_buf[:] = int(self._task.max_episode_length)
        return self._task.step(self._task.zero_actions())[0]

    def step(self, actions):
        """Return the task's observations, rewards, dones and infos; infos['successes'] is (rows,), or absent."""
        self._begun = True
        observations, rewards, dones, infos = self._task.step(actions)
        infos = {name: value for name, value in infos.items() if name != 'successes' or self._is_by_row(value)}
        successes = infos.get('successes', self._successes(dones))
        return observations, rewards, dones, infos if successes is None else dict(infos, successes=successes)

    def _successes(self, dones):
        """Return (rows,) bool: goals reached in the episode (hands), or the check at the end of TacSL's episodes."""
        reached = getattr(self._task, 'successes', None)
        if self._is_by_row(reached):
            return reached > 0
        check = getattr(self._task, '_check_success', None)
        if check is None:
            return None
        return check() if dones.any() else dones > 0

    def _is_by_row(self, value):
        """Return whether a value has one entry per row; most tasks give a mean over all rows instead."""
        return tuple(getattr(value, 'shape', ())) == (self.num_envs,)
