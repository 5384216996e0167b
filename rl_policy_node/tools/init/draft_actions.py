# SPDX-License-Identifier: Apache-2.0
"""Write action terms from a layout."""

import math
from typing import Any

from rl_policy_node.control.action_terms import KINDS
from rl_policy_node.nodes.parameters.schema import BLANK
from rl_policy_node.options import leaves
from rl_policy_node.policy.layouts import JointLimits, Layout, LayoutAction
from rl_policy_node.tools.init.draft_sources import Entry, JOINTS, POSE, Sources, WRENCH

NUMBERS = 'std_msgs/msg/Float64MultiArray'
_TYPES = {'pose_delta': POSE, 'wrench': WRENCH}
# Fallback of a robot while the policy may not act; the other kinds hold the position.
_FALLBACKS = {'joint_velocity': 'zero', 'effort': 'zero', 'wrench': 'zero', 'gripper': 'keep', 'raw': 'value'}
_POSE_NUMBERS = ('position_scale', 'rotation_scale')
# Limit of an action -> field of JointLimits
_LIMITS = {'lower': 'lower', 'upper': 'upper', 'max_velocity': 'velocity', 'max_effort': 'effort'}
_NUMBERS = ('scale', 'offset', 'open', 'closed', 'lower', 'upper', 'max_velocity', 'max_effort')


def action_entry(action: LayoutAction, sources: Sources, bound: float, layout: Layout) -> Entry:
    """Return the Entry of a LayoutAction; its kind is blank if the node has no such law.

    bound: ± of the policy's actions, within which a clip of the environment does nothing. layout: has the limits of
    the joints, as far as anything states them.
    """
    kind, fallback = action.kind, _FALLBACKS.get(action.kind, 'hold')
    values: dict[str, Any] = {
        'kind': BLANK if kind == 'other' else kind,
        **_source(action, sources, fallback),
        'topic': BLANK,
        'type': _TYPES.get(kind, NUMBERS),
    }
    if kind == 'raw':
        values['size'] = action.size
    elif kind not in _TYPES:
        values['joints'] = list(action.joints) or [BLANK] * (1 if kind == 'gripper' else action.size or 1)
    values.update(_law(action, bound))
    robots, drives = (
        [limits.get(joint, JointLimits()) for joint in action.joints] for limits in (layout.limits, layout.drives)
    )
    known = [robot.completed(drive) for robot, drive in zip(robots, drives)]
    filled = _limits(kind, values, known)
    values.update(filled)
    endless = [joint for joint, limits in zip(action.joints, known) if limits.endless]
    if endless and 'lower' in values:
        values['continuous'] = endless
    values['fallback'] = fallback
    if kind == 'raw':
        values['fallback_value'] = [BLANK] if action.initial is None else [float(n) for n in action.initial] or [0.0]
    robots_and_drives = [*zip(robots, drives)]
    told = dict[str, list[str]]()
    for name in filled:
        if name in _LIMITS and BLANK not in filled[name]:
            told.setdefault(_sources(_LIMITS[name], robots_and_drives), []).append(name)
    named = (f'{", ".join(names)} from {source}' for source, names in told.items() if source)
    return Entry(values, '; '.join(filter(None, (action.law, *named))))


def _sources(field: str, known: list[tuple[JointLimits, JointLimits]]) -> str:
    """Return who states a limit of robot and drive of each joint, '' where nobody is named."""
    found = (drive.source if math.isnan(getattr(robot, field)) else robot.source for robot, drive in known)
    return ' and '.join(filter(None, dict.fromkeys(found)))


def _source(action: LayoutAction, sources: Sources, fallback: str) -> dict[str, str]:
    """Return the source that measures the commanded quantity, if the fallback needs it or a term reads it."""
    carrier = POSE if action.kind in _TYPES else JOINTS
    name = sources.measuring(action.subject, carrier)
    if name is None and fallback in ('hold', 'keep'):
        name = sources.source_of(action.subject or 'joints', carrier)
        exact = f': {action.measured}' if action.measured else ''
        sources.entries[name].comment = f'measures what the action commands{exact}'
    return {'source': name} if name and action.kind != 'raw' else {}


def _limits(kind: str, values: dict[str, Any], known: list[JointLimits]) -> dict[str, Any]:
    """Return the limits of the robot: those that are known of each joint, the rest as blanks; no run stores them."""
    filled: dict[str, Any] = {}
    for name in KINDS[kind].needed_limits if kind in KINDS and KINDS[kind].must_be_limited else ():
        if name in values:
            continue
        numbers = [getattr(limits, _LIMITS[name]) for limits in known] if name in _LIMITS else []
        if known and len(numbers) == len(values.get('joints', ())) and not any(map(math.isnan, numbers)):
            filled[name] = numbers
            continue
        alone = leaves(KINDS[kind].option_class)[name].type == 'double'
        filled[name] = BLANK if alone else [BLANK] * (3 if kind == 'pose_delta' and 'velocity' not in name else 1)
    return filled


def _law(action: LayoutAction, bound: float) -> dict[str, Any]:
    """Return the numbers of a law; blank if the run does not store them."""
    values: dict[str, Any] = {}
    for name in _POSE_NUMBERS if action.kind == 'pose_delta' else _NUMBERS:
        numbers = getattr(action, name)
        if numbers is None:
            values[name] = [BLANK] * (3 if name in _POSE_NUMBERS else action.size or 1)
        elif len(numbers):
            values[name] = [float(n) for n in numbers]
    if action.kind == 'gripper':
        values['mode'] = 'threshold'
    if action.integrate:
        values['integrate'] = action.integrate
    if action.smoothing != 1.0:
        values['smoothing'] = BLANK if action.smoothing is None else float(action.smoothing)
    if math.isfinite(action.clip) and action.clip != bound and (action.clip != 1.0 or bound > 1.0):
        values['clip'] = float(action.clip)
    if action.rotation_threshold is not None:
        values['rotation_threshold'] = float(action.rotation_threshold)
    return values
