# SPDX-License-Identifier: Apache-2.0
"""`rl_policy verify`: play a simulator, and compare a parameter file with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
from dataclasses import dataclass, replace
import json
import logging
import sys
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters import parsing as parameters
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.dry_run import read_values
from rl_policy_node.nodes.policy.loading import completed
from rl_policy_node.nodes.simulator.hosting import open_environment
from rl_policy_node.nodes.topics.loopback import opened
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.tools.process.processes import override_arguments, private_domain
from rl_policy_node.tools.settings import named_settings, rows_setting
from rl_policy_node.tools.verify.comparing import Comparing
from rl_policy_node.tools.verify.findings_table import content, show
from rl_policy_node.tools.verify.played_actions import PolicyActions, RandomActions
from rl_policy_node.tools.verify.played_steps import record, Recording
from rl_policy_node.tools.verify.replay import Carry
from rl_policy_node.tools.verify.robot_side import RobotSide

# parameters that the command sets itself → the option to use instead, if any
_OWN = {'sim.steps': '--steps', 'sim.seed': '--seed', 'robots': '--rows', 'rows': '--rows'}
# environment → first steps of an episode in which its tasks observe what they did not compute of the state: until the
# first step VecTask.reset() returns zeros, and some observe actions or velocities of the episode before
FIRST_STEPS: Final = {'isaacgym': 1}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Played:
    """What to play, and how long. simulator, python, seed: '' and None: as the file says. rows: one robot each."""

    rows: int = 4
    steps: int = 200
    seed: int | None = None
    actions: str = 'random'
    simulator: str = ''
    python: str = ''
    settings: Sequence[str] = ()


def verify(
    file: str, played: Played, comparing: Comparing, as_json: bool = False, first_steps: int | None = None
) -> bool:
    """Play, compare, print; return whether nothing differs.

    first_steps: of each episode, in which observations are not compared; None: as is known of the environment. Raises
    ConfigurationError where that cannot be, such as for an environment without raw state, and SimulationError.
    """
    # what an environment prints, or a library, must not mix with JSON
    console = Console(file=sys.stdout, soft_wrap=True, width=None if sys.stdout.isatty() else 120)
    private_domain(chosen=False)
    configuration = _configured(file, played)
    name = configuration.sim.environment.name
    comparing = replace(comparing, first_steps=FIRST_STEPS.get(name, 0) if first_steps is None else first_steps)
    control = complete(configuration)
    recording = play(configuration, played)
    findings = comparing.findings(control, configuration.sim.sensors, recording)
    if as_json:
        about = {'parameters': file, 'environment': name, 'rows': control.rows}
        about |= {'steps': played.steps, 'seed': configuration.sim.environment.seed, 'actions': played.actions}
        about |= {'tolerance': comparing.tolerance, 'through_ros': comparing.carrier is through_ros}
        found = content(findings, recording, comparing.first_steps)
        json.dump({**about, **found}, sys.stdout, indent=2, allow_nan=False)
        print()
    else:
        show(findings, recording, console, comparing.first_steps)
    return not any(finding.differs for finding in findings)


@contextlib.contextmanager
def through_ros(side: RobotSide) -> Iterator[Carry]:
    """Carry messages over real topics, in a DDS domain that no other process on this machine has."""
    sinks = {law.key: law.sink for law in side.laws.values()}
    with opened(side.control, {**side.sources, **sinks}) as loopback:
        yield loopback.carry


def _configured(file: str, played: Played) -> Configuration:
    """Return the Configuration of a file with the changes of the command line; raises ConfigurationError."""
    overrides: dict[str, Any] = {**named_settings(played.settings, _OWN, 'verify')}
    for name, value in (('environment', played.simulator), ('python', played.python), ('seed', played.seed)):
        if value not in ('', None):
            overrides[f'sim.{name}'] = value
    values = read_values(file, override_arguments(overrides), 'sim_bridge_node')
    if 'sim.environment' not in values:
        raise ConfigurationError(
            f'parameter file {file}: it has no sim.environment, so that there is nothing to compare with; state it '
            'there or with --simulator NAME'
        )
    overrides |= rows_setting(values, played.rows)
    return parameters.configuration(read_values(file, override_arguments(overrides), 'sim_bridge_node'))


def complete(configuration: Configuration) -> ControlSpec:
    """Return the ControlSpec of a file, completed from its run as for the node."""
    policy = configuration.policy
    run = TrainedRun.read(policy.train_config, None, policy.overrides)
    return completed(configuration.control, run.facts, _log.info)


def play(configuration: Configuration, played: Played) -> Recording:
    """Return the Recording of the simulator of a configuration."""
    environment = open_environment(configuration, _log.info)
    try:
        seed = configuration.sim.environment.seed
        actor = PolicyActions(configuration) if played.actions == 'policy' else RandomActions(environment, seed)
        with _bar() as bar:
            task = bar.add_task('', total=played.steps)
            return record(
                environment, actor, played.steps, configuration.sim.environment.name, lambda: bar.advance(task)
            )
    finally:
        environment.close()


def _bar() -> Progress:
    """Return a bar on stderr: stdout is for results."""
    columns = MofNCompleteColumn(), BarColumn(bar_width=12), TimeElapsedColumn(), TextColumn('steps')
    return Progress(*columns, console=Console(stderr=True), transient=True)
