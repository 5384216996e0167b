# SPDX-License-Identifier: Apache-2.0
"""Reads from a run of IsaacGymEnvs the environment that it was trained in."""

import dataclasses

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.sim.environment_specs import EnvironmentSpec


def run_task(configuration: Configuration) -> EnvironmentSpec:
    """Return the EnvironmentSpec of an IsaacGymEnvs run, with the resolved task part and the control rate.

    Devices, seed and number of rows are those of `sim`, as if the run had been started with them;
    `sim.options` change the task in Hydra's form, and come last. Raises ConfigurationError, also for a value
    that cannot be resolved: without it the task would run, but differ from training.
    """
    # torch, which comes with it, takes a second to import
    from rl_policy_node.policy.run.trained_run import TrainedRun

    spec, policy = configuration.sim.environment, configuration.policy
    file = spec.isaacgym.config
    run = TrainedRun.read(
        file or policy.train_config, None, (*(() if file else policy.overrides), *_started_with(spec))
    )
    config = run.config
    if 'name' not in config.task:
        raise ConfigurationError(
            f'sim.environment isaacgym: {config.path} says nothing of a task; expected the '
            "config.yaml that IsaacGymEnvs writes into a run's folder, with task: and train:"
        )
    for name, why in config.unresolved.items():
        if name.startswith('task.'):
            raise ConfigurationError(f'sim.environment isaacgym: {name} of {config.path} cannot be resolved: {why}')
    rate = run.facts.control_rate
    raw = {name.partition('.')[2]: str(value) for name, value in _raw_names(spec).items()}
    task = dataclasses.replace(spec.isaacgym, task=config.task, control_rate=rate.value if rate else None, raw=raw)
    return dataclasses.replace(spec, options=(), isaacgym=task)


def _raw_names(spec: EnvironmentSpec) -> dict[str, object]:
    """Return raw.piece → attribute of the task, as sim.options name them."""
    named = tuple(option for option in spec.options if option.startswith('raw.'))
    return dataclasses.replace(spec, options=named).named_options()


def _started_with(spec: EnvironmentSpec) -> tuple[str, ...]:
    """Return Hydra's overrides that start the run with the devices, rows and changes of `sim`."""
    options = [option for option in spec.options if not option.startswith('raw.')]
    for option in options:
        if not option.lstrip('+~').startswith('task.'):
            raise ConfigurationError(
                f"sim.options has '{option}'; isaacgym takes changes to the task: "
                'task.name=value, +task.name=value, ~task.name; and raw.piece=attribute'
            )
    device, rows = spec.isaacgym.device, spec.rows
    pipeline, on_gpu = ('cpu', 'false') if device == 'cpu' else ('gpu', 'true')
    # the first line suffices for a run that keeps its interpolations; other runs have them resolved already
    return (
        f'sim_device={device}',
        f'rl_device={device}',
        f'pipeline={pipeline}',
        f'num_envs={rows}',
        f'++task.sim.use_gpu_pipeline={on_gpu}',
        f'++task.sim.physx.use_gpu={on_gpu}',
        f'task.env.numEnvs={rows}',
        f'seed={spec.seed}',
        *options,
    )
