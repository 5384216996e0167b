# SPDX-License-Identifier: Apache-2.0
"""Reads from a run of Isaac Lab the environment that it was trained in."""

import dataclasses
import json
from pathlib import Path

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.sim.environment_specs import EnvironmentSpec

MANIFEST = 'run.json'


def run_task(configuration: Configuration) -> EnvironmentSpec:
    """Return the EnvironmentSpec of an Isaac Lab run: its task, its env.yaml, and its clips and observation groups.

    Device, seed and number of rows are those of `sim`; `sim.options` change the task in Isaac Lab's form, and come
    last. Raises ConfigurationError if the run lacks one of these, or if neither it nor sim.id names the task.
    """
    # torch, which comes with it, takes a second to import
    from rl_policy_node.policy.run.trained_run import TrainedRun

    spec, policy = configuration.sim.environment, configuration.policy
    file = spec.isaaclab.config
    config = TrainedRun.read(file or policy.train_config, None, () if file else policy.overrides).config
    assert config.run is not None  # it was read from files
    if config.run.environment is None:
        raise ConfigurationError(
            f'sim.environment isaaclab: no env.yaml beside {config.path}; expected the params/ that Isaac Lab writes '
            "into a run's folder, with agent.yaml and env.yaml"
        )
    task = dataclasses.replace(
        spec.isaaclab,
        id=spec.isaaclab.id or _task(config.run.folder),
        settings=str(config.run.environment.resolve()),
        wrapper=dict(config.params.get('env') or {}),
        overrides=spec.options,
    )
    return dataclasses.replace(spec, options=(), isaaclab=task)


def _task(folder: Path) -> str:
    """Return the name of the task that a run's manifest states; Isaac Lab writes one since 3.0."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text())
    except OSError:
        raise ConfigurationError(
            f'sim.environment isaaclab: {path} is missing, which names the task; sim.id names it instead, as in '
            'Isaac-Cartpole-Direct'
        ) from None
    except ValueError as error:
        raise ConfigurationError(f'sim.environment isaaclab: {path} is no JSON: {error}') from error
    task = manifest.get('task') if isinstance(manifest, dict) else None
    if not isinstance(task, str):
        raise ConfigurationError(f"sim.environment isaaclab: {path} has no 'task'; sim.id names it instead")
    return task
