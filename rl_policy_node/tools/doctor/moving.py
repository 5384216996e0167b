# SPDX-License-Identifier: Apache-2.0
"""Has each joint of a robot moved, by hand or by a jog, while its messages are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import select
import sys
import time
from typing import Final

from rl_policy_node.control.specs import ActionSpec, ControlSpec
from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.nodes.doctor.exercise import Exercise
from rl_policy_node.nodes.doctor.jog import jogged, JogNode, JogSpec, POSITIONS, way
from rl_policy_node.nodes.doctor.listening import Listening
from rl_policy_node.nodes.topics.naming import named_for

PATIENCE: Final = 15.0  # s for the robot, its enabling message and the guardian before a jog
SETTLE: Final = 0.5  # s before the first way, and after each way out and back
HOLD: Final = 0.05  # rad or m by which a robot may move when it is told to stay
SIGNAL: Final = 'a signal ended it'

Say = Callable[[str], object]
Running = Callable[[], bool]


def row_of(control: ControlSpec, robot: str | None) -> int:
    """Return the row of a robot by its namespace, None: the first; raises ConfigurationError."""
    if robot is None:
        return 0
    if robot not in control.robots:
        raise unknown('robot', robot, control.robots, '--robot')
    return control.robots.index(robot)


def by_hand(listening: Listening, row: int, seconds: float, say: Say, running: Running) -> list[Exercise]:
    """Ask for each joint of a robot in turn, and keep what moves for some seconds, or until Enter; nothing is sent."""
    exercises = []
    for source, joint in _joints(listening.heard.control, row):
        if not running():
            break
        exercises.append(Exercise(joint, source, row))
        listening.exercise = exercises[-1]
        say(f"move '{joint}' by hand, some way in its positive direction, and no other joint: {seconds:g} s")
        listening.spin(seconds, lambda: running() and not _entered())
    listening.exercise = None
    return exercises


def by_jog(listening: Listening, row: int, spec: JogSpec, say: Say, running: Running) -> list[Exercise]:
    """Jog each joint of a robot whose command is a position; ends with the first that cannot move on.

    The fallback is sent afterwards. Raises ConfigurationError if a jog cannot begin.
    """
    exercises: list[Exercise] = []
    for action in jogable(listening.heard.control):
        exercises += _jog(listening, row, action, spec, say, running)
        if not running() or any(exercise.ended for exercise in exercises):
            break
    return exercises


def jogable(control: ControlSpec) -> list[ActionSpec]:
    """Return the actions that a jog can command; raises ConfigurationError if there are none."""
    found = [action for action in control.actions if action.kind in POSITIONS and action.source]
    if not found:
        raise ConfigurationError(f'no action is a {" or ".join(POSITIONS)}: move the joints by hand, --joints')
    return found


def _jog(
    listening: Listening, row: int, action: ActionSpec, spec: JogSpec, say: Say, running: Running
) -> list[Exercise]:
    heard = listening.heard
    configuration = jogged(heard.configuration, heard.control, action, heard.control.robots[row], spec)
    node = JogNode(configuration, spec, **listening.options())
    listening.executor.add_node(node)
    try:
        say(f'jog of actions.{action.name}: hold {configuration.enable.topic}; letting go stops the robot')
        _await(listening, node, running)
        listening.exercise = held = Exercise('', action.source, row, asked=0.0)
        if running():
            node.start()
        if not _holds(listening, node, held, running):
            return [held]
        own = configuration.control.actions[0]
        return list(_ways(listening, node, own, row, spec, say, running))
    finally:
        listening.exercise = None
        result = node.stop()
        say(f'the jog has ended; the fallback, which holds the robot: {result or "not needed"}')
        listening.executor.remove_node(node)
        node.close()


def _await(listening: Listening, node: JogNode, running: Running) -> None:
    """Wait until the jog may begin; raises ConfigurationError, which says what is missing, after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while running():
        missing = node.missing()
        if not missing:
            return
        if time.monotonic() > end:
            raise ConfigurationError(f'the jog has not begun: {"; ".join(missing)}')
        listening.spin(0.1, running)


def _holds(listening: Listening, node: JogNode, held: Exercise, running: Running) -> bool:
    """Wait; return whether the robot stays where it was measured, as it is told to before any joint is moved."""
    end = time.monotonic() + SETTLE

    def moved() -> str:
        ways = {name: abs(way) for name, way in held.excursion().items() if abs(way) > HOLD}
        return max(ways, key=lambda name: ways[name], default='')

    while running() and time.monotonic() < end and not moved() and not node.ended():
        listening.spin(0.05, running)
    held.joint, held.ended = moved(), node.ended() or ('' if running() else SIGNAL)
    return not (held.joint or held.ended)


def _ways(
    listening: Listening, node: JogNode, action: ActionSpec, row: int, spec: JogSpec, say: Say, running: Running
) -> Iterator[Exercise]:
    """Move one joint after another out and back; yield each, the last one with why it ended."""
    names = named_for(action.joints, listening.heard.control.robots[row])
    for place, joint in enumerate(names):
        anchor = node.policy.anchor
        if anchor is None:
            yield Exercise(joint, action.source, row, ended=node.ended() or 'the robot was not measured')
            return
        distance = way(action, action.joints[place], float(anchor[0, place]), spec.distance)
        exercise = listening.exercise = Exercise(joint, action.source, row, asked=distance)
        say(f"jog '{joint}' by {distance:+.3g} and back")
        seconds = node.policy.move(place, distance)
        listening.spin(seconds + SETTLE, lambda: running() and not node.ended())
        exercise.ended = node.ended() or ('' if running() else SIGNAL)
        yield exercise
        if exercise.ended:
            return


def _joints(control: ControlSpec, row: int) -> list[tuple[str, str]]:
    """Return (source, joint as messages name it) of a robot: those of the actions first, then of the terms."""
    users = [(action.source, action.joints) for action in control.actions if action.source]
    users += [(name, control.joints_of(name)) for name in control.sources]
    robot = control.robots[row]
    return list(dict.fromkeys((source, joint) for source, joints in users for joint in named_for(joints, robot)))


def _entered() -> bool:
    """Return whether somebody at a terminal has pressed Enter."""
    if not sys.stdin or not sys.stdin.isatty():
        return False
    if not select.select([sys.stdin], [], [], 0.0)[0]:
        return False
    sys.stdin.readline()
    return True
