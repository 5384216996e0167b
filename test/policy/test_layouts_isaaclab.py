# SPDX-License-Identifier: Apache-2.0
"""Layouts of Isaac Lab's environments, from texts as its runs write them to params/env.yaml."""

import math

import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts import complete
from rl_policy_node.policy.layouts.isaaclab_layout import read_layout
from rl_policy_node.policy.run.yaml_file import read_yaml

SLICE = '!!python/object/apply:builtins.slice [null, null, null]'
ROUGH = f"""
viewer: {{eye: !!python/tuple [7.5, 7.5, 7.5]}}
sim: {{dt: 0.005, render_interval: 4}}
decimation: 4
scene:
  num_envs: 4096
  robot:
    class_type: isaaclab.assets.articulation.articulation:Articulation
    init_state:
      pos: !!python/tuple [0.0, 0.0, 0.6]
      rot: !!python/tuple [1.0, 0.0, 0.0, 0.0]
      joint_pos: {{.*HAA: 0.0, .*F_HFE: 0.4, .*H_HFE: -0.4, .*F_KFE: -0.8, .*H_KFE: 0.8}}
  height_scanner:
    pattern_cfg:
      func: isaaclab.sensors.ray_caster.patterns.patterns:grid_pattern
      resolution: 0.1
      size: [1.6, 1.0]
      ordering: xy
observations:
  policy:
    concatenate_terms: true
    concatenate_dim: -1
    enable_corruption: true
    history_length: null
    flatten_history_dim: true
    base_lin_vel:
      func: isaaclab.envs.mdp.observations:base_lin_vel
      params: {{}}
      modifiers: null
      noise: {{func: isaaclab.utils.noise.noise_model:uniform_noise, operation: add, n_min: -0.1, n_max: 0.1}}
      clip: null
      scale: !!python/tuple [2.0, 2.0, 1.0]
      history_length: 0
      flatten_history_dim: true
    base_ang_vel: {{func: isaaclab.envs.mdp.observations:base_ang_vel, params: {{}}, clip: null, scale: 0.25}}
    projected_gravity: {{func: isaaclab.envs.mdp.observations:projected_gravity, params: {{}}, clip: null, scale: null}}
    velocity_commands:
      func: isaaclab.envs.mdp.observations:generated_commands
      params: {{command_name: base_velocity}}
    joint_pos:
      func: isaaclab.envs.mdp.observations:joint_pos_rel
      params: {{asset_cfg: {{name: robot, joint_names: null, joint_ids: {SLICE}, preserve_order: false}}}}
    joint_vel: {{func: isaaclab.envs.mdp.observations:joint_vel_rel, params: {{}}, scale: 0.05}}
    actions: {{func: isaaclab.envs.mdp.observations:last_action, params: {{}}}}
    height_scan:
      func: isaaclab.envs.mdp.observations:height_scan
      params: {{sensor_cfg: {{name: height_scanner}}}}
      clip: !!python/tuple [-1.0, 1.0]
      scale: 5.0
    foot_contacts: null
commands:
  base_velocity: {{class_type: isaaclab.envs.mdp.commands.velocity_command:UniformVelocityCommand}}
actions:
  joint_pos:
    class_type: isaaclab.envs.mdp.actions.joint_actions:JointPositionAction
    asset_name: robot
    debug_vis: false
    clip: null
    joint_names: [.*]
    scale: 0.5
    offset: 0.0
    preserve_order: false
    use_default_offset: true
"""
CARTPOLE = """
sim: {dt: 0.008333333333333333}
decimation: 2
observation_space: 4
action_space: 1
state_space: 0
action_scale: 100.0
"""
PARAMS = {'config': {'name': 'anymal_c_rough'}, 'env': {'clip_observations': 100.0, 'clip_actions': 50.0}}


def read(tmp_path, text, params=None):
    file = tmp_path / 'env.yaml'
    file.write_text(text)
    return read_layout(read_yaml(file, 'environment'), PARAMS if params is None else params)


@pytest.fixture
def rough(tmp_path):
    return read(tmp_path, ROUGH)


def term(layout, name):
    return next(term for terms in layout.inputs.values() for term in terms if term.name == name)


def observing(terms, **group):
    """Return the text of an environment of twelve-joint robots that observes `terms` (YAML lines)."""
    settings = ''.join(f'    {name}: {value}\n' for name, value in group.items())
    actions = ROUGH[ROUGH.index('\nactions:') :]
    return (
        f'scene: {{robot: {{init_state: {{joint_pos: {{.*: 0.2}}}}}}}}\nobservations:\n  policy:\n{settings}'
        + ''.join(f'    {line}\n' for line in terms)
        + actions
    )


def test_terms_stand_in_the_order_of_the_file_without_the_disabled(rough):
    assert [term.name for term in rough.inputs['obs']] == [
        'base_lin_vel',
        'base_ang_vel',
        'projected_gravity',
        'velocity_commands',
        'joint_pos',
        'joint_vel',
        'actions',
        'height_scan',
    ]
    assert [term.size for term in rough.inputs['obs']] == [3, 3, 3, 3, None, None, None, 187]
    assert rough.shapes == {'obs': None} and rough.num_actions is None
    assert rough.control_rate == pytest.approx(50.0) and rough.clip_observations == 100.0


def test_quantities_scales_and_clips_are_those_of_the_run(rough):
    assert term(rough, 'base_lin_vel').scale == (2.0, 2.0, 1.0)
    assert (term(rough, 'projected_gravity').quantity, term(rough, 'projected_gravity').scale) == ('gravity', ())
    assert term(rough, 'velocity_commands').quantity == 'command'
    scan = term(rough, 'height_scan')
    assert (scan.offset, scan.clip, scan.scale) == ((0.5,), 1.0, (5.0,))
    assert term(rough, 'base_lin_vel').clip == math.inf


def test_the_policy_tells_how_many_joints_there_are(rough):
    layout = complete(rough, 235, 12)
    assert layout.shapes == {'obs': (235,)} and layout.num_actions == 12
    assert [term(layout, name).shape for name in ('joint_pos', 'joint_vel', 'actions')] == [(12,)] * 3


def test_joints_of_no_known_order_leave_their_defaults_to_the_user(rough):
    (action,) = rough.actions
    assert (action.kind, action.scale, action.offset) == ('joint_position', (0.5,), None)
    assert term(rough, 'joint_pos').offset is None and term(rough, 'joint_vel').offset == ()
    assert any("simulator's order" in note for note in rough.notes)
    assert any('noise' in note for note in rough.notes)


def test_one_default_for_all_joints_needs_no_order(tmp_path):
    layout = read(tmp_path, observing(['q: {func: isaaclab.envs.mdp:joint_pos_rel, params: {}}']))
    assert term(layout, 'q').offset == (0.2,) and layout.actions[0].offset == (0.2,)


def test_policy_that_contradicts_the_layout_is_refused(rough):
    with pytest.raises(ConfigurationError, match='input obs: .*235'):
        complete(rough, 234, 12)
    with pytest.raises(ConfigurationError, match='input obs'):
        complete(complete(rough, 235, 12), 240, 12)


def test_ambiguous_sizes_stay_open(tmp_path):
    layout = read(tmp_path, observing(['a: {func: mine.mdp:secret}', 'b: {func: mine.mdp:other_secret}']))
    assert complete(layout, 20, 12).shapes == {'obs': None}


def test_one_unknown_function_gets_what_the_others_leave(tmp_path):
    layout = read(
        tmp_path, observing(['q: {func: isaaclab.envs.mdp.observations:joint_pos}', 'secret: {func: mine.mdp:secret}'])
    )
    assert term(layout, 'secret').kind == 'unknown' and 'mine.mdp:secret' in term(layout, 'secret').description
    assert term(complete(layout, 20, 12), 'secret').shape == (8,)


def test_named_joints_are_counted_and_ordered_only_where_the_file_says_so(tmp_path):
    config = (
        'q{}: {{func: isaaclab.envs.mdp:joint_pos, params: {{asset_cfg: {{name: robot, joint_names: {}, '
        'preserve_order: {}}}}}}}'
    )
    stated = [('[hip, knee]', 'true'), ('[hip, knee]', 'false'), ('[knee]', 'false'), ('[.*_knee]', 'true')]
    layout = read(tmp_path, observing([config.format(i, *joints) for i, joints in enumerate(stated, 1)]))
    assert [term(layout, f'q{i}').joints for i in range(1, 5)] == [('hip', 'knee'), (), ('knee',), ()]
    assert [term(layout, f'q{i}').size for i in range(1, 5)] == [2, 2, 1, None]


def test_history_of_the_group_goes_before_that_of_the_term(tmp_path):
    lines = [
        'v: {func: isaaclab.envs.mdp:base_lin_vel, scale: !!python/tuple [1.0, 2.0, 3.0], history_length: 2}',
        'q: {func: isaaclab.envs.mdp:joint_pos}',
    ]
    own = read(tmp_path, observing(lines))
    group, whole = (
        read(tmp_path, observing(lines, history_length=5, flatten_history_dim=flat)) for flat in ('true', 'false')
    )
    assert (term(own, 'v').shape, term(own, 'q').history) == ((6,), 0)
    assert (term(group, 'v').shape, term(group, 'v').history) == ((15,), 5)
    assert term(whole, 'v').shape == (5, 3)
    assert complete(group, 75, 12).shapes == {'obs': (75,)}


def test_clip_that_is_not_symmetric_has_two_bounds(tmp_path):
    layout = read(tmp_path, observing(['z: {func: isaaclab.envs.mdp:base_pos_z, clip: !!python/tuple [0.0, 2.0]}']))
    assert term(layout, 'z').clip == math.inf and term(layout, 'z').clip_range == (0.0, 2.0)
    assert (term(layout, 'z').quantity, term(layout, 'z').elements) == ('position', (2,))


TURNED = [
    'r: {func: isaaclab.envs.mdp:root_quat_w, params: {make_quat_unique: true}}',
    'i: {func: isaaclab.envs.mdp:imu_orientation}',
    'p: {func: isaaclab.envs.mdp:generated_commands, params: {command_name: pose}}',
]
HAND = """
actions:
  arm: {class_type: 'mdp:DifferentialInverseKinematicsAction', joint_names: [.*], body_name: hand,
        controller: {command_type: pose, use_relative_mode: false}}
commands: {pose: {class_type: 'mdp:UniformPoseCommand'}}
"""


def turned(tmp_path, *rotations):
    """Return the layout of a run whose assets begin with these rotations."""
    assets = ', '.join(
        f'body_{i}: {{init_state: {{rot: !!python/tuple {list(rotation)}}}}}' for i, rotation in enumerate(rotations)
    )
    text = observing(TURNED)
    text = text[: text.index('\nactions:')] + HAND
    return read(tmp_path, text.replace('scene: {', f'scene: {{{assets}, ' if assets else 'scene: {', 1))


# a half turn is the identity of the other order, and a camera may look anywhere
@pytest.mark.parametrize(
    'rotations, convention, order',
    [
        ([(1.0, 0.0, 0.0, 0.0)], 'wxyz', 'w, x, y, z'),
        ([(0.0, 0.0, 0.0, 1.0)], 'xyzw', 'x, y, z, w'),
        ([(0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0)], 'xyzw', 'x, y, z, w'),
        ([(1, 0, 0, 0), (-0.15, -0.35, -0.35, 0.85)], 'wxyz', 'w, x, y, z'),
        ([(0.5, 0.5, 0.5, 0.5)], None, 'from 3.0 on'),
        ([], None, 'from 3.0 on'),
        ([(1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)], None, 'from 3.0 on'),
    ],
)
def test_unturned_bodies_tell_the_order_of_quaternions(tmp_path, rotations, convention, order):
    layout = turned(tmp_path, *rotations)
    assert (term(layout, 'r').quantity, term(layout, 'p').quantity) == ('orientation', 'pose')
    assert [term(layout, name).convention for name in 'rip'] == [convention] * 3
    assert order in term(layout, 'i').description and order in layout.actions[0].law
    assert term(layout, 'r').unique_sign and not term(layout, 'i').unique_sign


def test_joints_scaled_by_their_limits_leave_offset_and_scale_to_the_user(tmp_path):
    layout = read(
        tmp_path,
        observing(
            [
                'q: {func: isaaclab.envs.mdp:joint_pos_limit_normalized, scale: null}',
                'half: {func: isaaclab.envs.mdp:joint_pos_limit_normalized, scale: 0.5}',
                'b: {func: isaaclab.envs.mdp:joint_pos_limit_normalized, scale: 0.5, clip: !!python/tuple [-1.0, 1.0]}',
            ]
        ),
    )
    assert (term(layout, 'q').offset, term(layout, 'q').scale) == (None, None)
    assert 'scale = 2 / (upper - lower)' in term(layout, 'q').description
    assert 'scale = 1 / (upper - lower)' in term(layout, 'half').description
    # the node clips before it scales
    assert (term(layout, 'b').quantity, term(layout, 'b').offset, term(layout, 'b').scale) == ('other', (), ())


def test_terms_that_are_not_concatenated_are_inputs_of_their_own(tmp_path):
    lines = ['v: {func: isaaclab.envs.mdp:base_lin_vel}', 'q: {func: isaaclab.envs.mdp:joint_pos}']
    layout = read(tmp_path, observing(lines, concatenate_terms='false'))
    assert layout.shapes == {'v': (3,), 'q': None}
    assert complete(layout, {'v': (3,), 'q': (12,)}, 12).shapes == {'v': (3,), 'q': (12,)}


def test_groups_are_those_that_the_wrapper_hands_over(tmp_path):
    text = observing(['v: {func: isaaclab.envs.mdp:base_lin_vel}']).replace(
        '\nactions:', '\n  scan:\n    z: {func: isaaclab.envs.mdp:base_pos_z}\nactions:', 1
    )
    groups = {'obs_groups': {'obs': ['scan', 'policy'], 'states': ['critic']}}
    assert [t.name for t in read(tmp_path, text, {'env': groups}).inputs['obs']] == ['z', 'v']
    apart = read(tmp_path, text, {'env': {**groups, 'concate_obs_groups': False}})
    assert apart.shapes == {'scan': (1,), 'policy': (3,)}


def test_manipulator_moves_by_inverse_kinematics_and_a_gripper(tmp_path):
    text = observing(['a: {func: isaaclab.envs.mdp:last_action, params: {action_name: gripper}}'])
    text = (
        text[: text.index('\nactions:')]
        + """
actions:
  arm:
    class_type: isaaclab.envs.mdp.actions.task_space_actions:DifferentialInverseKinematicsAction
    joint_names: [panda_joint.*]
    body_name: panda_hand
    controller: {command_type: pose, use_relative_mode: true, ik_method: dls}
    scale: 0.5
  gripper:
    class_type: isaaclab.envs.mdp.actions.binary_joint_actions:BinaryJointPositionAction
    joint_names: [panda_finger.*]
    open_command_expr: {panda_finger_.*: 0.04}
    close_command_expr: {panda_finger_.*: 0.0}
"""
    )
    layout = read(tmp_path, text)
    assert [(action.size, action.kind) for action in layout.actions] == [(6, 'pose_delta'), (1, 'gripper')]
    assert layout.actions[0].position_scale == layout.actions[0].rotation_scale == (0.5, 0.5, 0.5)
    assert (layout.actions[1].open, layout.actions[1].closed) == ((0.04,), (0.0,))
    assert layout.num_actions == 7
    assert complete(layout, 1, 7).shapes == {'obs': (1,)}


@pytest.mark.parametrize(
    'config, expected',
    [
        ('JointVelocityAction, scale: 5.0', {'kind': 'joint_velocity', 'scale': (5.0,), 'offset': ()}),
        ('JointEffortAction, scale: 3.0', {'kind': 'effort', 'scale': (3.0,)}),
        ('RelativeJointPositionAction, scale: 0.1', {'kind': 'joint_delta', 'integrate': 'observed', 'scale': (0.1,)}),
        ('RelativeJointPositionAction, offset: 0.1', {'kind': 'other'}),
        ('JointPositionToLimitsAction', {'kind': 'joint_position', 'scale': None, 'offset': None, 'clip': 1.0}),
        ('EMAJointPositionToLimitsAction, alpha: 0.3', {'kind': 'joint_position', 'smoothing': 0.3}),
        ('EMAJointPositionToLimitsAction, alpha: {a: 0.3}', {'kind': 'other'}),
        ('JointEffortAction, clip: {.*: [-1.0, 1.0]}', {'kind': 'effort', 'max_effort': (1.0,)}),
        ('JointVelocityAction, clip: {.*: [-2.0, 2.0]}', {'kind': 'joint_velocity', 'max_velocity': (2.0,)}),
        ('JointEffortAction, clip: {.*: [-1.0, 2.0]}', {'kind': 'other'}),
        ('JointPositionAction, clip: {.*: [-1.0, 2.0]}', {'kind': 'joint_position', 'lower': (-1.0,), 'upper': (2.0,)}),
    ],
)
def test_actions_on_joints_have_the_kind_of_their_law(tmp_path, config, expected):
    text = observing(['q: {func: isaaclab.envs.mdp:joint_pos}'])
    text = (
        text[: text.index('\nactions:')] + '\nactions:\n  joints: {joint_names: [.*], class_type: '
        f'isaaclab.envs.mdp.actions.joint_actions:{config}}}\n'
    )
    (action,) = read(tmp_path, text).actions
    assert {name: getattr(action, name) for name in expected} == expected


def test_direct_environment_says_sizes_and_no_more(tmp_path):
    layout = read(tmp_path, CARTPOLE)
    (observation,) = layout.inputs['obs']
    assert (observation.shape, observation.kind) == ((4,), 'unknown')
    assert layout.num_actions == 1 and '100.0' in layout.actions[0].law
    assert layout.control_rate == pytest.approx(60.0)
    older = CARTPOLE.replace('observation_space', 'num_observations').replace('action_space', 'num_actions')
    assert read(tmp_path, older).shapes == {'obs': (4,)}
    camera = CARTPOLE.replace('observation_space: 4', 'observation_space: [80, 100, 3]')
    assert read(tmp_path, camera).shapes == {'obs': (80, 100, 3)}


def test_file_without_observations_has_no_layout(tmp_path):
    assert read(tmp_path, 'sim: {dt: 0.01}') is None
