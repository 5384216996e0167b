# SPDX-License-Identifier: Apache-2.0
"""Find the part of a simulator that a source of the parameter file measures: `sim.sensors`."""

from collections.abc import Mapping

from rl_policy_node.nodes.parameters.schema import BLANK
from rl_policy_node.policy.layouts import Scene
from rl_policy_node.tools.init.draft_sources import Entry, IMAGE, IMU, JOINTS, ODOMETRY, POSE, Sources, TWIST, WRENCH

# Subjects that are the root of the robot itself
_ROOTS = ('base', 'torso')


def simulated_parts(
    entries: Mapping[str, Entry], terms: Mapping[str, Entry], sources: Sources, scene: Scene
) -> dict[str, dict[str, str]]:
    """Return source → what of the simulator it measures, for the sources of which the scene leaves no doubt.

    entries: the sources, terms: the terms that read them.
    """
    found = {}
    for name, entry in entries.items():
        joints = [
            joint
            for term in terms.values()
            if term.values.get('source') == name
            for joint in term.values.get('joints', ())
        ]
        part = _part(entry.values['type'], joints, *sources.subjects[name], scene)
        if part:
            found[name] = part
    return found


def _part(carrier: str, joints: list[str], subject: str, frame: str, scene: Scene) -> dict[str, str]:
    if carrier == JOINTS:
        articulation = scene.having(joints) if BLANK not in joints else ''
        return {'articulation': articulation} if articulation else {}
    if carrier in (ODOMETRY, IMU, POSE):
        return _body(subject, frame if carrier == POSE else '', scene)
    if carrier == TWIST:
        named = [name for name, command in scene.commands.items() if command.get('size') == 3]
        name = subject if subject in named else named[0] if len(named) == 1 else ''
        return {'command': name} if name else {}
    return {'sensor': subject} if carrier in (IMAGE, WRENCH) and subject in scene.sensors else {}


def _body(subject: str, frame: str, scene: Scene) -> dict[str, str]:
    """Return the body that is a subject, and that of the frame; {} where the frame is another than a body's."""
    robot = scene.having(())
    root = scene.roots.get(robot, '')
    body = root if subject in _ROOTS else subject if subject in scene.bodies else f'{robot}/{subject}'
    if body not in scene.bodies or frame not in ('', 'world', 'environment', 'base'):
        return {}
    if frame != 'base':
        return {'body': body}
    return {'body': body, 'frame': root} if root in scene.bodies else {}
