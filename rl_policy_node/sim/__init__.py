"""Environments that stand in for robots, behind IsaacGymEnvs' contract; each is imported only when asked for."""
from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.sim.specs import EnvironmentSpec


def _insertion(spec):
    try:
        from rl_policy_node.sim.insertion.environment import InsertionEnv
    except ImportError as error:
        raise ConfigurationError(f"sim.environment 'insertion' needs MuJoCo: {error}; pip install mujoco") from error
    return InsertionEnv(spec.rows, seed=spec.seed, episode_length=spec.episode_length, stagger=spec.stagger)


ENVIRONMENTS = {'insertion': _insertion}


def create_environment(spec: EnvironmentSpec, say=lambda line: None):
    """Return a HostedEnvironment of `spec.rows` rows; say(line) is told what a worker process prints."""
    if spec.environment not in ENVIRONMENTS:
        raise unknown('environment', spec.environment, ENVIRONMENTS, 'sim.environment')
    return HostedEnvironment(ENVIRONMENTS[spec.environment](spec))
