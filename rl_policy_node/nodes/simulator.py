"""From a configuration to the environment it names."""
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim import create_environment
from rl_policy_node.sim.specs import EnvironmentSpec

_FROM_SIM = ('environment', 'seed', 'episode_length', 'stagger', 'id', 'options', 'python', 'python_path',
             'python_variables', 'start_timeout', 'step_timeout', 'device', 'graphics_device', 'headless')


def open_environment(configuration, say=lambda line: None):
    """Return the environment of a Configuration, one row for each robot; say(line): what its process prints."""
    sim = configuration.sim
    named = {name: getattr(sim, name) for name in _FROM_SIM}
    if sim.environment == 'isaacgym':
        named |= run_task(configuration)
    return create_environment(EnvironmentSpec(**named, rows=configuration.control.rows), say)


def run_task(configuration):
    """Return what of an IsaacGymEnvs run makes its environment: the task half, resolved, and the control rate.

    Devices, seed and number of rows are those of `sim`, as if the run had been started with them;
    `sim.options` change the task in Hydra's form, and come last. Raises ConfigurationError, also for a value
    that cannot be resolved: a task would go on without it, and be another one.
    """
    # rl_games, which comes with it, takes seconds to import
    from rl_policy_node.policy.facts import read_facts
    from rl_policy_node.policy.train_config import TrainConfig
    sim, policy = configuration.sim, configuration.policy
    overrides = () if sim.config else policy.overrides
    config = TrainConfig.read(sim.config or policy.train_config, (*overrides, *_started_with(configuration)))
    if 'name' not in config.task:
        raise ConfigurationError(f'sim.environment isaacgym: {config.path} says nothing of a task; expected the '
                                 "config.yaml that IsaacGymEnvs writes into a run's folder, with task: and train:")
    for name, why in config.unresolved.items():
        if name.startswith('task.'):
            raise ConfigurationError(f'sim.environment isaacgym: {name} of {config.path} cannot be resolved: {why}')
    return {'task': config.task, 'options': (), 'control_rate': read_facts(config).value('control_rate')}


def _started_with(configuration):
    """Return Hydra's overrides that start the run with the devices, rows and changes of `sim`."""
    sim, rows = configuration.sim, configuration.control.rows
    for option in sim.options:
        if not option.lstrip('+~').startswith('task.'):
            raise ConfigurationError(f"sim.options has '{option}'; isaacgym takes changes to the task: "
                                     'task.name=value, +task.name=value, ~task.name')
    pipeline, on_gpu = ('cpu', 'false') if sim.device == 'cpu' else ('gpu', 'true')
    # of a run that keeps its interpolations the first line is enough; others have them resolved already
    return (f'sim_device={sim.device}', f'rl_device={sim.device}', f'pipeline={pipeline}', f'num_envs={rows}',
            f'++task.sim.use_gpu_pipeline={on_gpu}', f'++task.sim.physx.use_gpu={on_gpu}', f'task.env.numEnvs={rows}',
            f'seed={sim.seed}', *sim.options)
