"""Environments that stand in for robots, behind IsaacGymEnvs' contract; each is imported only when asked for."""
from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.sim.hosted import HostedEnvironment


def _insertion(rows, seed, episode_length, stagger):
    try:
        from rl_policy_node.sim.insertion.environment import InsertionEnv
    except ImportError as error:
        raise ConfigurationError(f"sim.environment 'insertion' needs MuJoCo: {error}; pip install mujoco") from error
    return InsertionEnv(rows, seed=seed, episode_length=episode_length, stagger=stagger)


ENVIRONMENTS = {'insertion': _insertion}


def create_environment(name, rows, *, seed, episode_length, stagger):
    """Return a HostedEnvironment of `rows` rows."""
    if name not in ENVIRONMENTS:
        raise unknown('environment', name, ENVIRONMENTS, 'sim.environment')
    return HostedEnvironment(ENVIRONMENTS[name](rows, seed, episode_length, stagger))
