# SPDX-License-Identifier: Apache-2.0
"""What terms and actions of Isaac Lab are of, in which frame and order: by env.yaml of the project's own."""

from policy.lab_runs import action_of, env_text, lab_layout, term_of
import pytest

from rl_policy_node.policy.layouts import complete

OBJECT = '{asset_cfg: {name: object}}'
SCAN = """scan:
  pattern_cfg: {resolution: 0.1, size: [1.6, 1.0], ordering: xy}
"""
GOALS = """left: {class_type: 'isaaclab.envs.mdp:UniformPoseCommand', asset_name: robot, body_name: hand_l,
  ranges: {pos_x: !!python/tuple [0.15, 0.3], roll: !!python/tuple [0.0, 0.0]}}
right: {class_type: 'isaaclab.envs.mdp:UniformPoseCommand', asset_name: robot, body_name: hand_r}
turn: {class_type: 'isaaclab_tasks.core.reorient.mdp.commands:ReorientCommand', asset_name: object}
"""
IK = """
  arm: {class_type: 'isaaclab.envs.mdp.actions.task_space_actions:DifferentialInverseKinematicsAction',
        asset_name: robot, joint_names: ['.*'], body_name: panda_hand, scale: 0.5, %s
        controller: {command_type: pose, use_relative_mode: %s, ik_method: dls}}
"""


def read(tmp_path, *terms, **options):
    return lab_layout(tmp_path, env_text(terms, **options))


def observing(function, params='{}', name='t', module='isaaclab.envs.mdp.observations'):
    return f"{name}: {{func: '{module}:{function}', params: {params}}}"


@pytest.mark.parametrize(
    'function, subject, frame, words',
    [
        ('root_pos_w', 'object', 'environment', 'position of the object in its environment'),
        ('root_quat_w', 'object', 'environment', 'orientation of the object'),
        ('root_lin_vel_w', 'object', 'environment', 'axes of the environment'),
        ('base_ang_vel', 'object', 'object', 'angular velocity of the object in its own frame'),
        ('projected_gravity', 'object', 'object', 'in the frame of the object'),
        ('base_pos_z', 'object', 'world', 'height of the object in the world'),
    ],
)
def test_term_is_of_the_asset_that_it_names(tmp_path, function, subject, frame, words):
    layout = read(tmp_path, observing(function, OBJECT), observing(function, name='own'))
    term, own = term_of(layout, 't'), term_of(layout, 'own')
    assert (term.subject, term.frame) == (subject, frame) and words in term.description
    assert (own.subject, own.frame) == ('base', frame.replace('object', 'base'))
    assert words.replace('object', 'base') in own.description


def test_position_seen_from_the_robot_is_of_the_object_that_it_names(tmp_path):
    params = '{robot_cfg: {name: robot}, object_cfg: {name: cube}}'
    term = term_of(read(tmp_path, observing('object_position_in_robot_root_frame', params)), 't')
    assert (term.subject, term.frame) == ('cube', 'base')


@pytest.mark.parametrize('named, subject', [('imu', 'imu'), ('imu_torso', 'imu_torso'), ('chest', 'chest_imu')])
def test_every_imu_is_a_source_of_its_own(tmp_path, named, subject):
    term = term_of(read(tmp_path, observing('imu_ang_vel', f'{{asset_cfg: {{name: {named}}}}}')), 't')
    assert (term.subject, term.frame) == (subject, subject)


def test_robots_place_in_the_environment_is_said_where_a_term_is_in_its_frame(tmp_path):
    text = 'began at (0.0, 0.0, 0.4) m, turned by the quaternion (0.0, 0.0, 0.0, 1.0), x, y, z, w (init_state)'
    placed = read(tmp_path, observing('root_pos_w', OBJECT, 'object_pos'))
    assert [note for note in placed.notes if text in note and note.startswith('object_pos: in the frame of the env')]
    assert not any('frame of the environment' in note for note in read(tmp_path, observing('base_lin_vel')).notes)


@pytest.mark.parametrize(
    'stated, words, frame',
    [
        ('ray_alignment: yaw', 'turns with the yaw of the body and stays level (ray_alignment: yaw)', 'level'),
        ('ray_alignment: base', 'turn and tilt with the body (ray_alignment: base)', "the body's"),
        ('ray_alignment: world', 'keeps the axes of the world (ray_alignment: world)', 'world'),
        ('attach_yaw_only: true', 'stays level (attach_yaw_only: true)', 'level'),
        ('attach_yaw_only: false', 'tilt with the body (attach_yaw_only: false)', "the body's"),
        ('debug_vis: false', 'whether the grid turns with the body, the run does not state', ''),
    ],
)
def test_height_scan_says_how_its_grid_turns(tmp_path, stated, words, frame):
    scan = observing('height_scan', '{sensor_cfg: {name: scan}}')
    term = term_of(read(tmp_path, scan, scene=f'{SCAN}  {stated}'), 't')
    assert words in term.description and frame in term.frame and term.size == 17 * 11


def test_goals_of_two_hands_are_two(tmp_path):
    layout = read(
        tmp_path,
        *(observing('generated_commands', f'{{command_name: {name}}}', name) for name in ('left', 'right', 'turn')),
        commands=GOALS,
    )
    left, right, turn = (term_of(layout, name) for name in ('left', 'right', 'turn'))
    assert [term.subject for term in (left, right, turn)] == ['left', 'right', 'turn']
    assert all(term.wanted and (term.quantity, term.size) == ('pose', 7) for term in (left, right, turn))
    assert 'of hand_l in the frame of the base' in left.description and 'of hand_r' in right.description
    assert 'asked in training: pos_x 0.15 .. 0.3, roll 0.0 .. 0.0' in left.description
    assert 'asked' not in right.description
    assert (turn.frame, left.frame) == (
        'environment',
        'base',
    ) and 'of the object in the environment' in turn.description


def test_measurements_are_not_wanted(tmp_path):
    target = observing('base_angle_to_target', '{target_pos: !!python/tuple [9.0, 0.0, 0.0]}', module='mine.mdp')
    layout = read(tmp_path, target, observing('joint_pos', name='goal'))
    assert [term.wanted for term in layout.inputs['obs']] == [False, False]


# Kind -> function and parameters of a term that holds quaternions
TURNED = {
    'root': ('root_quat_w', '{make_quat_unique: true}'),
    'object': ('root_quat_w', OBJECT),
    'imu': ('imu_orientation', '{}'),
    'pva': ('pva_orientation', '{}'),
    'body': ('body_pose_w', '{asset_cfg: {name: robot, body_names: [hand]}}'),
    'bodies': ('body_pose_w', '{asset_cfg: {name: robot, body_names: [tip_1, tip_2]}}'),
    'goal': ('generated_commands', '{command_name: left}'),
    'turn': ('generated_commands', '{command_name: turn}'),
    'difference': ('goal_quat_diff', '{asset_cfg: {name: object}, command_name: turn, make_quat_unique: false}'),
}
RELEASES = pytest.mark.parametrize(
    'release, convention, order', [('3.x', 'xyzw', 'x, y, z, w'), ('2.x', 'wxyz', 'w, x, y, z')]
)


@RELEASES
@pytest.mark.parametrize('kind', TURNED)
def test_quaternions_of_terms_have_the_order_of_the_release(tmp_path, kind, release, convention, order):
    function, params = TURNED[kind]
    module = 'isaaclab_tasks.core.reorient.mdp.observations' if kind == 'difference' else 'isaaclab.envs.mdp'
    layout = read(tmp_path, observing(function, params, module=module), release=release, commands=GOALS)
    term = term_of(layout, 't')
    assert f'quaternion in the order {order}' in term.description
    # several poses go out as they are: an array that its publisher orders
    assert term.quantity == 'other' if kind == 'bodies' else term.convention == convention
    assert term.size == {'body': 7, 'bodies': 14, 'goal': 7, 'turn': 7}.get(kind, 4)
    assert term.unique_sign == (kind == 'root')


@RELEASES
def test_quaternions_of_actions_have_the_order_of_the_release(tmp_path, release, convention, order):
    turned = 'body_offset: {pos: [0.0, 0.0, 0.0], rot: [0.5, 0.5, 0.5, 0.5]},'
    layout = read(tmp_path, observing('joint_pos'), actions=IK % (turned, 'false'), release=release)
    law = action_of(layout, 'arm').law
    assert f'(position, quaternion {order})' in law and f'turned by the quaternion (0.5, 0.5, 0.5, 0.5), {order}' in law


@RELEASES
def test_frame_that_inverse_kinematics_moves_lies_off_its_body(tmp_path, release, convention, order):
    rot = {'3.x': '[0.0, 0.0, 0.0, 1.0]', '2.x': '[1.0, 0.0, 0.0, 0.0]'}[release]
    away = f'body_offset: {{pos: [0.0, 0.0, 0.107], rot: {rot}}},'
    arm = action_of(read(tmp_path, observing('joint_pos'), actions=IK % (away, 'true'), release=release), 'arm')
    frame = 'the frame that lies (0.0, 0.0, 0.107) m from panda_hand (body_offset)'
    assert arm.kind == 'pose_delta' and arm.law.startswith(f'change of the pose of {frame} in the frame of the base')
    assert arm.measured.startswith(f'pose of {frame} in the frame of the base; a controller that tracks panda_hand')


@pytest.mark.parametrize('away', ['', 'body_offset: null,', 'body_offset: {pos: [0.0, 0.0, 0.0], rot: [0, 0, 0, 1]},'])
def test_frame_without_an_offset_is_that_of_its_body(tmp_path, away):
    arm = action_of(read(tmp_path, observing('joint_pos'), actions=IK % (away, 'true')), 'arm')
    assert arm.measured == 'pose of panda_hand in the frame of the base' and 'body_offset' not in arm.law


def test_half_turn_is_not_taken_for_none(tmp_path):
    half = 'body_offset: {pos: [0.0, 0.0, 0.0], rot: [1.0, 0.0, 0.0, 0.0]},'
    arm = action_of(read(tmp_path, observing('joint_pos'), actions=IK % (half, 'true')), 'arm')
    assert 'turned by the quaternion (1.0, 0.0, 0.0, 0.0), x, y, z, w, from panda_hand' in arm.law


def test_functions_of_tasks_count_only_as_those_of_isaac_lab(tmp_path):
    name = 'rel_ee_drawer_distance'
    module = 'isaaclab_tasks.core.cabinet.mdp.observations'
    frames = """ee_frame: {target_frames: [{name: tcp, prim_path: '{ENV}/Robot/(Geometry/.*/)?panda_hand',
  offset: {pos: !!python/tuple [0.0, 0.0, 0.1034]}}]}
"""
    layout = read(tmp_path, observing(name, name='a', module=module), observing(name, module='mine'), scene=frames)
    known = term_of(layout, 'a')
    assert (known.quantity, known.relative_to, known.size) == ('relative_position', 'ee', 3)
    assert 'tcp: (0.0, 0.0, 0.1034) m from panda_hand (scene.ee_frame)' in known.description
    assert (term_of(layout, 't').kind, term_of(layout, 't').size) == ('unknown', None)


def test_unknown_action_may_have_no_number_and_others_may_not(tmp_path):
    stow = """
  legs: {class_type: 'isaaclab.envs.mdp:JointPositionAction', joint_names: [a, b, c], preserve_order: true}
  stow: {class_type: 'mine.mdp:Stow', joint_names: ['arm_.*']}
  tail: {class_type: 'mine.mdp:Tail'}
"""
    layout = read(
        tmp_path, observing('joint_pos'), observing('last_action', '{action_name: stow}', 'stowed'), actions=stow
    )
    done = complete(layout, 3, 3)
    assert [action.size for action in done.actions] == [3, 0, 0]
    assert [term.size for term in done.inputs['obs']] == [3, 0]
    assert [action.size for action in complete(layout, 5, 5).actions] == [3, None, None]
