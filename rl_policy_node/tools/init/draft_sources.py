# SPDX-License-Identifier: Apache-2.0
"""Assign sources to the terms of a parameter file: a message type and a topic for each subject."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rl_policy_node.nodes.parameters.schema import BLANK
from rl_policy_node.policy.layouts import LayoutTerm

ARRAY, JOINTS, POSE, WRENCH, IMAGE, ODOMETRY, IMU, TWIST, TWIST_STAMPED = (
    'std_msgs/msg/Float32MultiArray',
    'sensor_msgs/msg/JointState',
    'geometry_msgs/msg/PoseStamped',
    'geometry_msgs/msg/WrenchStamped',
    'sensor_msgs/msg/Image',
    'nav_msgs/msg/Odometry',
    'sensor_msgs/msg/Imu',
    'geometry_msgs/msg/Twist',
    'geometry_msgs/msg/TwistStamped',
)
SENSOR, VELOCITY, GOAL = 'sensor', 'velocity', 'goal'
_COMMENTS = {
    ODOMETRY: 'velocities in the frame of {subject}, its child_frame_id',
    IMU: 'orientation of {subject} in a frame whose z axis points up',
    TWIST: 'wanted velocity: x and y of linear, z of angular',
}


@dataclass
class Entry:
    """An entry of the parameter file: its values and its comment."""

    values: dict[str, Any]
    comment: str = ''


class Sources:
    """Assigns a source to each subject and message type, and adds it to `entries` (name → Entry).

    All terms of a subject and type share one source; each array and each image has its own. senders: source →
    SENSOR, or VELOCITY or GOAL where a person or a planner sends it, where the layout tells. subjects: source → what
    it is of, and in which frame, '' for not known.
    """

    def __init__(self, entries: dict[str, Entry], terms: Iterable[LayoutTerm]) -> None:
        self.entries, self._known = entries, dict[tuple[str, str], str]()
        self.senders, self.subjects = dict[str, str](), dict[str, tuple[str, str]]()
        self._bodies = {term.subject for term in terms if term.quantity == 'linear_velocity' and in_own_frame(term)}

    def has_odometry(self, subject: str) -> bool:
        """Return whether a subject publishes odometry: a term observes its velocity in its own frame."""
        return subject in self._bodies

    def carrier_of(self, subject: str) -> str:
        """Return the message type that carries the pose of a subject."""
        return IMU if subject == 'imu' else ODOMETRY if self.has_odometry(subject) else POSE

    def source_of(self, subject: str, carrier: str, name: str = '', frame: str = '', **values: object) -> str:
        """Return the name of the source of a subject, and add it if it is new; name: the term that reads it."""
        shared = carrier not in (ARRAY, IMAGE)
        if shared and (subject, carrier) in self._known:
            return self._known[subject, carrier]
        source = next(
            candidate for candidate in self._names(subject or name, carrier, name) if candidate not in self.entries
        )
        comment = _COMMENTS.get(carrier, f'frame: {frame}' if frame else '')
        comment = comment.format(subject=f'the {subject}' if subject else 'the body')
        self.entries[source] = Entry({'topic': BLANK, 'type': carrier, **values}, comment)
        self.subjects[source] = (subject or name, frame)
        if shared:
            self._known[subject, carrier] = source
        return source

    def measuring(self, subject: str, carrier: str) -> str | None:
        """Return the source of this type that measures a subject, or None."""
        return self._known.get((subject, carrier))

    def note_sender(self, source: str, term: LayoutTerm) -> None:
        """Note who sends what a term reads."""
        if term.wanted is not None and source:
            self.senders[source] = SENSOR if not term.wanted else VELOCITY if term.quantity == 'command' else GOAL

    def _names(self, subject: str, carrier: str, name: str) -> Iterator[str]:
        kind = {
            ODOMETRY: 'odometry',
            IMU: 'imu',
            TWIST_STAMPED: 'velocity',
            WRENCH: 'wrench',
            POSE: 'pose',
            JOINTS: 'joints',
        }.get(carrier, 'array')
        if carrier in (ODOMETRY, IMU):
            yield kind
        elif carrier == ARRAY:
            yield name
        elif carrier != TWIST_STAMPED or subject.endswith('velocity'):
            yield subject
        yield f'{subject}_{kind}'
        yield name
        yield from (f'{name}_{kind}_{number}' for number in range(2, 1000))


def in_own_frame(term: LayoutTerm) -> bool:
    """Return whether a term is expressed in the frame of its own subject."""
    return bool(term.subject) and term.frame == term.subject
