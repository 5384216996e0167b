# SPDX-License-Identifier: Apache-2.0
"""Which environment to host, and in which Python; every backend reads these."""
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
import yaml

from rl_policy_node.errors import ConfigurationError

# numbers of any dtype
Array: TypeAlias = NDArray[Any]
# input → (rows, …)
Observations: TypeAlias = dict[str, Array]
# observations, rewards (rows,), dones (rows,) bool, successes (rows,) bool or None
Transition: TypeAlias = tuple[Observations, Array, NDArray[np.bool_], NDArray[np.bool_] | None]


@dataclass(frozen=True)
class PythonSpec:
    """The Python that hosts an environment.

    interpreter: of a worker process; empty: the environment lives in this process. path: folders that it is imported
    from. variables: `NAME=value` in the worker. start_timeout, step_timeout: s, how long making it and the first
    reset and step, and every later step, may take in the worker.
    """

    interpreter: str = ''
    path: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    start_timeout: float = 300.0
    step_timeout: float = 10.0


@dataclass(frozen=True)
class IsaacGymSpec:
    """A task of IsaacGymEnvs and where it runs.

    config: of the run whose task is hosted; empty: the policy's own. task: the task of that file, resolved;
    control_rate: its rate, Hz.
    """

    device: str = 'cuda:0'
    graphics_device: int = -1
    headless: bool = True
    config: str = ''
    task: dict[str, Any] = field(default_factory=dict)
    control_rate: float | None = None


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment of `rows` rows.

    name: insertion, isaacgym, gymnasium, or package.module:factory. id: of a Gymnasium environment. options:
    `name=value`, each value YAML, handed to what makes the environment. episode_length (steps), stagger: insertion.
    """

    name: str
    rows: int
    seed: int = 0
    id: str = ''
    options: tuple[str, ...] = ()
    episode_length: int = 256
    stagger: bool = False
    python: PythonSpec = PythonSpec()
    isaacgym: IsaacGymSpec = IsaacGymSpec()

    def named_options(self) -> dict[str, object]:
        """Return name → value of `options`; raises ConfigurationError for what is not name=value."""
        named: dict[str, object] = {}
        for option in self.options:
            name, equals, value = option.partition('=')
            if not equals or not name.strip():
                raise ConfigurationError(f"sim.options has '{option}'; expected name=value")
            try:
                named[name.strip()] = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise ConfigurationError(f"sim.options has '{option}', whose value is no YAML: "
                                         f'{" ".join(str(error).split())}') from error
        return named
