# SPDX-License-Identifier: Apache-2.0
"""Actions of Isaac Lab's multirotors, and what their tasks observe, by the name of their class or function.

What they do is read from isaaclab_contrib/mdp/actions/thrust_actions.py and
isaaclab_tasks/contrib/drone_arl/mdp/observations.py of 3.0.
"""

from typing import Any

from rl_policy_node.policy.layouts.isaaclab_names import asset_config, joint_names
from rl_policy_node.policy.layouts.layout import LayoutAction
from rl_policy_node.policy.shared_types import Numbers, YamlTree

_MODULE = 'isaaclab_contrib.mdp.actions.thrust_actions:'
# Function of the drones' tasks → size, quantity, subject, relative to, unit, description, as those of other tasks
TASKS = {
    'base_roll_pitch': (2, 'other', 'base', '', 'rad', 'roll, then pitch, of the base in the world, each within ± pi'),
    'generated_drone_commands': (
        4,
        'other',
        'goal',
        '',
        '1, m',
        'unit vector from the base to the wanted position in the frame of the base, then their distance',
    ),
    'last_action_navigation': (
        4,
        'other',
        'setpoint',
        '',
        'm/s, rad/s',
        'setpoint of NavigationAction of the action before: x, y, z, yaw rate; zeros at the start; not the action that '
        'the policy gave',
    ),
}


def thrust_action(name: str, config: YamlTree, env: YamlTree) -> LayoutAction | None:
    """Return the LayoutAction of a multirotor's action term, None for any other."""
    module, _, kind = str(config.get('class_type') or '').rpartition(':')
    if f'{module}:' != _MODULE:
        return None
    if kind == 'NavigationAction':
        return _navigation(name, config)
    return _thrust(name, config, env) if kind == 'ThrustAction' else None


def _thrust(name: str, config: YamlTree, env: YamlTree) -> LayoutAction:
    """Return the thrust of each propeller, N; one number for all, since the file does not hold their order."""
    actuators = asset_config(env, config.get('asset_name') or 'robot').get('actuators') or {}
    rotors = joint_names((actuators.get('thrusters') or {}).get('thruster_names_expr'))
    # without an offset of the file it is the thrust that hovers, which the asset holds
    offset = None if config.get('use_default_offset', True) else _for_all(config.get('offset', 0.0))
    scale, clip = _for_all(config.get('scale', 1.0)), config.get('clip') or {}
    pairs = {tuple(pair) for pair in clip.values()}
    law = f'thrust of each rotor, N = {config.get("scale", 1.0)} * action + '
    law += 'default thrust of the rotor' if offset is None else str(config.get('offset', 0.0))
    law += f', clipped to {clip}' if clip else ''
    law += f'; rotors {", ".join(rotors)}, in the order of the simulator' if rotors else ''
    bounds: dict[str, Any] = {}
    if pairs:
        lower, upper = next(iter(pairs)) if len(pairs) == 1 else (None, None)
        bounds = {'lower': (float(lower),), 'upper': (float(upper),)} if lower is not None else {}
    size = len(rotors) or None
    known: dict[str, Any] = {
        'size': size,
        'count': '' if size else f'actions of {name}',
        'subject': 'thrust',
        'law': law,
    }
    if len(pairs) > 1:
        return LayoutAction(name, **known)
    return LayoutAction(name, kind='raw', scale=scale, offset=offset, initial=None, **bounds, **known)


def _navigation(name: str, config: YamlTree) -> LayoutAction:
    """Return the three numbers of a setpoint that the environment's own controller tracks."""
    scale, offset, controller = config.get('scale', 1.0), config.get('offset', 0.0), config.get('controller_cfg') or {}
    tracker = str(controller.get('class_type') or '').rpartition(':')[2]
    # the last of NavigationAction's own bounds comes after scale and offset
    plain = scale == 1.0 and offset == 0.0 and not config.get('clip')
    law = (
        f'a = {scale} * action + {offset}, within 1; m = {config.get("max_magnitude")} * (a[0] + 1) / 2, inclination '
        f'i = {config.get("max_inclination_angle")} * a[1] rad; setpoint x = m * cos i, y = 0, z = m * sin i, yaw rate '
        f'= {config.get("max_yaw_command")} * a[2] rad/s, tracked by {tracker} at every physics step'
    )
    still = plain and tracker == 'LeeVelController'
    return LayoutAction(
        name,
        3,
        kind='raw' if plain else 'other',
        subject='setpoint',
        clip=1.0 if plain else float('inf'),
        # of a velocity: stand still
        initial=(-1.0, 0.0, 0.0) if still else None,
        law=law,
    )


def _for_all(value: Any) -> Numbers | None:
    """Return the number that all rotors have, None where they differ."""
    numbers = set(value.values()) if isinstance(value, dict) else {value}
    return (float(numbers.pop()),) if len(numbers) == 1 else None
