# SPDX-License-Identifier: Apache-2.0
"""Runs a policy on the messages of topics that somebody recorded, paced by their times of receipt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
import struct
from typing import Final, NamedTuple, Protocol

import numpy as np

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Command, Mask, Stamps
from rl_policy_node.control.specs import TRANSFORM
from rl_policy_node.core import assemble, create_trigger, Frame, Logger, Outcome
from rl_policy_node.errors import ConfigurationError, unfit, unknown
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.loading import completed, load_policy, trained_moments
from rl_policy_node.nodes.topics.naming import spec_topic
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.nodes.topics.row_names import lines
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Foreign, Source

CLOCK: Final = '/clock'
_CLOCK: Final = struct.Struct('<iI')
_HEADER: Final = 4  # bytes before the content of a serialized message


class TopicMessage(Protocol):
    """A serialized message of a bag. log_time: ns, of its receipt."""

    @property
    def topic(self) -> str: ...

    @property
    def log_time(self) -> int: ...

    @property
    def payload(self) -> bytes: ...


class Answer(NamedTuple):
    """A recorded command and the one that the run would have sent, (n, …) each. rows: those of its topic."""

    action: str
    rows: slice
    recorded: Command
    replayed: Command


class TopicRun:
    """The core of a configuration, on a clock that the messages advance.

    assumed: lines on what the recording does not tell. steps: how many there were. outcome: of the last one. refused:
    source → number of refused messages. Raises ConfigurationError as configure would.
    """

    def __init__(self, configuration: Configuration, log: Logger, simulated: bool = False) -> None:
        self.policy = load_policy(configuration)
        self.control = completed(configuration.control, self.policy.facts, log.info)
        self._sources = {
            name: Source(spec, self.control, self.policy.spaces.inputs) for name, spec in self.control.sources.items()
        }
        self._sinks = {action.name: Sink(action, self.control) for action in self.control.actions}
        self._payloads = {name: Payload(sink.adapter.message_type) for name, sink in self._sinks.items()}
        self._simulated, self._steady, self._ros = simulated, 0.0, 0
        self._trigger = create_trigger(self.control, simulated, self.ros)
        self.cycle = assemble(
            self.control,
            self.policy,
            self._sources,
            self._publish,
            self,
            log,
            trigger=self._trigger,
            observers=[self],
            moments=trained_moments(self.policy, self.control),
        )
        self.cycle.stepper.warm_up()
        self._due = np.inf  # s, when the next step of a timer, or the next look, is due; infinite before activation
        self.steps = 0
        self.refused: dict[str, int] = {}
        self.outcome: Outcome | None = None
        self.assumed = [
            'paced by the times of receipt in the bag; the node may have received a message earlier or later',
            'enabled all the time, without stops, resets, tares by request or changes of parameters',
        ]

    def play(self, messages: Iterable[TopicMessage], topics: Collection[str]) -> Iterator[Answer]:
        """Run on messages; yield each recorded command with its counterpart. topics: all in the recording.

        Raises ConfigurationError if a source has no topic there, or if the policy could never act.
        """
        looked_up = [name for name, source in self._sources.items() if source.spec.type == TRANSFORM]
        if looked_up:
            raise unfit(f"source '{looked_up[0]}'", 'of type tf2, which a bag of topics does not hold', 'a topic')
        read = {self._found(topic, topics): key for topic, key in self._read().items()}
        sent = {found: key for topic, key in self._sent().items() if (found := _match(topic, topics))}
        for message in messages:
            if message.topic in read:
                self._pass(message.log_time)
                self._receive(*read[message.topic], message.payload)
            elif message.topic in sent and self.outcome is not None:
                yield self._answer(*sent[message.topic], message.payload)
            elif message.topic == CLOCK and self._simulated:
                seconds, nanoseconds = _CLOCK.unpack_from(message.payload, _HEADER)
                self._ros = seconds * 10**9 + nanoseconds
        if not self.steps:
            reasons = '; '.join(lines(self.control, self.cycle.refusals(outside=False)))
            raise ConfigurationError(f'the policy could act at no time: {reasons}')

    # a core Clock and a core StepObserver

    def steady(self) -> float:
        """Return the time of receipt of the last message, s."""
        return self._steady

    def ros(self) -> int:
        """Return the same, ns; on a simulated clock the last time that it showed."""
        return self._ros

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Keep the last outcome."""
        self.outcome = outcome
        self.steps += outcome.stepped

    def _publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        """Send nothing."""

    def _read(self) -> dict[str, tuple[Source, slice]]:
        """Return topic → source and rows."""
        return {
            spec_topic(source.spec, self.control.robots[rows.start]): (source, rows)
            for source in self._sources.values()
            for rows in source.groups
        }

    def _sent(self) -> dict[str, tuple[str, int]]:
        """Return topic → action and its topic."""
        return {
            spec_topic(sink.spec, self.control.robots[rows.start]): (name, topic)
            for name, sink in self._sinks.items()
            for topic, rows in enumerate(sink.groups)
        }

    def _found(self, topic: str, topics: Collection[str]) -> str:
        found = _match(topic, topics)
        if not found:
            raise unknown('topic', topic, sorted(topics), 'the bag')
        if found.lstrip('/') != topic.lstrip('/'):
            self.assumed.append(f"'{topic}' is {found} in the bag")
        return found

    def _pass(self, log_time: int) -> None:
        """Let time pass until a message, with the steps and looks that are due meanwhile."""
        now = log_time * 1e-9
        while self._due <= now:
            self._set(self._due)
            self._act(self.control.timing.trigger == 'timer' or self._trigger.fires(self.cycle.inbox))
        self._set(now, log_time)

    def _set(self, now: float, log_time: int | None = None) -> None:
        self._steady = now
        if not self._simulated:
            self._ros = round(now * 1e9) if log_time is None else log_time

    def _receive(self, source: Source, rows: slice, payload: bytes) -> None:
        inbox, name = self.cycle.inbox, source.spec.name
        try:
            inbox.write(name, rows, *source.read(rows, payload), self._steady)
        except Foreign:
            return
        except ValueError as error:
            self.refused[name] = self.refused.get(name, 0) + 1
            inbox.refuse(name, rows, error)
        if self._due == np.inf:
            self._begin()
        if self._due < np.inf and self.control.timing.trigger != 'timer' and self._trigger.fires(inbox):
            self._act(True)

    def _begin(self) -> None:
        """Activate once nothing is missing."""
        if not self.cycle.refusals(outside=False):
            self.cycle.start()
            self._due = self._steady + self._trigger.period
            self.assumed.append(f'activated at {self._steady:.3f} s, when every source had a message; states cleared')

    def _act(self, step: bool) -> None:
        act = self.cycle.step if step else self.cycle.look
        act()
        alarm = self._trigger.alarm
        self._due = min(self._steady + self._trigger.period, alarm if alarm > self._steady else np.inf)

    def _answer(self, action: str, topic: int, payload: bytes) -> Answer:
        assert self.outcome is not None
        sink = self._sinks[action]
        recorded, rows = sink.read(topic, self._payloads[action].message(payload)), sink.groups[topic]
        replayed = {field: value[rows] for field, value in self.outcome.commands[action].items()}
        return Answer(action, rows, recorded, replayed)


def _match(topic: str, topics: Collection[str]) -> str:
    """Return the recorded topic of a name: the same, or the only one below some namespace; '' if there is none."""
    whole = '/' + topic.lstrip('/')
    if whole in topics:
        return whole
    below = [each for each in topics if each.endswith(whole)]
    return below[0] if len(below) == 1 else ''
