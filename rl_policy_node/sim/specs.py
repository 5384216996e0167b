"""What environment to host, and in which Python; written once, read by every backend."""
from dataclasses import dataclass, field

import yaml

from rl_policy_node.errors import ConfigurationError


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment of `rows` rows.

    environment: insertion, isaacgym, gymnasium, or package.module:factory. options: `name=value`, each value
    YAML, handed to what makes the environment. python: interpreter of a worker process that hosts it; empty:
    this one. python_path: folders the environment is imported from; python_variables: `NAME=value` in that process.
    start_timeout, step_timeout: s, how long making it and the first reset and step, and every later step, may
    take there. task: the resolved task configuration of an IsaacGymEnvs run; control_rate: Hz, as it tells it.
    """

    environment: str
    rows: int
    seed: int = 0
    episode_length: int = 256
    stagger: bool = False
    id: str = ''
    options: tuple = ()
    python: str = ''
    python_path: tuple = ()
    python_variables: tuple = ()
    start_timeout: float = 300.0
    step_timeout: float = 10.0
    device: str = 'cuda:0'
    graphics_device: int = -1
    headless: bool = True
    task: dict = field(default_factory=dict)
    control_rate: float | None = None

    def named_options(self) -> dict:
        """Return name → value of `options`; raises ConfigurationError for what is not name=value."""
        named = {}
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
