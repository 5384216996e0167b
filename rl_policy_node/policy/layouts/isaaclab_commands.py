# SPDX-License-Identifier: Apache-2.0
"""Observed commands and goals of Isaac Lab's environments, by the end of the name of their class."""

from rl_policy_node.policy.layouts.isaaclab_quaternions import quaternion_options
from rl_policy_node.policy.shared_types import YamlTree

_POSE = 'wanted position x, y, z and orientation of {it}'
_QUATERNION = 'unit quaternion in the order {{order}}'
_SEEN = f'{_POSE} in the frame of {{base}}; {_QUATERNION}'
_PLACED = f'{_POSE} in the environment; {_QUATERNION}'
_VELOCITY = 'wanted velocity along x and y of {base}, wanted yaw rate'
# End of the class -> size, quantity, frame, unit, description; the first that fits counts
_COMMANDS = {
    'VelocityCommand': (3, 'command', 'base', 'm/s, m/s, rad/s', _VELOCITY),
    'Pose2dCommand': (4, 'other', 'base', 'm, rad', 'wanted position x, y, z and heading in the frame of {base}'),
    'DroneUniformPoseCommand': (7, 'pose', 'environment', 'm', _PLACED),
    'PoseCommand': (7, 'pose', 'base', 'm', _SEEN),
    # until 2.x, and from 3.0 on
    'ReOrientationCommand': (7, 'pose', 'environment', 'm', _PLACED),
    'ReorientCommand': (7, 'pose', 'environment', 'm', _PLACED),
}


def command_term(params: YamlTree, env: YamlTree) -> YamlTree:
    """Return the fields of the LayoutTerm that observes a command; params: of the function generated_commands."""
    name = params.get('command_name')
    config = (env.get('commands') or {}).get(name) or {}
    kind = str(config.get('class_type') or '')
    known = {'subject': commanded(name, env), 'wanted': True}
    for ending, (size, quantity, frame, unit, text) in _COMMANDS.items():
        if kind.endswith(ending):
            it = config.get('body_name') or f'the {config.get("object_name") or config.get("asset_name") or "object"}'
            text = text.format(it=it, base=_base(config)) + _asked(config)
            return {
                **known,
                'shape': (size,),
                'quantity': quantity,
                'unit': unit,
                'frame': frame,
                'description': text,
                **quaternion_options(quantity, config, env, text),
            }
    return {**known, 'shape': None, 'description': f"the command '{name}' of {kind or 'the environment'}"}


def commanded(name: str | None, env: YamlTree) -> str:
    """Return the subject of a command: `command` where a run has no other, else its own name."""
    commands = [command for command in (env.get('commands') or {}).values() if isinstance(command, dict)]
    return 'command' if len(commands) < 2 else str(name)


def _asked(command: YamlTree) -> str:
    """Return what training asked for, in words: the ranges of a command's config, '' where it has none."""
    ranges = [
        f'{name} {bounds[0]} .. {bounds[1]}'
        for name, bounds in (command.get('ranges') or {}).items()
        if isinstance(bounds, (list, tuple)) and len(bounds) == 2
    ]
    return f'; asked in training: {", ".join(ranges)}' if ranges else ''


def _base(config: YamlTree) -> str:
    asset = config.get('asset_name') or 'robot'
    return 'the base' if asset == 'robot' else f'the base of {asset}'
