# SPDX-License-Identifier: Apache-2.0
"""Creates Isaac Lab's tasks with the settings of a run, as its own play script does.

The file is self-contained: a worker process of Isaac Lab's own Python loads it by its path. It was tried with Isaac Lab
3.0; of 2.x, which starts Isaac Sim, only the interface is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
import importlib
import importlib.metadata
import importlib.util
import math
from pathlib import Path
import sys
from typing import Any

# set for this process; or a place of the machine that trained
_OWN = ('scene.num_envs', 'sim.device', 'seed', 'log_dir', 'io_descriptors_output_dir')


def create(
    num_envs: int,
    seed: int,
    task: str,
    environment: str = '',
    wrapper: Mapping[str, object] | None = None,
    device: str = 'cuda:0',
    headless: bool = True,
    overrides: Sequence[str] = (),
) -> IsaacLabTask:
    """Return an IsaacLabTask of num_envs rows.

    task: its registered name, or module:Id. environment: path of the run's env.yaml, whose settings count; '': those of
    the installed task. wrapper: params.env of the run's agent.yaml: clips and observation groups. overrides: changes in
    Isaac Lab's form (env.decimation=2, physics=newton_mjwarp), which come last. Raises ValueError for a task that
    cannot be created, and if this Python has no Isaac Lab.
    """
    with contextlib.ExitStack() as closing:
        simulation = _simulation_3 if _major() >= 3 else _simulation_2
        config, launch = simulation(closing, task, device, headless, list(overrides))
        if environment:
            _follow(config, environment, [override.partition('=')[0].lstrip('+~') for override in overrides])
        config.scene.num_envs, config.sim.device, config.seed = num_envs, device, seed
        launch()
        import gymnasium
        from isaaclab_rl.rl_games import RlGamesVecEnvWrapper

        made: Any = gymnasium.make(task, cfg=config)
        closing.callback(made.close)
        made.unwrapped.seed(seed)  # making it drew from the stream of its resets
        if hasattr(made.unwrapped, 'possible_agents'):
            raise ValueError(f'{task} has several agents, {made.unwrapped.possible_agents}; one is expected')
        wrapped = _wrapped(RlGamesVecEnvWrapper, made, device, wrapper or {})
        return IsaacLabTask(wrapped, device, _raw_state(wrapped), closing.pop_all())


def _major() -> int:
    """Return the major version of Isaac Lab; its source tree of 2.x numbered this package by itself, 0.x."""
    if importlib.util.find_spec('isaaclab') is None:
        raise ValueError(f'{sys.executable} has no isaaclab; sim.python names the interpreter that has it')
    from isaaclab import __version__

    return int(__version__.partition('.')[0])


def _simulation_3(
    closing: contextlib.ExitStack, task: str, device: str, headless: bool, overrides: list[str]
) -> tuple[Any, Callable[[], object]]:
    """Return the configuration of a task of 3.x, and what launches the simulation that it names, once it is final."""
    from isaaclab.app import launch_simulation
    import isaaclab_tasks  # noqa: F401 - registers the tasks
    from isaaclab_tasks.utils import resolve_task_config

    for installed in importlib.metadata.entry_points(group='isaaclab.tasks'):
        installed.load()
    _register(task)
    try:
        config, _ = resolve_task_config(task, None, overrides=overrides)
    except (KeyError, ValueError) as error:
        raise ValueError(f'{task} does not take these sim.options: {" ".join(str(error).split())}') from error
    arguments = {'device': device, 'headless': headless}
    return config, lambda: closing.enter_context(launch_simulation(config, arguments))


def _simulation_2(
    closing: contextlib.ExitStack, task: str, device: str, headless: bool, overrides: list[str]
) -> tuple[Any, Callable[[], object]]:
    """Return the configuration of a task of 2.x, whose modules need Isaac Sim to run; nothing is left to launch."""
    from isaaclab.app import AppLauncher

    closing.callback(AppLauncher(headless=headless, device=device, enable_cameras=True).app.close)
    import isaaclab_tasks  # noqa: F401 - registers the tasks
    from isaaclab_tasks.utils import parse_env_cfg
    import yaml

    _register(task)
    config = parse_env_cfg(task.rpartition(':')[2], device=device)
    for override in overrides:
        name, equals, value = override.partition('=')
        if not equals or not name.startswith('env.'):
            raise ValueError(f"sim.options has '{override}'; Isaac Lab 2 takes env.name=value")
        _update(config, _nested(name.split('.')[1:], yaml.safe_load(value)))
    return config, lambda: None


def _register(task: str) -> None:
    """Import the module of `module:Id`, as gymnasium does; raise ValueError for a task that is not registered."""
    import difflib

    import gymnasium

    module, _, name = task.rpartition(':')
    if module:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ValueError(f"{sys.executable} cannot import the '{module}' of '{task}': {error}") from error
    if name not in gymnasium.registry:
        close = difflib.get_close_matches(name, [each for each in gymnasium.registry if 'Isaac' in each], 3)
        raise ValueError(
            f"Isaac Lab has no task '{name}'"
            + (f'; did you mean {" or ".join(close)}?' if close else '')
            + ('' if module else f'; for one of your own, sim.id is module:{name}, and the module registers it')
        )


def _wrapped(wrapper: Any, made: Any, device: str, stated: Mapping[str, Any]) -> Any:
    """Return the environment in Isaac Lab's own wrapper for rl_games, which clips."""
    clips = [stated.get(name, math.inf) for name in ('clip_observations', 'clip_actions')]
    groups = (stated.get('obs_groups'), stated.get('concate_obs_groups', True))
    # 2.0 and 2.1 have no groups; a run may state either without the other
    return wrapper(made, device, *clips, *(groups if groups != (None, True) else ()))


def _raw_state(wrapped: Any) -> Any:
    """Return the RawState of an environment, of the file beside this one; None, and a line, if it cannot be had."""
    spec = importlib.util.spec_from_file_location(
        'hosted_isaaclab_state', Path(__file__).with_name('isaaclab_state.py')
    )
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.tried('any', module.RawState, wrapped, _major() < 3)


# the settings of the run


def _follow(config: Any, environment: str, overridden: list[str]) -> None:
    """Give a configuration those settings of a run's env.yaml that differ, but for overridden ones.

    Raises ValueError if this Isaac Lab does not know one: the task would run, but differ from training.
    """
    from isaaclab.utils.dict import class_to_dict

    skipped = [*_OWN, *(name.partition('env.')[2] for name in overridden if name.startswith('env.'))]
    # a preset replaces all of the physics
    skipped += ['sim.physics', 'sim.physx'] if {'physics', 'presets'} & set(overridden) else []
    for path, value in _differences(class_to_dict(config), _read(environment)):
        name = '.'.join(path)
        if not any(f'{name}.'.startswith(f'{each}.') for each in skipped):
            _update(config, _nested(path, value))
            print(f'{name}: {value!r}, as in {environment}')


def _read(path: str) -> Any:
    """Return the content of an env.yaml, in which Isaac Lab writes Python's tuples and slices; no other tag is read."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor('tag:yaml.org,2002:python/tuple', lambda loader, node: tuple(_listed(loader, node)))
    Loader.add_constructor(
        'tag:yaml.org,2002:python/object/apply:builtins.slice', lambda loader, node: slice(*_listed(loader, node))
    )
    with open(path) as file:
        return yaml.load(file, Loader)


def _listed(loader: Any, node: Any) -> list[Any]:
    values: list[Any] = loader.construct_sequence(node, deep=True)
    return values


def _differences(here: Any, there: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (path, value) of each setting that has another value there than here."""
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        for name, value in there.items():
            yield from _differences(here.get(name, _ABSENT), value, (*path, str(name)))
    elif _plain(here) != _plain(there) and not _same_asset(here, there):
        yield path, there


_ABSENT = object()


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _same_asset(here: Any, there: Any) -> bool:
    """Return whether both are paths of one asset, which each machine has below a root of its own."""
    if not (isinstance(here, str) and isinstance(there, str)):
        return False
    tails = [each.rstrip('/').split('/')[-2:] for each in (here, there)]
    return len(tails[0]) == 2 and tails[0] == tails[1]


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    tree: dict[str, Any] = value
    return tree


def _update(config: Any, values: dict[str, Any]) -> None:
    from isaaclab.utils.dict import update_class_from_dict

    try:
        update_class_from_dict(config, values)
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(
            f'this Isaac Lab does not take a setting of the run: {" ".join(str(error).split())}; '
            'sim.options with the same name replace it'
        ) from error


class IsaacLabTask:
    """An environment of Isaac Lab in its own wrapper for rl_games; tensors on `rl_device`.

    control_rate: Hz. scene: what its raw state has, None without. A row is reset in the step in which it ends.
    """

    agents = value_size = 1

    def __init__(self, wrapped: Any, device: str, state: Any, closing: contextlib.ExitStack) -> None:
        self._wrapped, self._state, self._closing = wrapped, state, closing
        self.scene: dict[str, Any] | None = state and state.scene
        self.observation_space, self.action_space = wrapped.observation_space, wrapped.action_space
        self.num_envs, self.rl_device = wrapped.num_envs, device
        self.control_rate = 1.0 / wrapped.unwrapped.step_dt

    def get_number_of_agents(self) -> int:
        """Return 1: rows do not play together."""
        return self.agents

    def reset(self) -> object:
        """Begin an episode in every row; return observations as rl_games' player gets them."""
        return self._wrapped.reset()

    def step(self, actions: object) -> tuple[object, object, object, dict[str, object]]:
        """Return observations, rewards (rows,), dones (rows,) and infos, whose `successes` are (rows,) or absent."""
        observations, rewards, dones, extras = self._wrapped.step(actions)
        successes = extras.get('successes')
        by_row = tuple(getattr(successes, 'shape', ())) == (self.num_envs,)
        return observations, rewards, dones, {'successes': successes} if by_row else {}

    def raw(self) -> dict[str, object]:
        """Return the raw state after the last reset or step: name → tensor (rows, …), as `scene` describes it."""
        raw: dict[str, object] = self._state.read()
        return raw

    def close(self) -> None:
        """End the environment and the simulation."""
        self._closing.close()
