# SPDX-License-Identifier: Apache-2.0
"""The names of topics, their rows and their quality of service."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from rl_policy_node.control.action_spec import ActionSpec
from rl_policy_node.control.specs import ControlSpec, SourceSpec, TRANSFORM
from rl_policy_node.errors import ConfigurationError

COMMAND_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


def source_qos(lockstep: bool, durability: str = 'volatile') -> QoSProfile:
    """Return the profile of a source: sensor data, best effort; in lockstep reliable, with the last message latched.

    durability: transient_local also gives a reliable profile with the last message latched, as for a goal.
    """
    if lockstep or durability == 'transient_local':
        return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    return QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT, history=HistoryPolicy.KEEP_LAST)


def topic_of(robot: str, topic: str) -> str:
    """Return the topic in a robot's namespace; for an unnamed robot the topic itself."""
    return f'{robot}/{topic}' if robot and not topic.startswith('/') else topic


def spec_topic(spec: SourceSpec | ActionSpec, robot: str) -> str:
    """Return the topic of a source or an action for a robot; a topic for all robots has no namespace."""
    if spec.type == TRANSFORM:
        return '/tf'
    return topic_of('' if spec.rows else robot, spec.topic)


def shadow_topic(topic: str) -> str:
    """Return the shadow topic of commands, to which no robot subscribes."""
    return f'~/shadow/{topic.lstrip("/")}'


def named_for(joints: tuple[str, ...], robot: str) -> tuple[str, ...]:
    """Return joint names with `{robot}` in them replaced by a robot's namespace."""
    return tuple(joint.replace('{robot}', robot.strip('/')) for joint in joints)


def row_groups(together: bool, rows: int) -> list[slice]:
    """Return the rows of each topic: all rows together, or each row alone."""
    return [slice(0, rows)] if together else [slice(row, row + 1) for row in range(rows)]


def refuse_shared(control: ControlSpec, resolve: Callable[[str], str], inputs: Mapping[str, str]) -> None:
    """Raise ConfigurationError, naming both, if a command shares its topic with another command or an input.

    resolve(topic): returns its name after namespaces and remapping. inputs: name → topic, besides the sources.
    Several inputs may share a topic.
    """
    _refuse_namesakes(control.robots, resolve)
    commands: dict[str, str] = {}
    for action in control.actions:
        for robot in control.robots[:1] if action.rows else control.robots:
            name, topic = _called(f'actions.{action.name}', robot), spec_topic(action, robot)
            # shadow topics must not meet, either
            for resolved in map(resolve, [topic, shadow_topic(topic)] if control.shadow else [topic]):
                other = commands.setdefault(resolved, name)
                if other != name:
                    raise ConfigurationError(f'{other} and {name} both command {resolved}; expected a topic for each')
    read = {
        _called(f'sources.{source.name}', robot): spec_topic(source, robot)
        for source in control.sources.values()
        if source.type != TRANSFORM
        for robot in control.robots
    }
    for name, topic in {**read, **inputs}.items():
        resolved = resolve(topic)
        if resolved in commands:
            raise ConfigurationError(
                f'{name} reads {resolved}, and {commands[resolved]} commands it; expected a topic '
                'for each: the policy would take its commands for measurements'
            )


def topics_beside(control: ControlSpec, enable: str, robot_state: str) -> dict[str, str]:
    """Return parameter → the topic that it names, for the topics read besides the sources.

    enable, robot_state: topics, '' for none.
    """
    read = {'enable.topic': enable} if enable else {}
    for name, topic in (('robot_state.topic', robot_state), ('episode_topic', control.timing.episode_topic)):
        for robot in control.robots if topic else ():
            read[_called(name, robot)] = topic_of(robot, topic)
    return read


def _refuse_namesakes(robots: tuple[str, ...], resolve: Callable[[str], str]) -> None:
    """Refuse robots whose different namespaces resolve to the same one."""
    seen: dict[str, str] = {}
    for robot in robots:
        resolved = resolve(topic_of(robot, 'topics'))
        other = seen.setdefault(resolved, robot)
        if other != robot:
            raise ConfigurationError(
                f"robots '{other}' and '{robot}' are one: both have {resolved.rpartition('/')[0]} "
                'for a namespace; expected different ones'
            )


def _called(name: str, robot: str) -> str:
    return f"{name} of robot '{robot}'" if robot else name
