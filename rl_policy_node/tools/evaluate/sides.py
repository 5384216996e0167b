# SPDX-License-Identifier: Apache-2.0
"""Play the same episodes twice: through the nodes, and in rl_games' own loop."""

from collections.abc import Iterable
from dataclasses import dataclass
import json
import logging
from pathlib import Path
from typing import Any

from rich.console import Console

from rl_policy_node.control.arrays import Array, Mask
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.interfaces import Summary
from rl_policy_node.nodes.parameters import parsing as parameters
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.dry_run import read_values
from rl_policy_node.nodes.policy.loading import load_policy
from rl_policy_node.nodes.simulator.episodes import Episodes
from rl_policy_node.nodes.simulator.hosting import open_environment
from rl_policy_node.nodes.topics.transport import make_room
from rl_policy_node.tools.about import about
from rl_policy_node.tools.evaluate.compare import Side
from rl_policy_node.tools.evaluate.intervals import CONFIDENCE
from rl_policy_node.tools.evaluate.play import play
from rl_policy_node.tools.process.processes import override_arguments
from rl_policy_node.tools.process.run_bags import RunBags
from rl_policy_node.tools.process.two_nodes import episode_bar, play_through_nodes, START_PATIENCE
from rl_policy_node.tools.settings import named_settings, rows_setting

NODES, LOOP = 'two nodes', "rl_games' own loop"
# parameters that an evaluation sets itself → the option to use instead, if any
_OWN = {
    'sim.episodes': '--episodes',
    'sim.steps': '--episodes',
    'sim.summary': '--output',
    'autostart': None,
    'use_sim_time': None,
}
# with more rows, the messages of a step may not fit Fast DDS' default shared memory; with large images even these
FEW_ROWS = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """An evaluation: parameter file, overrides for both nodes, and the Configuration of each."""

    params_file: str | Path
    overrides: dict[str, Any]
    episodes: int
    policy: Configuration
    bridge: Configuration

    @property
    def rows(self) -> int:
        return self.bridge.control.rows


def make_plan(
    params_file: str | Path,
    episodes: int,
    robots: int | None = None,
    seed: int | None = None,
    settings: Iterable[str] = (),
) -> Plan:
    """Return the Plan of an evaluation; raises ConfigurationError for invalid settings.

    robots: number of rows; None: as the file says. seed: of the environment; None: as the file says.
    settings: `name=value` each, any parameter of both nodes.
    """
    stated = named_settings(settings, _OWN, 'an evaluation')
    overrides: dict[str, Any] = {'sim.mode': 'lockstep', **stated, 'sim.steps': 0, 'sim.episodes': episodes}
    values = read_values(params_file, override_arguments(overrides), 'sim_bridge_node')
    if values['sim.mode'] == 'lockstep':
        overrides = {'trigger': 'lockstep', **overrides}
    if 'policy.backend' not in values:
        overrides = {**overrides, 'policy.backend': 'eager'}  # bit-identical to rl_games
    overrides |= {} if seed is None else {'sim.seed': seed}
    overrides |= {} if robots is None else rows_setting(values, robots)
    policy, bridge = (
        parameters.configuration(read_values(params_file, override_arguments(overrides), node))
        for node in ('policy_node', 'sim_bridge_node')
    )
    if 'sim.environment' not in values:
        raise ConfigurationError(
            f'parameter file {params_file}: it has no sim.environment, so that nothing plays the '
            'robots; state it there or with --set sim.environment=NAME'
        )
    return Plan(params_file, overrides, episodes, policy, bridge)


def about_plan(plan: Plan, settings: Iterable[str], control_rate: object) -> Summary:
    """Return what is played, and what it is of, for JSON. control_rate: Hz."""
    sim, policy = plan.bridge.sim, plan.policy
    return {
        'parameters': str(plan.params_file),
        'settings': list(settings),
        'episodes': plan.episodes,
        'rows': plan.rows,
        'robots': list(plan.bridge.control.robots),
        'environment': sim.environment.name,
        'seed': sim.environment.seed,
        'mode': sim.play.mode,
        'trigger': policy.control.timing.trigger,
        'control_rate': control_rate,
        'deterministic': policy.policy.deterministic,
        'imperfections': sim.imperfections.stated(),
        'confidence': CONFIDENCE,
        **about(policy.policy),
    }


def play_nodes(plan: Plan, output: Path, console: Console, bags: RunBags | None = None) -> Side:
    """Play through bridge and policy node, two processes; return the Side. Logs go into the folder `output`.

    bags: where the bags go; None: there are none.
    """
    if plan.rows > FEW_ROWS:
        make_room()
    file = output / 'nodes.json'
    file.unlink(missing_ok=True)
    asked = ({}, {}) if bags is None else (bags.bridge, bags.policy)
    bridge = {**plan.overrides, 'sim.summary': str(file.resolve()), **asked[0]}
    start_timeout = plan.bridge.sim.environment.python.start_timeout
    # a simulator needs no enable signal: it cannot harm anybody; its first step may compile, as its start may
    policy = {
        'resume': 'automatic',
        'enable': 'none',
        'enable.topic': '',
        'guardian': False,
        'lockstep_timeout': max(plan.policy.control.timing.lockstep_timeout, start_timeout),
        **plan.overrides,
        'autostart': True,
        'use_sim_time': True,
        **asked[1],
    }
    play_through_nodes(
        console, plan.params_file, bridge, policy, plan.episodes, output, max(START_PATIENCE, start_timeout + 30.0)
    )
    summary = json.loads(file.read_text())
    about = {name: summary[name] for name in ('steps', 'mode', 'control_rate', 'latency_ms', 'deadline_misses')}
    return Side(f'{NODES}, {summary["mode"]}', summary['played'], about)


def play_loop(plan: Plan, console: Console) -> Side:
    """Play in rl_games' own loop, in this process, without injected imperfections; return the Side."""
    policy = load_policy(plan.policy)
    environment = open_environment(plan.bridge, _log.info)
    episodes = Episodes(environment.rows)
    try:
        with episode_bar(console) as bar:
            task = bar.add_task('', total=plan.episodes, figures='')

            def on_step(
                _observations: object, _actions: object, rewards: Array, dones: Mask, successes: Mask | None
            ) -> None:
                if episodes.add(rewards, dones, successes):
                    bar.update(task, completed=min(len(episodes.finished), plan.episodes))

            play(
                policy,
                environment,
                plan.episodes,
                on_step,
                plan.policy.policy.plugins,
                plan.policy.policy.computing.threads,
            )
    finally:
        environment.close()
    assert policy.checkpoint is not None  # a parameter file names one, or its run has one
    about = {
        'checkpoint': str(policy.checkpoint.path),
        'checkpoint_sha256': policy.checkpoint.sha256,
        'device': str(policy.player.device),
    }
    return Side(LOOP, episodes.columns(plan.episodes), about)
