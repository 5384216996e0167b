# SPDX-License-Identifier: Apache-2.0
"""Joints and their limits from the command line, or from a robot's URDF."""

import math
from pathlib import Path
from xml.etree import ElementTree

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts import JointLimits, RobotJoints

# source of joints that the user lists
STATED = '--joints'
# types of joints that one number moves
_MOVABLE = ('revolute', 'continuous', 'prismatic')


def read_joints(names: str, urdf: str | Path) -> RobotJoints | None:
    """Return the joints that a user states, None for neither.

    names: separated by commas, in the order of the simulator. urdf: file with the limits, and with the names, in its
    own order, where `names` is empty. Raises ConfigurationError for a file that is none, and for a joint that it lacks.
    """
    described = _read_urdf(Path(urdf)) if urdf else {}
    if not names:
        return RobotJoints(tuple(described), str(urdf), described) if urdf else None
    listed = tuple(name.strip() for name in names.split(','))
    absent = [name for name in listed if urdf and name not in described]
    if absent:
        raise ConfigurationError(
            f"{urdf} has no movable joint '{absent[0]}'; its joints: {', '.join(described)}",
            where=str(urdf),
            got=absent[0],
            expected='a joint of the file',
            choices=tuple(described),
        )
    return RobotJoints(listed, STATED, {name: described[name] for name in listed if name in described})


def _read_urdf(path: Path) -> dict[str, JointLimits]:
    """Return the limits of the movable joints of a URDF, by name, in the order of the file."""
    try:
        robot = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigurationError(f'{path} is not read as URDF: {error}') from error
    if robot.tag != 'robot':
        raise ConfigurationError(f'{path} is not URDF: its root is <{robot.tag}>; expected <robot>')
    joints = {
        joint.get('name', ''): _limits(joint, path) for joint in robot.findall('joint') if joint.get('type') in _MOVABLE
    }
    if not joints:
        raise ConfigurationError(f'{path} has no movable joint; expected one of type {", ".join(_MOVABLE)}')
    return joints


def _limits(joint: ElementTree.Element, path: Path) -> JointLimits:
    limit = joint.find('limit')
    found = {name: _number(joint, limit, name, path) for name in ('lower', 'upper', 'velocity', 'effort')}
    if joint.get('type') == 'continuous':
        return JointLimits(-math.inf, math.inf, found['velocity'], found['effort'])
    # the format's own default of both, where there is a limit
    lower, upper = (
        0.0 if limit is not None and math.isnan(found[name]) else found[name] for name in ('lower', 'upper')
    )
    return JointLimits(lower, upper, found['velocity'], found['effort'])


def _number(joint: ElementTree.Element, limit: ElementTree.Element | None, name: str, path: Path) -> float:
    text = None if limit is None else limit.get(name)
    try:
        return math.nan if text is None else float(text)
    except ValueError:
        raise ConfigurationError(
            f"{path}: joint '{joint.get('name')}': limit {name} is {text!r}; expected a number"
        ) from None
