"""What topics are called, whom they carry, and with which quality of service."""
from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from rl_policy_node.control.action_spec import ActionSpec
from rl_policy_node.control.specs import SourceSpec, TRANSFORM

COMMAND_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


def source_qos(lockstep: bool) -> QoSProfile:
    """Sensor data, best effort; in lockstep every message counts, and a late joiner gets the last one."""
    if lockstep:
        return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    return QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT, history=HistoryPolicy.KEEP_LAST)


def topic_of(robot: str, topic: str) -> str:
    """Return a robot's topic; an unnamed robot's is the topic itself."""
    return f'{robot}/{topic}' if robot and not topic.startswith('/') else topic


def spec_topic(spec: SourceSpec | ActionSpec, robot: str) -> str:
    """Return the topic of a source or an action for a robot; what carries all robots has no namespace."""
    if spec.type == TRANSFORM:
        return '/tf'
    return topic_of('' if spec.rows else robot, spec.topic)


def shadow_topic(topic: str) -> str:
    """Return where the commands of a topic go that no robot is to get."""
    return f'~/shadow/{topic.lstrip("/")}'


def named_for(joints: tuple[str, ...], robot: str) -> tuple[str, ...]:
    """Return joint names with `{robot}` in them replaced by a robot's namespace."""
    return tuple(joint.replace('{robot}', robot.strip('/')) for joint in joints)


def row_groups(together: bool, rows: int) -> list[slice]:
    """Return the sets of rows that have a topic each: one of all rows, or each row alone."""
    return [slice(0, rows)] if together else [slice(row, row + 1) for row in range(rows)]
