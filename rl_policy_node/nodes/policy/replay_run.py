# SPDX-License-Identifier: Apache-2.0
"""Replays a recording with the policy, the sources and the commands of a configuration, without a node."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.core import assemble, create_trigger, Logger
from rl_policy_node.core.difference import Difference
from rl_policy_node.core.recording import Command, Event, Snapshot
from rl_policy_node.core.replaying import Replayed, Replayer
from rl_policy_node.core.tape import Tape
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.loading import completed, load_policy, trained_moments
from rl_policy_node.nodes.policy.permissions import permissions
from rl_policy_node.nodes.topics.driver_messages import serialized
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Source

# sending, action term, its topic
_Key = tuple[int, str, int]


class ReplayRun:
    """The core of a configuration as the node assembles it, with recorded clocks.

    simulated: whether a simulated clock paced it (use_sim_time). exact, anew: see Replayer. messages: how many
    published messages were compared with those of the replay. Raises ConfigurationError as configure would.
    """

    def __init__(
        self,
        configuration: Configuration,
        log: Logger,
        simulated: bool = False,
        exact: bool = True,
        anew: Collection[str] = (),
    ) -> None:
        self.policy = load_policy(configuration)
        self.control = completed(configuration.control, self.policy.facts, log.info)
        sources = {
            name: Source(spec, self.control, self.policy.spaces.inputs) for name, spec in self.control.sources.items()
        }
        self._sinks = {action.name: Sink(action, self.control) for action in self.control.actions}
        self._payloads = {name: Payload(sink.adapter.message_type) for name, sink in self._sinks.items()}
        tape = Tape(create_trigger(self.control, simulated))
        cycle = assemble(
            self.control,
            self.policy,
            sources,
            self._publish,
            tape,
            log,
            trigger=tape,
            checks=permissions(configuration, self.control),
            moments=trained_moments(self.policy, self.control),
        )
        cycle.stepper.warm_up()
        self.replayer, self._exact = Replayer(cycle, sources, tape, exact, anew), exact
        self._published: dict[_Key, bytes] = {}
        self._recorded: dict[_Key, Command] = {}
        self.messages = 0

    def play(self, events: Iterable[Event]) -> Iterator[Replayed]:
        """Replay events; compare the published messages, too, once both sides of one are there."""
        for replayed in self.replayer.play(events):
            event, difference = replayed.event, replayed.difference
            if isinstance(event, Command):
                self._recorded[event.sending, event.action, event.topic] = event
            elif isinstance(event, Snapshot) or not self._exact:
                # what was published before a state that the replay begins from is not published again
                self._published.clear()
                self._recorded = {key: each for key, each in self._recorded.items() if key[0] > self._sending}
            elif difference is None and self._published:
                replayed = replayed._replace(difference=self._compared())
            yield replayed

    @property
    def _sending(self) -> int:
        return self.replayer.cycle.outlet.sending

    def _publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        for name, command in commands.items():
            for topic, message in self._sinks[name].outgoing(command, stamps[name], rows):
                self._published[self._sending, name, topic] = serialized(message)

    def _compared(self) -> Difference | None:
        """Compare the messages of the last sending; return the first that differs."""
        found = None
        for key in self._published.keys() & self._recorded.keys():
            payload, command = self._published[key], self._recorded.pop(key)
            self.messages += 1
            # padding between two fields is arbitrary: compare messages where bytes differ
            if payload != command.payload:
                read = self._payloads[command.action].message
                if read(payload) != read(command.payload):
                    place = f'message of {command.action}, topic {command.topic}'
                    values = command.payload.hex(), payload.hex()
                    found = found or Difference(self.replayer.steps, command.steady, place, '', -1, (), *values)
        self._published.clear()
        return found
