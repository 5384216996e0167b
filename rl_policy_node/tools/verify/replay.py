# SPDX-License-Identifier: Apache-2.0
"""Feeds a recording to the robot's side of a file, message by message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rl_policy_node.control.action_spec import ActionSpec
from rl_policy_node.control.arrays import Mask, Values
from rl_policy_node.nodes.topics.driver_messages import DriverMessages
from rl_policy_node.tools.verify.driver_values import completed
from rl_policy_node.tools.verify.played_steps import Recording, stack
from rl_policy_node.tools.verify.robot_side import Messages, RobotSide

# how messages come from who sends them to who reads them
Carry: TypeAlias = Callable[[Messages], Messages]


@dataclass(frozen=True, eq=False)
class Computed:
    """What the file makes of a recording.

    inputs: input → (steps, rows, n). actions: action term → its spec. commands: action term → field → (steps, rows, …).
    limited: action term → (steps, rows), whether the file's limits change the command.
    """

    inputs: Values
    actions: Mapping[str, ActionSpec]
    commands: Mapping[str, Values]
    limited: Mapping[str, Mask]


def replay(
    side: RobotSide, recording: Recording, measured: Mapping[str, Values], drivers: DriverMessages, carry: Carry
) -> Computed:
    """Return what the robot's side makes of each step. measured: source → field → (steps, rows, …)."""
    steps: list[dict[str, Any]] = []
    for step in range(recording.steps):
        stamp, begins = side.clock.ros(), recording.begins[step]
        side.receive(
            carry(
                {
                    (name, rows.start): drivers.of(name, rows, values, stamp)
                    for name, values in _at(step, side, measured).items()
                    for rows in side.sources[name].groups
                }
            )
        )
        inputs = side.observe(begins)
        side.act(recording.actions[step], begins)
        sent = carry({key: message for law in side.laws.values() for key, message in law.messages(stamp).items()})
        commands = {
            name: law.read({key: message for key, message in sent.items() if key[0] == law.key})
            for name, law in side.laws.items()
        }
        steps.append({'inputs': inputs, **{'/' + name: command for name, command in commands.items()}})
        steps[-1]['limited'] = {name: law.limited.copy() for name, law in side.laws.items()}
        side.advance()
    stacked = {part: stack([each[part] for each in steps]) for part in steps[0]}
    actions = {name: law.term.spec for name, law in side.laws.items()}
    return Computed(stacked['inputs'], actions, {name: stacked['/' + name] for name in actions}, stacked['limited'])


def _at(step: int, side: RobotSide, measured: Mapping[str, Values]) -> dict[str, Values]:
    """Return source → field → (rows, …) of one step, for every source."""
    return {
        name: completed(source, {field: value[step] for field, value in measured.get(name, {}).items()})
        for name, source in side.sources.items()
    }
