# SPDX-License-Identifier: Apache-2.0
"""What Isaac Lab's environments of the direct workflow compute of their settings: `derived` of isaaclab_direct.yaml."""

from collections.abc import Sequence
import math
from typing import Any

from rl_policy_node.policy.layouts.isaaclab_names import initial, per_joint, setting, space, stated_order
from rl_policy_node.policy.layouts.isaaclab_quaternions import convention, order
from rl_policy_node.policy.shared_types import Numbers, Shape, YamlTree

# InHandManipulationEnv of 2.x has no in_hand_pos_offset: it lowers the place of the object by 0.04 m.
_IN_HAND = (0.0, 0.0, -0.04)


def derived(env: YamlTree) -> YamlTree:
    """Return name → value; None, or a text that says so, where env.yaml lacks what it takes.

    actions, actuated, foot_wrenches, tips.*, tendons.count: numbers of numbers. convention, order: of quaternions.
    base, in_hand, tip: texts. effort: N·m per unit of action, one for all joints or one each. smoothing: per action.
    stacked_image: channels, height, width. images: kinds of images of the camera. one_way, pulls_tendons, scans:
    whether the task does so.
    """
    quaternions, actions = convention(env), space(env, 'action')
    return {
        'actions': None if actions is None else math.prod(actions),
        'convention': quaternions,
        'order': order(quaternions),
        'base': _base(env),
        'effort': _effort(env),
        'smoothing': _smoothing(env),
        'actuated': len(env.get('actuated_joint_names') or ()) or None,
        'in_hand': _in_hand(env),
        'tips': _tips(len(env.get('fingertip_body_names') or ())),
        'foot_wrenches': 6 * len(env.get('feet_body_names') or ()) or None,
        'pulls_tendons': bool(env.get('actuated_tendon_names')),
        'tendons': _tendons(env),
        'tip': _tip(env),
        'frames': _frames(env),
        'images': _either(env, 'scene.tiled_camera.data_types', 'tiled_camera.data_types'),
        'stacked_image': _stacked_image(env),
        'one_way': bool(_either(env, 'task.unidirectional_rot', 'tasks.insertion.unidirectional_rot')),
        'scans': bool(_either(env, 'scene.height_scanner', 'height_scanner')),
    }


def _either(env: YamlTree, *names: str) -> Any:
    """Return the first of these settings that env.yaml has: 3.0 moved the assets into the scene."""
    return next((value for value in (setting(env, name) for name in names) if value is not None), None)


def _base(env: YamlTree) -> str:
    state = initial(env, 'robot')
    if 'pos' not in state or 'rot' not in state:
        return 'where init_state of the robot says'
    return f'at {list(state["pos"])} m, turned by the quaternion {list(state["rot"])} (init_state of the robot)'


def _effort(env: YamlTree) -> list[float] | None:
    """Return action_scale · gear; gears are pattern → number (3.0), or one each in the simulator's order (2.x)."""
    gears, scale = env.get('joint_gears'), env.get('action_scale')
    if gears is None or scale is None:
        return None
    listed = isinstance(gears, (list, tuple))
    each: Numbers | None
    each = tuple(map(float, gears)) if listed else per_joint(gears, stated_order(env, 'robot'), 1.0)
    if each is None:
        return None
    return [_plain(scale * gear) for gear in (each[:1] if len(set(each)) == 1 else each)]


def _smoothing(env: YamlTree) -> float | None:
    """Return the share of the new target after one action: the hands filter it anew at every physics step."""
    share, steps = env.get('act_moving_average'), env.get('decimation')
    return None if share is None or steps is None else _plain(1.0 - (1.0 - share) ** steps)


def _in_hand(env: YamlTree) -> str:
    """Return the place of the object in the hand, m: where it begins, plus an offset."""
    pos = initial(env, 'object').get('pos')
    if pos is None:
        return 'the place where it begins (in_hand_pos)'
    return f'{[_plain(a + b) for a, b in zip(pos, env.get("in_hand_pos_offset") or _IN_HAND)]} m'


def _tip(env: YamlTree) -> str:
    """Return where Factory's and Forge's fixed part is taken to be, in its own frame."""
    part: Any = setting(env, 'task.fixed_asset_cfg') or {}
    if 'height' not in part or 'base_height' not in part:
        return 'where task.fixed_asset_cfg says'
    tip = f'{_plain(part["height"] + part["base_height"])} m along z of the part (height + base_height)'
    if setting(env, 'task.name') != 'gear_mesh':
        return tip
    # 2.x chose the gear, 3.0 takes the middle one
    gear = str(setting(env, 'task.target_gear') or 'gear_medium').removeprefix('gear_')
    offset = part.get(f'{gear}_gear_base_offset')
    return f'{tip} and {offset[0]} m along its x ({gear}_gear_base_offset)' if offset else tip


def _tips(count: int) -> dict[str, int | None]:
    sizes = {'positions': 3, 'orientations': 4, 'velocities': 6}
    return {name: count * size or None for name, size in sizes.items()}


def _tendons(env: YamlTree) -> YamlTree:
    """Return the number of tendons, and the range of their commands with its middle and half."""
    names, limits = env.get('actuated_tendon_names'), env.get('actuated_tendon_position_limits')
    if not names or not limits:
        return {'count': len(names or ()) or None}
    lower, upper = map(float, limits)
    return {
        'count': len(names),
        'lower': lower,
        'upper': upper,
        'middle': _plain((lower + upper) / 2.0),
        'half': _plain((upper - lower) / 2.0),
    }


def _frames(env: YamlTree) -> int:
    return max(1, int(env.get('frame_stack') or 1))


def _stacked_image(env: YamlTree) -> list[int] | None:
    """Return channels, height, width of the images that a camera environment stacks, by the size of its camera."""
    shape: Shape | None = space(env, 'observation')
    size: Sequence[Any] = [setting(env, f'scene.tiled_camera.{side}') for side in ('height', 'width')]
    if shape is None or len(shape) != 3 or None in size:
        return None
    return [shape[0] * _frames(env), *map(int, size)]


def _plain(number: float) -> float:
    """Return a number to 12 digits: 0.1 · 0.2 is meant to be 0.02."""
    return float(f'{number:.12g}')
