"""From a configuration to the environment it names."""
from rl_policy_node.sim import create_environment
from rl_policy_node.sim.specs import EnvironmentSpec

_FROM_SIM = ('environment', 'seed', 'episode_length', 'stagger', 'id', 'options', 'python', 'python_path',
             'python_variables', 'start_timeout', 'step_timeout', 'device', 'graphics_device', 'headless')


def open_environment(configuration, say=lambda line: None):
    """Return the environment of a Configuration, one row for each robot; say(line): what its process prints."""
    sim = configuration.sim
    named = {name: getattr(sim, name) for name in _FROM_SIM}
    return create_environment(EnvironmentSpec(**named, rows=configuration.control.rows), say)
