"""The parameter file that a run asks for, as a tree: sources, terms and actions from its layout."""
from dataclasses import dataclass, field
import math

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.schema import BLANK
from rl_policy_node.policy.layouts import complete, LayoutAction, LayoutTerm

ARRAY, JOINTS, POSE, WRENCH, IMAGE = ('std_msgs/msg/Float32MultiArray', 'sensor_msgs/msg/JointState',
                                      'geometry_msgs/msg/PoseStamped', 'geometry_msgs/msg/WrenchStamped',
                                      'sensor_msgs/msg/Image')
# Quantity → message type and field that carry it; an array carries what has no message of its own.
CARRIERS = {'joint_position': (JOINTS, 'position'), 'joint_velocity': (JOINTS, 'velocity'),
            'joint_effort': (JOINTS, 'effort'), 'position': (POSE, 'position'), 'orientation': (POSE, 'orientation'),
            'force': (WRENCH, 'force'), 'torque': (WRENCH, 'torque'), 'image': (IMAGE, 'image'),
            'force_field': (IMAGE, 'image')}
_ENCODINGS = {('image', 3): 'rgb8', ('image', 1): 'mono8', ('force_field', 1): '32FC1', ('force_field', 2): '32FC2',
              ('force_field', 3): '32FC3'}


@dataclass
class Entry:
    """One line of the file: its values, and what a comment says of them."""

    values: dict
    comment: str = ''


@dataclass
class Draft:
    """Name → Entry of each part, in the order in which they are written; notes: one line each."""

    sources: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)
    terms: dict = field(default_factory=dict)
    actions: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)


def draft(layout, spaces, control_rate):
    """Return the Draft for a policy's Spaces; layout: of the run's environment, or None.

    control_rate: Hz, None where it is not known. A run that differs from what was published is described
    without the layout: one term an input.
    """
    made = Draft()
    layout = _fitting(layout, spaces, made)
    if layout:
        made.notes += [f'terms and laws are those of {layout.task} as published; look again where your task differs',
                       *layout.notes]
    for name, shape in spaces.inputs.items():
        terms = layout.inputs[name] if layout else (LayoutTerm(name, shape, kind='unknown'),)
        made.inputs[name] = Entry({'terms': [_add_term(made, term, name, layout is not None) for term in terms]})
    actions = layout.actions if layout else (LayoutAction('action', spaces.num_actions, law='not known'),)
    for action in actions:
        _add_action(made, action)
    for entry in made.sources.values():
        entry.values['max_age'] = _max_age(control_rate)
    return made


def _fitting(layout, spaces, made):
    """Return the layout with all its sizes, or None where it is not that of this policy."""
    if layout is None:
        made.notes.append('what the observation is made of is not known: each input is one array, in the trained order')
        return None
    try:
        layout = complete(layout, spaces.observation, None if spaces.discrete else spaces.num_actions)
    except ConfigurationError as error:
        made.notes.append(f'the run is not {layout.task} as it was published ({error}): each input is one array')
        return None
    if set(layout.inputs) != set(spaces.inputs):
        made.notes.append(f'the run is not {layout.task} as it was published: its inputs are {sorted(spaces.inputs)}')
        return None
    return layout


def _max_age(control_rate):
    """Three periods: one message may be lost, and the next be late."""
    return round(min(0.5, max(0.03, 3.0 / control_rate)), 3) if control_rate else 0.1


def _add_term(made, term, key, known):
    name = term.name if term.name not in made.terms else f'{key}_{term.name}'
    if term.kind == 'last_action' and not term.history:
        made.terms[name] = Entry({'kind': 'last_action', **_numbers(term)}, term.description)
        return name
    values = {'source': '', 'field': '', **_numbers(term)}
    carrier, values['field'] = _carrier(term)
    values['source'] = _source(made, term, name, carrier)
    if carrier == JOINTS:
        values['joints'] = list(term.joints) or [BLANK] * term.size
    elif carrier in (ARRAY, IMAGE):
        values['shape'] = [BLANK] if term.shape is None else list(term.shape)
    made.terms[name] = Entry(values, _told(term, carrier, known))
    return name


def _carrier(term):
    carrier, part = CARRIERS.get(term.quantity, (ARRAY, 'data'))
    whole = {POSE: {'position': 3, 'orientation': 4}, WRENCH: {'force': 3, 'torque': 3}}.get(carrier)
    fits = not (whole and term.size != whole[part]) and not (carrier == JOINTS and term.size is None)
    if carrier == IMAGE:
        fits = term.shape is not None and len(term.shape) == 3 and (term.quantity, term.shape[2]) in _ENCODINGS
    return (carrier, part) if fits and not term.history else (ARRAY, 'data')


def _source(made, term, name, carrier):
    """Return the source that a term is read from, one for each subject and message; arrays share none."""
    candidates = [term.subject or name, f'{term.subject}_{term.quantity}', name, f'{name}_array']
    for candidate in candidates if carrier != ARRAY else [name, f'{name}_array']:
        entry = made.sources.get(candidate)
        if entry is None:
            values = {'topic': BLANK, 'type': carrier}
            if carrier == IMAGE:
                values['encoding'] = _ENCODINGS[term.quantity, term.shape[2]]
            made.sources[candidate] = Entry(values, _frame(term))
            return candidate
        if entry.values['type'] == carrier and carrier not in (ARRAY, IMAGE):
            return candidate
    raise AssertionError(f'no name is left for the source of {name}')


def _numbers(term):
    """Return offset, clip and scale where there are some; what the run does not hold is left blank."""
    size = term.size // max(1, term.history) if term.size is not None else 1
    values = {}
    for name in ('offset', 'scale'):
        numbers = getattr(term, name)
        if numbers is None:
            values[name] = [BLANK] * size
        elif len(numbers) and any(n != (1.0 if name == 'scale' else 0.0) for n in numbers):
            values[name] = [float(n) for n in numbers]
        if name == 'offset' and term.clip is not None and math.isfinite(term.clip):
            values['clip'] = float(term.clip)
    return values


def _frame(term):
    stamped = term.quantity in ('position', 'orientation', 'force', 'torque')
    return f'frame: {term.frame}' if term.frame and stamped else ''


def _told(term, carrier, known):
    parts = [term.description] if known else ['the whole input, in the trained order']
    parts += [f'in {term.unit}'] if term.unit not in ('', '1') else []
    parts += [f'frame: {term.frame}'] if term.frame and carrier == ARRAY else []
    parts += [f'{term.history} samples, oldest first'] if term.history else []
    parts += ['clipped by the environment, not symmetrically: publish it clipped'] if term.clip is None else []
    parts += ['values of ' + ', '.join(term.joints)] if term.joints and carrier == ARRAY else []
    return '; '.join(part for part in parts if part)


def _add_action(made, action):
    pose = action.kind == 'pose_delta'
    values = {'kind': action.kind if action.kind != 'other' else BLANK,
              'source': _measuring(made, action, POSE if pose else JOINTS), 'topic': BLANK,
              'type': POSE if pose else 'std_msgs/msg/Float64MultiArray'}
    if pose:
        values.update(_pose_scales(action))
    else:
        values.update(joints=list(action.joints) or [BLANK] * (action.size or 1), **_joint_scales(action))
    made.actions[action.name] = Entry({**values, 'fallback': 'hold'}, action.law)


def _measuring(made, action, carrier):
    """Return the source that measures what is commanded; the fallback and the limits begin there."""
    names = [name for name, entry in made.sources.items() if entry.values['type'] == carrier]
    if action.subject in names:
        return action.subject
    if carrier == JOINTS and names:
        return names[0]
    name = action.subject or 'joints'
    name = name if name not in made.sources else f'measured_{name}'
    made.sources[name] = Entry({'topic': BLANK, 'type': carrier}, 'measures what the action commands')
    return name


def _joint_scales(action):
    size = action.size or 1
    values = {}
    for name in ('scale', 'offset'):
        numbers = getattr(action, name)
        if numbers is None:
            values[name] = [BLANK] * size
        elif len(numbers):
            values[name] = [float(n) for n in numbers]
    return values


def _pose_scales(action):
    values = {name: [BLANK] * 3 if getattr(action, name) is None else [float(n) for n in getattr(action, name)]
              for name in ('position_scale', 'rotation_scale')}
    if action.rotation_threshold is not None:
        values['rotation_threshold'] = float(action.rotation_threshold)
    return {name: value for name, value in values.items() if value != []}
