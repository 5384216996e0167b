# SPDX-License-Identifier: Apache-2.0
"""summarize(): everything that a run's files state, each value with its source."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.run.files import is_checkpoint
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.policy.summary.actions import actions
from rl_policy_node.policy.summary.decisions import decisions
from rl_policy_node.policy.summary.layers import network
from rl_policy_node.policy.summary.missing import missing
from rl_policy_node.policy.summary.observations import observations, published
from rl_policy_node.policy.summary.reading import next_command, read, Reading
from rl_policy_node.policy.summary.record import Files, Summary, Training


def summarize(
    run: str | Path,
    checkpoint: str | Path | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    allow_untrusted_pickle: str = '',
) -> Summary:
    """Return the Summary of a run; nothing is written, and the policy is not played.

    run: path of a run directory, a train YAML, a run's config.yaml, Isaac Lab's agent.yaml or a checkpoint of a run.
    checkpoint: path of a .pth file, 'best' or 'newest'; None for the one that `run` is, else for the run's best, and
    for none where it has none. overrides,
    plugins, allow_untrusted_pickle: as for Policy.load. Raises ConfigurationError for files that cannot be read
    and for sizes that contradict each other; a network that cannot be built is a problem of the summary.
    """
    reading = read(
        TrainedRun.read(run, checkpoint or '', overrides, plugins, allow_untrusted_pickle=allow_untrusted_pickle)
    )
    inputs, outputs, net = observations(reading), actions(reading), network(reading)
    rate, loaded = _control_rate(reading), reading.run.checkpoint
    training = Training(loaded.epoch, loaded.frame, loaded.mean_reward) if loaded else None
    return Summary(
        files=_files(reading),
        task=_task(reading),
        algorithm=_named(reading, 'algo'),
        model=_named(reading, 'model'),
        player=_player(reading),
        network=net,
        observations=inputs,
        actions=outputs,
        control_rate=rate,
        training=training,
        notes=reading.layout.notes if reading.layout else (),
        decisions=decisions(reading, inputs, outputs, net),
        problems=reading.problems,
        missing=missing(reading, inputs, outputs, rate),
        next_command=next_command(run, checkpoint, overrides, plugins),
    )


def _files(reading: Reading) -> Files:
    config, checkpoint = reading.run.config, reading.run.checkpoint
    known: dict[str, Any] = (
        {}
        if checkpoint is None
        else {
            'checkpoint': checkpoint.path,
            'sha256': checkpoint.sha256,
            'size': checkpoint.size,
            'set_aside': checkpoint.extras,
            'executed': checkpoint.executed,
        }
    )
    return Files(
        config=config.path,
        config_why=_why(reading.run),
        environment=config.run.environment if config.run else None,
        checkpoint_why=reading.run.checkpoint_choice[1],
        unresolved=config.unresolved,
        **known,
    )


def _why(run: TrainedRun) -> str:
    """Return in a few words why this configuration was read."""
    if is_checkpoint(run.path):
        return "of the checkpoint's run"
    if not Path(run.path).is_dir() or run.config.run is None:
        return 'as named'
    inside = run.config.path.resolve().is_relative_to(run.config.run.folder.resolve())
    return 'found in the run directory' if inside else 'found beside the run directory; it names its checkpoints'


def _task(reading: Reading) -> Fact | None:
    if reading.run.config.task.get('name'):
        return Fact(str(reading.run.config.task['name']), f'task.name in {reading.run.config.path.name}')
    name = reading.run.config.params['config'].get('name')
    return Fact(str(name), f'params.config.name in {reading.run.config.path.name}') if name else None


def _named(reading: Reading, part: str) -> Fact:
    return Fact(str(reading.run.config.params[part]['name']), f'params.{part}.name in {reading.run.config.path.name}')


def _player(reading: Reading) -> Fact:
    """Return the class that acts; where it is not rl_games' own, the module says so."""
    if reading.player is None:
        return Fact(None, 'not built')
    kind = type(reading.player)
    return Fact(kind.__name__, kind.__module__)


def _control_rate(reading: Reading) -> Fact | None:
    if reading.run.facts.control_rate is not None:
        return reading.run.facts.control_rate
    if reading.layout is not None and reading.layout.control_rate is not None:
        return Fact(reading.layout.control_rate, published(reading))
    return None
