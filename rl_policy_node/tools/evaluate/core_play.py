# SPDX-License-Identifier: Apache-2.0
"""Play an environment and the core of the policy node in one process, in simulated time.

In lockstep each episode is that of the two nodes, bit for bit, at a fraction of the time: the first message of each
source is serialized and read as through DDS, and so are all others of a source whose values a message changes, as a
compressed image does. A control that is not in lockstep plays the node's own watchdogs in simulated time:
messages come late or never, with the stamps of their measurement, and rows whose data are stale get their fallback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging

import numpy as np

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Mask, Stamps, Values
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import assemble, create_trigger
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.diagnostics import TimedPolicy
from rl_policy_node.nodes.policy.loading import completed, trained_moments
from rl_policy_node.nodes.simulator.bridge import Bridge, SimFrame
from rl_policy_node.nodes.simulator.hosting import as_played, open_environment
from rl_policy_node.nodes.topics.driver_messages import serialized
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.policy import Policy
from rl_policy_node.sim.imperfections import Delivery
from rl_policy_node.tools.evaluate.rlgpu import Hosted
from rl_policy_node.tools.evaluate.sides import Plan
from rl_policy_node.tools.process.to_logging import ToLogging

_log = logging.getLogger(__name__)


class BridgeClock:
    """Both clocks of a step, as the stamps of a bridge say. stamp: ns."""

    def __init__(self) -> None:
        self.stamp = 0

    def steady(self) -> float:
        """Return the time, s."""
        return self.stamp * 1e-9

    def ros(self) -> int:
        """Return the time, ns."""
        return self.stamp


class CorePlay:
    """A bridge in lockstep with its environment, and the core of a policy node with a loaded policy.

    control: of the policy node. In lockstep the policy acts in every period on what has arrived. Otherwise the trigger
    and the watchdogs of the file decide; a row that is latched is freed when its next episode begins, as a person would
    do. bridge.record: the episodes. fallback: row-steps on the fallback, of `row_steps`.
    """

    def __init__(self, policy: Policy, control: ControlSpec, configuration: Configuration, environment: Hosted) -> None:
        self.bridge, self._clock = Bridge(configuration, environment), BridgeClock()
        self._period = round(1e9 / self.bridge.control.rate)  # ns
        self._sources = {name: Source(spec, control, policy.spaces.inputs) for name, spec in control.sources.items()}
        self._payloads = {name: Payload(sink.adapter.message_type) for name, sink in self.bridge.sinks.items()}
        self._trigger, self._control, self._log = create_trigger(control), control, ToLogging()
        self.policy = TimedPolicy(policy)
        self.cycle = assemble(
            control,
            self.policy,
            self._sources,
            self._publish,
            self._clock,
            self._log,
            trigger=self._trigger,
            moments=trained_moments(policy, control),
        )
        self.cycle.stepper.warm_up()
        self.policy.seconds.clear()
        self._plain: dict[str, bool] = {}  # source → whether its messages carry its values to the bit
        self._begun: Stamps = np.zeros(control.rows, dtype=np.int64)
        self._stamp = self.fallback = self.row_steps = 0

    def play(self, on_step: Callable[[], object] = lambda: None) -> None:
        """Play until the configured episodes have ended. on_step(): called after each step of the environment."""
        bridge = self.bridge
        bridge.begin()
        self._show(bridge.frame())
        self.cycle.start()
        while True:
            self._answer()
            bridge.step()
            on_step()
            if bridge.record.over():
                return
            self._show(bridge.frame())

    def _show(self, frame: SimFrame) -> None:
        """Deliver the messages of a frame that arrive in this period."""
        self._clock.stamp = self._stamp = frame.stamp
        self.bridge.commands.expect(frame.stamp, self.bridge.record.steps)
        begins = frame.begun != self._begun
        self._begun = frame.begun
        if self._control.timing.episode_topic:
            self.cycle.inbox.begin_episodes(slice(0, self._control.rows), frame.begun)
        late = {} if self._control.lockstep else self.bridge.imperfections.deliveries()
        for name, source in self._sources.items():
            for rows in source.groups:
                self._deliver(frame, name, rows, late.get(name))
        if not self._control.lockstep:
            for row in np.nonzero(begins)[0].tolist():
                self.cycle.resume(slice(row, row + 1))

    def _deliver(self, frame: SimFrame, name: str, rows: slice, late: Delivery | None) -> None:
        if late is not None and not late.arrived[rows.start]:
            return
        stamp = frame.stamp if late is None else frame.stamp - int(late.steps[rows.start]) * self._period
        inbox, direct = self.cycle.inbox, {field: value[rows] for field, value in frame.values[name].items()}
        try:
            if self._plain.get(name):
                inbox.write(name, rows, direct, stamp, self._clock.steady())
                return
            message = serialized(self.bridge.sources[name].message(frame.values[name], rows, stamp))
            arrays, stamp = self._sources[name].read(rows, message)
            self._plain.setdefault(name, self._carried(name, arrays, direct))
            inbox.write(name, rows, arrays, stamp, self._clock.steady())
        except ValueError as error:  # as in the node
            inbox.refuse(name, rows, error)

    def _carried(self, name: str, arrays: Values, direct: Values) -> bool:
        """Return whether a message carries the values of a source to the bit, so that later ones need not be made."""
        stored = self._sources[name].buffer.values
        return arrays.keys() == direct.keys() and all(
            np.array_equal(arrays[field], direct[field].astype(stored[field].dtype)) for field in stored
        )

    def _answer(self) -> None:
        """Step the policy if a step is due in this period, else only look."""
        if self._due():
            self.cycle.step()
        else:
            self.cycle.look()
        healthy = self.cycle.stepper.rows.healthy
        self.row_steps += len(healthy)
        self.fallback += int(np.count_nonzero(~healthy))

    def _due(self) -> bool:
        """Return whether a step is due before the next frame; the clock then shows when."""
        if self._control.timing.trigger != 'observation':
            return True
        trigger, inbox, end = self._trigger, self.cycle.inbox, self._clock.stamp + self._period
        fired = inbox.wait(lambda: trigger.fires(inbox), 0.0, lambda: True)
        if not fired and trigger.alarm * 1e9 < end:
            self._clock.stamp = max(self._clock.stamp, int(np.ceil(trigger.alarm * 1e9)))
            fired = inbox.wait(lambda: trigger.fires(inbox), 0.0, lambda: True)
        return fired

    def _publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        """Hand the commands to the bridge, whatever their stamps: it obeys what came last."""
        now = np.full(len(rows), self._stamp, dtype=np.int64)
        for name, command in commands.items():
            for topic, message in self.bridge.sinks[name].outgoing(command, now, rows):
                try:
                    self.bridge.commands.receive(name, topic, self._payloads[name].message(serialized(message)))
                except ValueError as error:  # as in the bridge
                    self._log.warning(f"command '{name}' refused: {error}")


@dataclass(frozen=True)
class Episodes:
    """What was played. columns: as of Side; fallback: share of the row-steps; policy_seconds: s, of each step."""

    columns: dict[str, list[float | None]]
    fallback: float
    policy_seconds: tuple[float, ...]
    rate: float


def play_core(
    plan: Plan, policy: Policy, control: ControlSpec, on_episode: Callable[[int], object] = lambda ended: None
) -> Episodes:
    """Play a plan in this process. control: of the policy node. on_episode(n): called with the number that have ended.

    policy: loaded, in the state in which it begins.
    """
    environment = open_environment(plan.bridge, _log.info)
    try:
        bridge, control = as_played(plan.bridge, environment), completed(control, policy.facts, _log.info)
        play = CorePlay(policy, control, bridge, environment)
        episodes = play.bridge.record.episodes
        play.play(lambda: on_episode(min(len(episodes.finished), plan.episodes)))
    finally:
        environment.close()
    columns = episodes.columns(plan.episodes)
    return Episodes(columns, play.fallback / play.row_steps, tuple(play.policy.seconds), control.rate)
