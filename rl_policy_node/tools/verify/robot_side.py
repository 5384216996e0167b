# SPDX-License-Identifier: Apache-2.0
"""The robot's side of a parameter file: from serialized messages to inputs, and from actions to serialized commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from rl_policy_node.control.action_sizes import columns_of
from rl_policy_node.control.action_terms import build_action
from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Array, Command, Mask, Shape, Sources
from rl_policy_node.control.context import Context
from rl_policy_node.control.gate import Gate, merged
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.terms.kind import Setting
from rl_policy_node.control.terms.term import Term
from rl_policy_node.core import create_trigger
from rl_policy_node.core.inbox import Inbox
from rl_policy_node.nodes.policy.dry_run import HandClock
from rl_policy_node.nodes.topics.driver_messages import serialized
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Source

# (source or action, its first row) → the bytes of a message
Messages: TypeAlias = Mapping[tuple[str, int], bytes]


class RobotSide:
    """Sources and observation terms of a file, stepped as the policy node steps them, and its action terms.

    sizes: input → term → how many numbers it has. refused: source → why a message of it was refused. Raises
    ConfigurationError where the file does not fit itself.
    """

    def __init__(self, control: ControlSpec, shapes: Mapping[str, Shape], num_actions: int) -> None:
        self.control, self.clock = control, HandClock()
        self.sources = {name: Source(spec, control, shapes) for name, spec in control.sources.items()}
        buffers = {name: source.buffer for name, source in self.sources.items()}
        joints = {name: source.joints for name, source in self.sources.items()}
        setting = Setting(buffers, joints, control.rows, num_actions)
        terms = {name: Term(spec, setting) for name, spec in control.terms.items()}
        self.sizes = {name: {term: terms[term].size for term in named} for name, named in control.inputs.items()}
        # the file's own sizes: those of the simulator are compared term by term
        own = {
            name: terms[named[0]].shape if len(named) == 1 else (sum(self.sizes[name].values()),)
            for name, named in control.inputs.items()
        }
        self.observations = ObservationManager(control, own, buffers, joints, num_actions)
        made = {action.name: build_action(action, buffers, joints) for action in control.actions}
        self.laws = {
            name: Law(term, columns, Sink(term.spec, control), control.rows)
            for (name, term), columns in zip(made.items(), columns_of(made.values()))
        }
        self._inbox = Inbox(control, buffers, create_trigger(control), self.clock)
        self._inbox.begin()
        self._context = Context.at_reset(control.rows, num_actions)
        self._begun = np.zeros(control.rows)
        self._taken: Sources = buffers
        self.refused: dict[str, str] = {}

    def receive(self, messages: Messages) -> None:
        """Read messages as the node does."""
        for (name, first), message in messages.items():
            source = self.sources[name]
            rows = next(rows for rows in source.groups if rows.start == first)
            try:
                self._inbox.write(name, rows, *source.read(rows, message), self.clock.now)
            except ValueError as error:
                self.refused.setdefault(name, str(error))

    def observe(self, begins: Mask) -> dict[str, Array]:
        """Return input → (rows, n) of what was received. begins: rows whose episode begins."""
        frame = self._inbox.take()
        self._taken = frame.sources
        if begins.any():
            self.observations.reset(begins)
            self._context.last_action[begins] = 0.0
            self._begun[begins] = frame.time
        np.subtract(frame.time, self._begun, out=self._context.elapsed)
        inputs = self.observations.compute(frame.sources, self._context)
        return {name: value.reshape(len(value), -1).copy() for name, value in inputs.items()}

    def act(self, actions: Array, begins: Mask) -> None:
        """Take the actions (rows, n) of this step: they are the last ones in the next."""
        bound = self.control.clips.clip_actions
        if actions.dtype.kind == 'f' and bound is not None and np.isfinite(bound):
            actions = np.clip(actions, -bound, bound)
        self._context.last_action[:] = actions
        for law in self.laws.values():
            law.step(actions, self._taken, begins, 1.0 / self.control.rate)

    def advance(self) -> None:
        """Let a period pass."""
        self.clock.now += 1.0 / self.control.rate


class Law:
    """One action term, before limits and blending in, which no simulator has.

    command: field → (rows, …) of the last step. limited (rows,): whether the limits of the file change it.
    """

    def __init__(self, term: ActionTerm[ActionOptions], columns: slice, sink: Sink, rows: int) -> None:
        self.term, self.columns, self.sink = term, columns, sink
        self._gate, self._payload = Gate(term, rows), Payload(sink.adapter.message_type)
        self.command: Command = {}
        self.limited: Mask = np.zeros(rows, dtype=bool)

    def step(self, actions: Array, sources: Sources, begins: Mask, dt: float) -> None:
        """Compute the command of actions (rows, n), dt s after the last one."""
        if not self.command or begins.all():
            self._motion = self._gate.begin(sources)
            self.command = self._motion.sent
        elif begins.any():
            self._motion = self._gate.anew(self._motion, sources, begins)
            self.command = merged(begins, self._motion.sent, self.command)
        self.command = self.term.command(actions[:, self.columns], sources, self.command)
        self._motion = self._gate.move(self._motion, self.command, dt)
        self.limited[:] = False
        for field, value in self.command.items():
            changed = self._motion.sent[field] != value
            self.limited |= changed.reshape(len(value), -1).any(axis=1)

    @property
    def key(self) -> str:
        """What its messages go by, beside those of sources."""
        return f'actions.{self.term.spec.name}'

    def messages(self, stamp: int) -> dict[tuple[str, int], bytes]:
        """Return the messages of the last command. stamp: ns."""
        rows = len(self.limited)
        outgoing = self.sink.outgoing(self.command, np.full(rows, stamp), np.ones(rows, dtype=bool))
        return {(self.key, topic): serialized(message) for topic, message in outgoing}

    def read(self, messages: Messages) -> Command:
        """Return the command in messages that were sent."""
        parts = [
            self.sink.read(topic, self._payload.message(message)) for (_, topic), message in sorted(messages.items())
        ]
        return {field: np.concatenate([part[field] for part in parts]) for field in parts[0]}
