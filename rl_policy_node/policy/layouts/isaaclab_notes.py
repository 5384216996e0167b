# SPDX-License-Identifier: Apache-2.0
"""What training did around observations and actions: drives, delays, noise and frames, with the numbers of env.yaml."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
import math
import re

from rl_policy_node.policy.layouts.isaaclab_joints import acting_asset
from rl_policy_node.policy.layouts.isaaclab_names import asset_config, in_words, initial, per_joint
from rl_policy_node.policy.layouts.isaaclab_quaternions import convention, order
from rl_policy_node.policy.layouts.layout import LayoutTerm
from rl_policy_node.policy.layouts.robot_joints import JointLimits
from rl_policy_node.policy.shared_types import YamlTree

# Keys of an actuator's config that its drive must have; until 2.x, and from 3.0 on.
_DRIVE = (
    'stiffness',
    'damping',
    'effort_limit',
    'effort_limit_sim',
    'velocity_limit',
    'velocity_limit_sim',
    'joint_effort_limit',
    'joint_velocity_limit',
    'actuator_effort_limit',
    'actuator_velocity_limit',
    'saturation_effort',
)
_PLAIN_DRIVES = ('ImplicitActuator', 'IdealPDActuator')
# Keys of limits of the velocity, and of the effort
_LIMITS = tuple(tuple(key for key in _DRIVE if word in key) for word in ('velocity_limit', 'effort_limit'))
# Gains that are null are those of the robot's asset.
_GAINS = _DRIVE[:2]
# Function of a noise -> its numbers' keys, in words
_NOISES = {
    'uniform_noise': ('uniform {n_min} .. {n_max}', ('n_min', 'n_max')),
    'gaussian_noise': ('normal, mean {mean}, standard deviation {std}', ('mean', 'std')),
    'constant_noise': ('constant {bias}', ('bias',)),
}


def drive_notes(env: YamlTree) -> Iterator[str]:
    """Yield a line for each group of actuators of the robot, and one for a delay of its commands."""
    actuators = asset_config(env, acting_asset(env)).get('actuators') or {}
    dt = (env.get('sim') or {}).get('dt')
    times = f' of {dt} s' if dt else ''
    for name, config in actuators.items():
        if isinstance(config, dict) and config.get('joint_names_expr'):
            yield _drive(name, config)
            if config.get('max_delay'):
                least, greatest = int(config.get('min_delay') or 0), int(config['max_delay'])
                late = f'{least} to {greatest} physics steps{times} late'
                yield f'commands came {late} to drive {name} (min_delay, max_delay)'


def drive_limits(env: YamlTree, joints: Iterable[str]) -> dict[str, JointLimits]:
    """Return the velocity (rad/s or m/s) and effort (N m or N) that the robot's actuators allow, joint → JointLimits.

    Of several limits of a joint the smallest; NaN for none. Joints without any are left out.
    """
    actuators = asset_config(env, acting_asset(env)).get('actuators') or {}
    found = {}
    for name in joints:
        driving = [config for config in actuators.values() if isinstance(config, dict) and _drives(config, name)]
        velocity, effort = (_least(driving, keys, name) for keys in _LIMITS)
        if not (math.isnan(velocity) and math.isnan(effort)):
            found[name] = JointLimits(velocity=velocity, effort=effort, source='the actuators in env.yaml')
    return found


def _least(actuators: Sequence[YamlTree], keys: Iterable[str], joint: str) -> float:
    """Return the smallest of these limits that actuators state for a joint, NaN for none."""
    stated = (per_joint(config.get(key), (joint,), math.nan) or () for config in actuators for key in keys)
    return min((number for number in chain(*stated) if not math.isnan(number)), default=math.nan)


def _drives(config: YamlTree, joint: str) -> bool:
    patterns = config.get('joint_names_expr') or ()
    return any(re.fullmatch(each, joint) for each in ([patterns] if isinstance(patterns, str) else patterns))


def _drive(name: str, config: YamlTree) -> str:
    kind = str(config.get('class_type') or '').rpartition(':')[2].rpartition('.')[2]
    patterns = config['joint_names_expr']
    joints = ', '.join([patterns] if isinstance(patterns, str) else patterns)
    parts = [kind] if kind and kind not in _PLAIN_DRIVES else []
    parts += [f'{key} {in_words(config[key])}' for key in _DRIVE if config.get(key) is not None]
    open_gains = [key for key in _GAINS if key in config and config[key] is None]
    if config.get('network_file'):
        parts.append(f'a network makes its efforts ({str(config["network_file"]).rpartition("/")[2]})')
    elif open_gains:
        parts.append(f"{' and '.join(open_gains)} of the robot's asset, which no file of the run holds")
    return f'drive {name} of {joints}: {"; ".join(parts) or "nothing stated"}'


def observation_notes(env: YamlTree, groups: Sequence[str]) -> Iterator[str]:
    """Yield what was done to the observations of the groups that the policy takes: noise and delays."""
    taken = [(env.get('observations') or {}).get(name) for name in groups]
    terms = [
        (term, config, bool(group.get('enable_corruption')))
        for group in taken
        if isinstance(group, dict)
        for term, config in group.items()
        if isinstance(config, dict)
    ]
    noisy = any(corrupted for _, _, corrupted in terms)
    noises = [
        f'{term} {_noise(config["noise"])}' for term, config, corrupted in terms if corrupted and config.get('noise')
    ]
    if noisy:
        sizes = f': {"; ".join(noises)}' if noises else ''
        yield f"observations carried noise in training (enable_corruption){sizes}; the robot's side adds none"
    delays = [
        f'{term} {config.get("delay_min_lag", 0)} to {config["delay_max_lag"]} steps'
        for term, config, _ in terms
        if config.get('delay_max_lag')
    ]
    if delays:
        yield f"observations came late in training: {', '.join(delays)} of the policy; the robot's side adds no delay"


def _noise(config: YamlTree) -> str:
    function = str(config.get('func') or config.get('class_type') or '').rpartition(':')[2].rpartition('.')[2]
    text, keys = _NOISES.get(function, ('', ()))
    if not keys or not all(isinstance(config.get(key), (int, float)) for key in keys):
        return f'of {function}, see the run'
    operation = config.get('operation', 'add')
    return text.format(**{key: config[key] for key in keys}) + ('' if operation == 'add' else f' ({operation})')


def frame_notes(env: YamlTree, terms: Sequence[LayoutTerm]) -> Iterator[str]:
    """Yield where the robot's base stands in the environment, if a term is in its frame."""
    asset = acting_asset(env)
    state = initial(env, asset)
    position, rotation = state.get('pos'), state.get('rot')
    named = [term.name for term in terms if term.frame == 'environment']
    if named and position and rotation:
        yield (
            f'{", ".join(named)}: in the frame of the environment, in which the base of {asset} began at '
            f'({", ".join(map(str, position))}) m, turned by the quaternion ({", ".join(map(str, rotation))}), '
            f'{order(convention(env))} (init_state)'
        )
