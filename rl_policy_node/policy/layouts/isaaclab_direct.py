# SPDX-License-Identifier: Apache-2.0
"""Layouts of Isaac Lab's direct tasks: facts in isaaclab_direct.yaml, numbers from the run's own env.yaml.

env.yaml does not name its task, so that the settings of the task tell it.
"""

from functools import cache
from itertools import chain
import math
from pathlib import Path
from typing import Any

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.layouts.entries import action_of, term_of
from rl_policy_node.policy.layouts.isaaclab_actions import read_action
from rl_policy_node.policy.layouts.isaaclab_derived import derived
from rl_policy_node.policy.layouts.isaaclab_joints import with_order
from rl_policy_node.policy.layouts.isaaclab_names import (
    default_state,
    limits_of,
    setting,
    shape_of,
    space,
    stated_order,
)
from rl_policy_node.policy.layouts.isaaclab_sensors import height_scan
from rl_policy_node.policy.layouts.layout import Layout, LayoutAction, LayoutTerm
from rl_policy_node.policy.layouts.robot_joints import RobotJoints
from rl_policy_node.policy.layouts.template import Template
from rl_policy_node.policy.run.yaml_file import read_yaml
from rl_policy_node.policy.shared_types import YamlTree

CATALOGUE = Path(__file__).with_name('isaaclab_direct.yaml')
# Counts of the catalogue whose joints come in the simulator's order.
JOINT_COUNTS = ('joints', 'actuated joints')
# Key of an entry that names limits of its joints -> power of half their range that is the scale
_LIMITED = {'unscaled_by': -1.0, 'scaled_by': 1.0}
# Settings from which an environment computes the size of its observation when it is made. env.yaml is older.
_COMPUTED_FROM = ('obs_order', 'frame_stack')
_UNKNOWN = 'what it is made of, _get_observations of the environment says'
_WHERE_TO_LOOK = (
    "env.yaml of a direct task states sizes only. Look into the environment's class, which "
    'gymnasium.spec(<task>).entry_point names: _get_observations composes the observation, _pre_physics_step and '
    '_apply_action make commands of the action'
)


def computes_its_size(env: YamlTree) -> bool:
    """Return whether the environment computed the size of its observation anew: that in env.yaml does not count."""
    return any(env.get(name) is not None for name in _COMPUTED_FROM)


def read_direct(env: YamlTree, joints: RobotJoints | None = None) -> Layout | None:
    """Return the Layout of a direct task by its env.yaml, None where that states no observation.

    Of a task that the catalogue does not have, or whose settings it does not, the Layout says sizes and no more.
    joints: of the robot, None for not known. Raises ConfigurationError for joints that are not those of the task, or
    of which the task is not known to have any.
    """
    env = with_order(env, joints) if joints else env
    entry = _entry(env)
    try:
        layout = (_described(entry, env) if entry else None) or _undescribed(env)
    except ConfigurationError as error:
        if joints:
            raise ConfigurationError(f'{joints.source} has {len(joints.names)} joints: {error}') from error
        raise
    if joints and layout:
        _check_joints(layout, joints)
    return layout


def _check_joints(layout: Layout, joints: RobotJoints) -> None:
    pieces: list[LayoutTerm | LayoutAction] = [*layout.actions, *chain(*layout.inputs.values())]
    named = [name for piece in pieces if piece.subject == 'joints' for name in piece.joints]
    if not named:
        raise ConfigurationError(
            f'{joints.source}: the run is of a direct task, of which no term and no action is known to be of joints'
        )
    for name in named:
        if name not in joints.names:
            raise unknown('joint of the task', name, joints.names, joints.source)


def undescribed_action(env: YamlTree) -> LayoutAction:
    """Return the action of an environment whose law no file of the run states."""
    actions, scale = space(env, 'action'), env.get('action_scale')
    law = 'not known: _pre_physics_step and _apply_action of the environment say it'
    law += f'; action_scale is {scale}' if scale is not None else ''
    return LayoutAction('action', None if actions is None else math.prod(actions), count='actions', law=law)


def _described(entry: YamlTree, env: YamlTree) -> Layout | None:
    template = Template({**_settings(env), 'derived': derived(env)}, entry['source'])
    terms = _listed(entry, template, env) if 'keys' in entry else _terms(template.fill(entry['inputs']['obs']), env)
    if terms is None:
        return None
    actions: Any = template.fill(entry['actions'])
    notes: Any = template.fill(entry.get('notes', []))
    return Layout(
        task='',
        inputs={'obs': terms},
        actions=tuple(_action(action, env) for action in actions),
        notes=(*notes, *_noise(env)),
        clip_observations=entry.get('clip', math.inf),
        source=f"Isaac Lab's {entry['source']}, with the numbers of env.yaml",
    )


def _undescribed(env: YamlTree) -> Layout | None:
    size = env.get('observation_space') or env.get('num_observations')
    if size is None:
        return None
    flat = None if computes_its_size(env) else space(env, 'observation')
    shapes = {name: shape_of(each) for name, each in size.items()} if isinstance(size, dict) else {'obs': flat}
    return Layout(
        task='',
        inputs={
            name: (LayoutTerm('observation' if name == 'obs' else name, shape, 'unknown', description=_UNKNOWN),)
            for name, shape in shapes.items()
        },
        actions=(undescribed_action(env),),
        notes=(_WHERE_TO_LOOK,),
        source='env.yaml',
        known=False,
    )


def _entry(env: YamlTree) -> YamlTree | None:
    """Return the first task of the catalogue whose settings env.yaml has; None where a space is gymnasium's own."""
    if space(env, 'observation') is None or space(env, 'action') is None:
        return None
    return next(
        (
            entry
            for entry in _catalogue().values()
            if all(setting(env, name) is not None for name in entry['has'])
            and all(setting(env, name) is None for name in entry.get('lacks', ()))
        ),
        None,
    )


def _settings(env: YamlTree) -> YamlTree:
    """Return env.yaml without its scene and its assets: most of the file, of which `derived` has what counts."""
    return {
        name: value
        for name, value in env.items()
        if name not in ('scene', 'events') and not (isinstance(value, dict) and 'class_type' in value)
    }


@cache
def _catalogue() -> YamlTree:
    tasks: YamlTree = read_yaml(CATALOGUE, 'catalogue')['tasks']
    return tasks


def _listed(entry: YamlTree, template: Template, env: YamlTree) -> tuple[LayoutTerm, ...]:
    """Return the terms that a list of env.yaml names, in its order, and those that follow them."""
    names: Any = template.get(entry['order'], [])
    keys: Any = {name: template.fill(value) for name, value in entry['keys'].items()}
    found = [
        _term({'name': name, **keys[name]}, env)
        if name in keys
        else LayoutTerm(name, None, 'unknown', description='not an observation of the released environment')
        for name in names
    ]
    return (*found, *(_terms(template.fill(entry.get('then', [])), env) or ()))


def _terms(entries: Any, env: YamlTree) -> tuple[LayoutTerm, ...] | None:
    return None if entries is None else tuple(_term(entry, env) for entry in entries)


def _term(entry: YamlTree, env: YamlTree) -> LayoutTerm:
    scanner = entry.get('scan')
    entry = {name: value for name, value in _named(entry, env).items() if name != 'scan'}
    if scanner:
        entry = {**height_scan({'sensor_cfg': {'name': scanner}, 'offset': entry['offset']}, env), **entry}
    return term_of(entry)


def _action(entry: YamlTree, env: YamlTree) -> LayoutAction:
    if 'like' in entry:
        return read_action(entry['name'], env[entry['like']], env)
    return action_of(_named(entry, env))


def _named(entry: YamlTree, env: YamlTree) -> YamlTree:
    """Return an entry with its joints, where their order is known, and the numbers that follow from them."""
    joints = entry.get('joints') or _ordered(entry.get('count', ''), env)
    named: YamlTree = {name: value for name, value in entry.items() if name != 'default_of'}
    if joints:
        named['joints'] = joints
    for key, power in _LIMITED.items():
        if key in named:
            named.update(_by_limits(named.pop(key), power, tuple(joints), env))
    if 'default_of' in entry:
        # () for zeros, None where it takes the order of the joints
        positions = default_state(env, entry['default_of'], tuple(joints))
        named['offset'] = () if positions == (0.0,) else positions
    return named


def _by_limits(kind: str, power: float, joints: tuple[str, ...], env: YamlTree) -> YamlTree:
    """Return the middle of the limits of each joint as offset and half their range, to a power, as scale."""
    limits = limits_of(env, 'robot', joints, kind)
    if limits is None:
        return {'offset': None, 'scale': None}
    middles, halves = limits
    return {'offset': middles, 'scale': tuple(float(f'{half**power:.12g}') for half in halves)}


def _ordered(count: str, env: YamlTree) -> list[str]:
    """Return the joints that a piece counts, [] where their order is left to the simulator."""
    if count not in JOINT_COUNTS:
        return []
    driven = env.get('actuated_joint_names') or ()
    return [name for name in stated_order(env, 'robot') if count == 'joints' or name in driven]


def _noise(env: YamlTree) -> tuple[str, ...]:
    notes = (
        ('observation_noise_model', "observations carried noise in training; the robot's side adds none"),
        ('action_noise_model', 'actions carried noise in training, which the policy observed with its last action'),
    )
    return tuple(f'{text} ({name})' for name, text in notes if env.get(name))
