# SPDX-License-Identifier: Apache-2.0
"""Small texts of env.yaml in the form in which Isaac Lab writes it, and their layouts."""

from rl_policy_node.policy.layouts.isaaclab_layout import read_layout
from rl_policy_node.policy.run.yaml_file import read_yaml

UNTURNED = {'3.x': '[0.0, 0.0, 0.0, 1.0]', '2.x': '[1.0, 0.0, 0.0, 0.0]'}
ARM = """
  arm: {class_type: 'isaaclab.envs.mdp.actions.joint_actions:JointPositionAction', asset_name: robot,
        joint_names: ['.*'], scale: 0.5, offset: 0.0, use_default_offset: true, preserve_order: false}
"""


def env_text(terms, actions=ARM, robot='', scene='', commands='', release='3.x', corruption='false'):
    """Return env.yaml of a robot; terms, scene and commands: lines of YAML, robot: keys of its asset in flow style."""
    lines = [
        'decimation: 4',
        'sim: {dt: 0.005}',
        'scene:',
        f'  robot: {{init_state: {{pos: !!python/tuple [0.0, 0.0, 0.4], rot: !!python/tuple {UNTURNED[release]},'
        f' joint_pos: {{hip_.*: 0.1, knee_.*: -0.8}}}}, {robot}}}',
        *(f'  {line}' for line in scene.splitlines()),
        'observations:',
        '  policy:',
        f'    enable_corruption: {corruption}',
        *(f'    {line}' for line in terms),
        f'actions:{actions}',
        'commands:',
        *(f'  {line}' for line in commands.splitlines()),
    ]
    return '\n'.join(lines) + '\n'


def lab_layout(folder, text, joints=None):
    """Return the Layout of env.yaml with this text; joints: RobotJoints, None for not known."""
    file = folder / 'env.yaml'
    file.write_text(text)
    return read_layout(read_yaml(file, 'environment'), {'config': {'name': 'small'}}, joints)


def term_of(layout, name):
    """Return the term of this name."""
    return next(term for terms in layout.inputs.values() for term in terms if term.name == name)


def action_of(layout, name):
    """Return the action of this name."""
    return next(action for action in layout.actions if action.name == name)
