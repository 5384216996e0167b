# SPDX-License-Identifier: Apache-2.0
"""Environments that replace robots, with IsaacGymEnvs' contract; each is imported only when needed.

A function `factory(num_envs, seed, **options)` creates an environment, in this process or in that of another Python.
The insertion ships with the package. Each other one of SIMULATORS has a file here with a function `create()`, which
imports nothing of this package; any other environment is named as package.module:factory.
"""

from collections.abc import Callable
from pathlib import Path
import sys

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.sim import worker
from rl_policy_node.sim.environment_specs import EnvironmentSpec, SIMULATORS
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.sim.remote import folders_of, RemoteEnvironment


def create_environment(
    spec: EnvironmentSpec, log: Callable[[str], object] = lambda line: None
) -> HostedEnvironment | RemoteEnvironment:
    """Return an environment of `spec.rows` rows: a HostedEnvironment, or with an interpreter a RemoteEnvironment.

    log(line) gets each line that the process of a RemoteEnvironment prints. Raises ConfigurationError for faults that
    the user can fix, SimulationError for a failure of that process.
    """
    if spec.name not in SIMULATORS and ':' not in spec.name:
        raise unknown('environment', spec.name, [*SIMULATORS, 'package.module:factory'], 'sim.environment')
    try:
        environment = _insertion(spec) if spec.name == 'insertion' else _made(spec, log)
    except worker.Unknown as error:
        raise ConfigurationError(
            f"sim.environment '{spec.name}': {error}; valid: {', '.join(SIMULATORS)}, package.module:factory"
        ) from error
    except worker.Unfit as error:
        raise ConfigurationError(f"sim.environment '{spec.name}': {error}") from error
    return _checked(environment, spec)


def _insertion(spec: EnvironmentSpec) -> HostedEnvironment:
    if spec.python.interpreter:
        raise ConfigurationError("sim.environment 'insertion' runs in the bridge's own Python; leave sim.python empty")
    try:
        from rl_policy_node.sim.insertion.environment import InsertionEnv
    except ImportError as error:
        raise ConfigurationError(f"sim.environment 'insertion' needs MuJoCo: {error}; pip install mujoco") from error
    return HostedEnvironment(
        InsertionEnv(
            spec.rows, seed=spec.seed, episode_length=spec.insertion.episode_length, stagger=spec.insertion.stagger
        )
    )


def _made(spec: EnvironmentSpec, log: Callable[[str], object]) -> HostedEnvironment | RemoteEnvironment:
    named = spec.named_options()
    options = spec.simulator.arguments(named) if spec.simulator else named
    if spec.python.interpreter:
        # its Python may be too old for this package, but not for this one file
        target = f'{Path(__file__).parent / spec.name}.py:create' if spec.simulator else spec.name
        return RemoteEnvironment(spec, target, options, log)
    if spec.python.variables:
        raise ConfigurationError('sim.python_variables are for the process of sim.python, which is empty')
    sys.path[:0] = [folder for folder in folders_of(spec.python.path) if folder not in sys.path]
    target = f'{__name__}.{spec.name}:create' if spec.simulator else spec.name
    return HostedEnvironment(worker.make(target, spec.rows, spec.seed, options))


def _checked(
    environment: HostedEnvironment | RemoteEnvironment, spec: EnvironmentSpec
) -> HostedEnvironment | RemoteEnvironment:
    """Raise ConfigurationError unless the environment has the requested rows; each agent of it is a row."""
    if environment.rows != spec.rows:
        environment.close()
        agents = f', {environment.agents} agents in each environment' if environment.agents > 1 else ''
        raise ConfigurationError(
            f"sim.environment '{spec.name}' has {environment.rows} rows{agents}; expected "
            f'{spec.rows}, one for each robot; it is made with num_envs={spec.rows} unless '
            'sim.options has another num_envs'
        )
    return environment
