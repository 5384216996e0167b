"""Environments that stand in for robots, behind IsaacGymEnvs' contract; each is imported only when asked for.

An environment is made by a function, `factory(num_envs, seed, **options)`, in this process or in another
Python's. Those of BACKENDS stand in files of their own here, `create()` in each, which import nothing of
this package; anything else is named as package.module:factory.
"""
from pathlib import Path
import sys

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.sim import worker
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.sim.remote import folders_of, RemoteEnvironment
from rl_policy_node.sim.specs import EnvironmentSpec


def _gymnasium(spec):
    return {'id': spec.id, **spec.named_options()}


def _isaacgym(spec):
    return {'task': spec.task, 'device': spec.device, 'graphics_device': spec.graphics_device,
            'headless': spec.headless, 'control_rate': spec.control_rate}


# name, also of the file → the options that its create() gets
BACKENDS = {'gymnasium': _gymnasium, 'isaacgym': _isaacgym}
ENVIRONMENTS = ('insertion', *BACKENDS)


def create_environment(spec: EnvironmentSpec, say=lambda line: None):
    """Return an environment of `spec.rows` rows: a HostedEnvironment, or with `spec.python` a RemoteEnvironment.

    say(line) is told what the process of a RemoteEnvironment prints. Raises ConfigurationError for what the user
    can mend, SimulationError for how that process failed.
    """
    if spec.environment not in ENVIRONMENTS and ':' not in spec.environment:
        raise unknown('environment', spec.environment, [*ENVIRONMENTS, 'package.module:factory'], 'sim.environment')
    try:
        environment = _insertion(spec) if spec.environment == 'insertion' else _made(spec, say)
    except worker.Unknown as error:
        raise ConfigurationError(f"sim.environment '{spec.environment}': {error}; valid: {', '.join(ENVIRONMENTS)}, "
                                 'package.module:factory') from error
    except worker.Unfit as error:
        raise ConfigurationError(f"sim.environment '{spec.environment}': {error}") from error
    return _checked(environment, spec)


def _insertion(spec):
    if spec.python:
        raise ConfigurationError("sim.environment 'insertion' runs in the bridge's own Python; leave sim.python empty")
    try:
        from rl_policy_node.sim.insertion.environment import InsertionEnv
    except ImportError as error:
        raise ConfigurationError(f"sim.environment 'insertion' needs MuJoCo: {error}; pip install mujoco") from error
    return HostedEnvironment(InsertionEnv(spec.rows, seed=spec.seed, episode_length=spec.episode_length,
                                          stagger=spec.stagger))


def _made(spec, say):
    backend = BACKENDS.get(spec.environment)
    options = backend(spec) if backend else spec.named_options()
    if spec.python:
        # its Python may be too old for this package, not for the file alone
        target = f'{Path(__file__).parent / spec.environment}.py:create' if backend else spec.environment
        return RemoteEnvironment(spec, target, options, say)
    if spec.python_variables:
        raise ConfigurationError('sim.python_variables are for the process of sim.python, which is empty')
    sys.path[:0] = [folder for folder in folders_of(spec.python_path) if folder not in sys.path]
    target = f'{__name__}.{spec.environment}:create' if backend else spec.environment
    return HostedEnvironment(worker.make(target, spec.rows, spec.seed, options))


def _checked(environment, spec):
    """Refuse an environment of other rows than asked for; agents of one environment are a row each."""
    if environment.rows != spec.rows:
        environment.close()
        agents = f', {environment.agents} agents in each environment' if environment.agents > 1 else ''
        raise ConfigurationError(f"sim.environment '{spec.environment}' has {environment.rows} rows{agents}; expected "
                                 f'{spec.rows}, one for each robot; it is made with num_envs={spec.rows} unless '
                                 'sim.options has another num_envs')
    return environment
