# SPDX-License-Identifier: Apache-2.0
"""Observation terms of Isaac Lab's manager-based environments, by the name of their function."""

import math
from typing import Any

from rl_policy_node.policy.layouts.isaaclab_bodies import body_term
from rl_policy_node.policy.layouts.isaaclab_commands import command_term
from rl_policy_node.policy.layouts.isaaclab_names import (
    count_of,
    default_state,
    in_words,
    initial,
    joint_names,
    limit_factor,
    limits_of,
    subject_of,
)
from rl_policy_node.policy.layouts.isaaclab_roots import ROOT_FUNCTIONS, root_term
from rl_policy_node.policy.layouts.isaaclab_sensors import height_scan, image
from rl_policy_node.policy.layouts.layout import LayoutTerm
from rl_policy_node.policy.shared_types import Numbers, Shape, YamlTree

# Function -> quantity, unit, default state of the joints that is taken off, description
JOINT_FUNCTIONS = {
    'joint_pos': ('joint_position', 'rad, m', '', 'position of each joint'),
    'joint_pos_rel': ('joint_position', 'rad, m', 'joint_pos', 'position of each joint minus its default position'),
    'joint_vel': ('joint_velocity', 'rad/s, m/s', '', 'velocity of each joint'),
    'joint_vel_rel': ('joint_velocity', 'rad/s, m/s', 'joint_vel', 'velocity of each joint'),
    'joint_effort': ('joint_effort', 'N m, N', '', 'effort applied at each joint'),
    'joint_pos_limit_normalized': (
        'joint_position',
        'rad, m',
        '',
        'position of each joint, from its soft limits '
        'to -1 .. 1: offset = (lower + upper) / 2, scale = {scale} / (upper - lower)',
    ),
}
# its offset and scale are the limits of the robot, which no file of the run holds
_BY_LIMITS = 'joint_pos_limit_normalized'


def read_term(name: str, config: YamlTree, env: YamlTree, group: YamlTree) -> LayoutTerm:
    """Return the LayoutTerm of an observation term's config."""
    path = str(config.get('func') or '')
    known = _known(path, config.get('params') or {}, env)
    offset: Numbers | None = known.pop('offset', ())
    scale: Numbers | None = _numbers(config.get('scale'))
    bounds = _bounds(config.get('clip'))
    if known.get('difference_to_mean'):
        known, scale = _of_bytes(known, scale or (1.0,), bounds)
    description = known.pop('description', f'computed by {config.get("func")}')
    if config.get('modifiers'):
        description += '; modifiers changed it further, see the run'
    if _name(path) == _BY_LIMITS:
        known, description = _by_limits(known, _numbers(config.get('scale')), bounds, description, env)
        offset, scale, bounds = known.pop('offset'), known.pop('scale'), {}
    history, flat = _history(config, group)
    return LayoutTerm(
        name=name,
        **{'wanted': False, **known, 'shape': _stacked(known['shape'], history, flat)},
        offset=offset,
        scale=scale,
        history=history,
        description=description,
        **bounds,
    )


def _known(path: str, params: YamlTree, env: YamlTree) -> YamlTree:
    """Return the fields of a LayoutTerm by its function; path: module and name of it."""
    function = _name(path)
    if function in ROOT_FUNCTIONS:
        return root_term(function, params, env)
    if function in JOINT_FUNCTIONS:
        return _joints(function, params.get('asset_cfg') or {}, env)
    if function == 'last_action':
        return {
            'shape': None,
            'kind': 'last_action',
            'quantity': 'last_action',
            'count': _last(params),
            'description': 'the action before it was scaled, as the policy gave it',
        }
    special = {'generated_commands': command_term, 'height_scan': height_scan, 'image': image, 'image_rgb': image}
    if function in special:
        return special[function](params, env)
    return body_term(function, path, params, env) or {'shape': None, 'kind': 'unknown'}


def _name(path: str) -> str:
    return path.rpartition(':')[2].rpartition('.')[2]


def _by_limits(
    known: YamlTree, scale: Numbers, bounds: YamlTree, description: str, env: YamlTree
) -> tuple[YamlTree, str]:
    """Return known, with offset and scale, and the description of a term that the limits of its joints scale.

    A clip bounds the result: the node clips before it scales, so that the user computes the whole.
    """
    asset = 'robot' if known['subject'] == 'joints' else known['subject']
    factors, factor = [2.0 * number for number in scale or (1.0,)], limit_factor(env, asset)
    description = description.format(scale=', '.join(f'{number:g}' for number in factors)) + factor
    if not bounds:
        limits = limits_of(env, asset, known['joints'])
        if limits is None or len(factors) not in (1, len(limits[0])):
            return {**known, 'offset': None, 'scale': None}, description
        middles, halves = limits
        each = factors * len(halves) if len(factors) == 1 else factors
        scales = tuple(float(f'{number / 2.0 / half:.12g}') for number, half in zip(each, halves))
        return {**known, 'offset': middles, 'scale': scales}, description
    clipped = bounds.get('clip_range') or (-bounds['clip'], bounds['clip'])
    description += f', with {clipped[0]:g} .. {clipped[1]:g} as bounds before the last scale'
    return {**known, 'quantity': 'other', 'offset': (), 'scale': ()}, description


def _last(params: YamlTree) -> str:
    return f'actions of {params["action_name"]}' if params.get('action_name') else 'actions'


def _joints(function: str, asset_cfg: YamlTree, env: YamlTree) -> YamlTree:
    quantity, unit, state, description = JOINT_FUNCTIONS[function]
    asset, patterns = asset_cfg.get('name') or 'robot', asset_cfg.get('joint_names')
    names = joint_names(patterns)
    # without preserve_order the simulator's own order counts, and the file does not say it
    ordered = names if asset_cfg.get('preserve_order') or len(names) == 1 else ()
    offset = default_state(env, asset, ordered, state) if state else ()
    if not ordered:
        description += (
            '; in the order of the simulator' if not names else f'; {", ".join(names)} in the order of the simulator'
        )
    if offset is None:
        description += f'; offset: init_state.{state} of {asset}: {in_words(initial(env, asset)[state])}'
    return {
        'shape': (len(names),) if names else None,
        'quantity': quantity,
        'joints': ordered,
        'unit': unit,
        'subject': subject_of(asset),
        'offset': () if offset == (0.0,) else offset,
        'count': count_of(patterns, asset),
        'description': description,
    }


def _of_bytes(known: YamlTree, scale: Numbers, bounds: YamlTree) -> tuple[YamlTree, Numbers]:
    """Return known and scale of an image whose bytes Isaac Lab divided by 255 before it clipped and scaled them.

    The node clips before it scales at all: a clipped image is left to the user.
    """
    if bounds:
        return {**known, 'quantity': 'other', 'difference_to_mean': False}, scale
    return known, tuple(number / 255.0 for number in scale)


def _bounds(clip: Any) -> YamlTree:
    if not clip:
        return {}
    low, high = map(float, clip)
    return {'clip': high} if low == -high else {'clip_range': (low, high)}


def _numbers(scale: Any) -> Numbers:
    if scale is None:
        return ()
    return tuple(map(float, scale)) if isinstance(scale, (list, tuple)) else (float(scale),)


def _history(config: YamlTree, group: YamlTree) -> tuple[int, bool]:
    """Return how many samples are stacked, and whether flat; the group's setting goes before the term's."""
    holder = group if group.get('history_length') is not None else config
    return int(holder.get('history_length') or 0), holder.get('flatten_history_dim', True)


def _stacked(shape: Shape | None, history: int, flat: bool) -> Shape | None:
    if shape is None or not history:
        return shape
    return (history * math.prod(shape),) if flat else (history, *shape)
