# SPDX-License-Identifier: Apache-2.0
"""The environment to host, and the Python that hosts it."""

from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import group, option, TO_PATHS

# numbers of any dtype
Array: TypeAlias = NDArray[Any]
# input → (rows, …)
Observations: TypeAlias = dict[str, Array]
# observations, rewards (rows,), dones (rows,) bool, successes (rows,) bool or None
Transition: TypeAlias = tuple[Observations, Array, NDArray[np.bool_], NDArray[np.bool_] | None]


ID: Final = (
    "gymnasium: the environment's id, as gymnasium.make takes it, module:Id-v0 included; isaaclab: the task's name, "
    "empty: that of the run's run.json"
)


@dataclass(frozen=True)
class PythonSpec:
    """The Python that hosts an environment. interpreter: '' hosts the environment in this process."""

    interpreter: str = option(
        '',
        "interpreter that hosts the environment in a process of its own, such as Isaac Gym's Python 3.8, which "
        'must have numpy. Empty: that of the bridge',
        name='python',
        refers_to=TO_PATHS,
    )
    path: tuple[str, ...] = option((), 'folders to import the environment from', name='python_path', refers_to=TO_PATHS)
    variables: tuple[str, ...] = option(
        (),
        'NAME=value, set in the environment of that interpreter, which has no variables of ROS',
        name='python_variables',
    )
    start_timeout: float = option(
        300.0,
        'how long that process may take to create the environment, for its first reset and its first step',
        unit='s',
        low=0.1,
    )
    step_timeout: float = option(10.0, 'how long it may take for a later step', unit='s', low=0.1)


@dataclass(frozen=True)
class SimulatorOptions:
    """The base of a simulator's options: one subclass for each, and a field of EnvironmentSpec with its name."""

    def arguments(self, named: dict[str, object]) -> dict[str, object]:
        """Return the arguments of its `create` besides rows and seed. named: name → value of sim.options."""
        return named


@dataclass(frozen=True)
class RunOptions(SimulatorOptions):
    """The base of simulators that host the task of a run: which run, and where the simulation runs."""

    config: str = option(
        '',
        'isaacgym, isaaclab: the run, or its configuration, whose task is hosted; empty: policy.train_config',
        refers_to=TO_PATHS,
    )
    device: str = option('cuda:0', 'isaacgym, isaaclab: device of the simulation and of its tensors')
    headless: bool = option(True, 'isaacgym, isaaclab: no window')


@dataclass(frozen=True)
class IsaacGymSpec(RunOptions):
    """A task of IsaacGymEnvs and where it runs. task: that of `config`, resolved; control_rate: its rate, Hz."""

    graphics_device: int = option(-1, 'isaacgym: device that renders; -1: none', low=-1)
    task: dict[str, Any] = field(default_factory=dict)
    control_rate: float | None = None

    def arguments(self, named: dict[str, object]) -> dict[str, object]:
        return {
            'task': self.task,
            'device': self.device,
            'graphics_device': self.graphics_device,
            'headless': self.headless,
            'control_rate': self.control_rate,
        }


@dataclass(frozen=True)
class IsaacLabSpec(RunOptions):
    """A task of Isaac Lab and where it runs.

    id: its registered name; settings: path of the run's env.yaml; wrapper: params.env of its agent.yaml; overrides:
    changes in Isaac Lab's form.
    """

    id: str = option('', ID)
    settings: str = ''
    wrapper: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()

    def arguments(self, named: dict[str, object]) -> dict[str, object]:
        return {
            'task': self.id,
            'environment': self.settings,
            'wrapper': self.wrapper,
            'device': self.device,
            'headless': self.headless,
            'overrides': list(self.overrides),
        }


@dataclass(frozen=True)
class GymnasiumSpec(SimulatorOptions):
    """An environment of Gymnasium."""

    id: str = option('', ID)

    def arguments(self, named: dict[str, object]) -> dict[str, object]:
        return {'id': self.id, **named}


@dataclass(frozen=True)
class InsertionSpec(SimulatorOptions):
    """The insertion task that ships."""

    episode_length: int = option(256, 'insertion: steps of an episode', low=1)
    stagger: bool = option(False, 'insertion: let the episodes of the robots end one after another')


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment of `rows` rows. The value of each of its options is YAML."""

    name: str = option(
        'insertion',
        'environment that stands in for the robots: insertion, isaacgym, isaaclab, gymnasium, or for your own '
        'package.module:factory or path/file.py:factory, called with num_envs, seed and sim.options',
        name='environment',
        refers_to=TO_PATHS,
    )
    rows: int = 1
    seed: int = option(0, 'seed of the environment', low=0)
    options: tuple[str, ...] = option(
        (),
        'name=value, passed to the factory of the environment; gymnasium: to gymnasium.make, but for '
        "vectorization_mode: sync, async or vector_entry_point; isaacgym: changes to the task in Hydra's form, "
        "task.env.name=value; isaaclab: in Isaac Lab's, env.name=value or physics=name",
    )
    insertion: InsertionSpec = group(InsertionSpec)
    gymnasium: GymnasiumSpec = group(GymnasiumSpec)
    isaacgym: IsaacGymSpec = group(IsaacGymSpec)
    isaaclab: IsaacLabSpec = group(IsaacLabSpec)
    python: PythonSpec = group(PythonSpec)

    @property
    def simulator(self) -> SimulatorOptions | None:
        """The options of the simulator, None if the user names a factory."""
        return getattr(self, self.name) if self.name in SIMULATORS else None

    def named_options(self) -> dict[str, object]:
        """Return name → value of `options`; raises ConfigurationError for an entry other than name=value."""
        named: dict[str, object] = {}
        for stated in self.options:
            name, equals, value = stated.partition('=')
            if not equals or not name.strip():
                raise ConfigurationError(f"sim.options has '{stated}'; expected name=value")
            try:
                named[name.strip()] = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise ConfigurationError(
                    f"sim.options has '{stated}', whose value is no YAML: {' '.join(str(error).split())}"
                ) from error
        return named


SIMULATORS: Final = tuple(each.name for each in fields(EnvironmentSpec) if isinstance(each.default, SimulatorOptions))
