# SPDX-License-Identifier: Apache-2.0
"""Parameter files of manager-based runs of Isaac Lab: an unknown piece costs itself alone; names fill the rest."""

import math

from policy.lab_runs import env_text, lab_layout
import pytest
from tools.runs import fill, lab_run, parameters

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Spaces
from rl_policy_node.policy.layouts import RobotJoints
from rl_policy_node.tools.check import check
from rl_policy_node.tools.init.draft import draft
from rl_policy_node.tools.init.draft_simulator import Simulator
from rl_policy_node.tools.init.init import init
from rl_policy_node.tools.init.robot_description import read_joints
from rl_policy_node.tools.main import main

MDP = 'isaaclab.envs.mdp.observations'
DRAWER = '{asset_cfg: {name: cabinet, joint_names: [drawer], preserve_order: false}}'
TERMS = {
    'drawer': f"{{func: '{MDP}:joint_pos', params: {DRAWER}}}",
    'q': f"{{func: '{MDP}:joint_pos_rel', params: {{}}}}",
    'v': f"{{func: '{MDP}:joint_vel_rel', params: {{}}}}",
    'secret': "{func: 'mine.mdp:secret', params: {}}",
    'actions': f"{{func: '{MDP}:last_action', params: {{}}}}",
}
LEGS = 'hip_l,hip_r,knee_l,knee_r'
SLIDER = '<joint name="{}" type="prismatic"><limit lower="-0.1" upper="0.9" effort="80" velocity="2.5"/></joint>'
STOW = """
  legs: {class_type: 'isaaclab.envs.mdp:JointPositionAction', asset_name: robot, scale: 0.5, preserve_order: true,
         joint_names: [hip_l, hip_r, knee_l, knee_r]}
  stow: {class_type: 'mine.mdp:Stow', joint_names: ['arm_.*']}
"""


def lines(*names):
    return [f'{name}: {TERMS[name]}' for name in names]


def drafted(tmp_path, text, observation, action, joints=None):
    return draft(lab_layout(tmp_path, text, joints), Spaces((observation,), action), 50.0, joints)


def test_unknown_term_leaves_the_joints_of_the_robot_to_the_robot(tmp_path):
    made = drafted(tmp_path, env_text(lines('drawer', 'q', 'v', 'secret')), 1 + 4 + 4 + 3, 4)
    assert {name: source.values['type'].rpartition('/')[2] for name, source in made.sources.items()} == {
        'cabinet': 'JointState',
        'joints': 'JointState',
        'secret': 'Float32MultiArray',
    }
    assert made.terms['q'].values['source'] == made.actions['arm'].values['source'] == 'joints'
    assert made.terms['q'].values['joints'] == made.terms['v'].values['joints'] == ['???'] * 4
    assert made.terms['secret'].values['shape'] == [3]


def test_joints_of_open_number_still_are_joints(tmp_path):
    text = env_text(lines('drawer', 'q', 'secret'), actions="\n  mine: {class_type: 'mine.mdp:Act'}\n")
    made = drafted(tmp_path, text, 8, 2)
    assert made.terms['q'].values['source'] == 'joints' and made.terms['q'].values['joints'] == ['???']
    # nothing measures what an unknown law commands
    assert made.actions['mine'].values['source'] not in made.terms['drawer'].values['source']


def test_action_of_no_number_is_a_note_and_all_terms_stay(tmp_path):
    made = drafted(tmp_path, env_text(lines('q', 'v', 'actions'), actions=STOW), 12, 4)
    assert list(made.actions) == ['legs'] and made.inputs['obs'].values['terms'] == ['q', 'v', 'actions']
    offsets = {'hip_l': 0.1, 'hip_r': 0.1, 'knee_l': -0.8, 'knee_r': -0.8}
    assert made.actions['legs'].values['offset'] == offsets
    (note,) = [note for note in made.notes if 'stow' in note]
    assert 'takes no number of the policy' in note and 'mine.mdp:Stow' in note


def test_term_of_no_number_is_a_note(tmp_path):
    made = drafted(tmp_path, env_text(lines('q', 'actions', 'secret')), 8, 4)
    assert made.inputs['obs'].values['terms'] == ['q', 'actions']
    assert any('term secret has no number' in note for note in made.notes)


def test_actions_that_do_not_fit_cost_no_term(tmp_path):
    made = drafted(tmp_path, env_text(lines('q', 'v'), actions=STOW.replace('stow', 'spare')), 8, 3)
    assert list(made.actions) == ['action'] and made.actions['action'].values['kind'] == '???'
    assert list(made.terms) == ['q', 'v'] and any('what the actions do is not known' in note for note in made.notes)


def test_observation_that_does_not_fit_costs_no_action(tmp_path):
    made = drafted(tmp_path, env_text(lines('drawer', 'actions'), actions=STOW), 9, 4)
    assert list(made.actions) == ['legs']
    assert made.terms['obs'].values == {'source': 'obs', 'field': 'data', 'shape': [9]}
    assert any('input obs is one array' in note for note in made.notes)


def test_elements_of_an_action_of_open_size_are_a_blank(tmp_path):
    two = "\n  l: {class_type: 'mine.mdp:L'}\n  r: {class_type: 'mine.mdp:R'}\n"
    terms = [f"{name}: {{func: '{MDP}:last_action', params: {{action_name: {name}}}}}" for name in 'lr']
    made = drafted(tmp_path, env_text(terms, actions=two), 6, 6)
    assert [made.terms[name].values['elements'] for name in 'lr'] == [['???'], ['???']]


COMMANDS = """speed: {class_type: 'mdp:UniformVelocityCommand', asset_name: robot}
place: {class_type: 'mdp:UniformPoseCommand', asset_name: robot, body_name: hand}
"""


def test_goals_and_commands_may_be_older_than_sensors(tmp_path):
    terms = [
        f"{name}: {{func: '{MDP}:generated_commands', params: {{command_name: {name}}}, history_length: {history}}}"
        for name, history in (('speed', 0), ('place', 0))
    ]
    # an array, since its samples are stacked, and a measurement with a name like a goal's
    terms.append(f"path: {{func: '{MDP}:generated_commands', params: {{command_name: place}}, history_length: 2}}")
    terms.append("to_target: {func: 'mine.mdp:to_target', params: {}}")
    made = drafted(tmp_path, env_text([*lines('q'), *terms], commands=COMMANDS), 4 + 3 + 7 + 14 + 2, 4)
    assert {name: source.values['max_age'] for name, source in made.sources.items()} == {
        'joints': 0.06,
        'speed': 0.5,
        'place': 1.0,
        'path': 1.0,
        'to_target': 0.06,
    }
    assert 'stale: zero' in made.sources['speed'].comment and 'transient_local' in made.sources['place'].comment


def test_source_of_a_pose_says_which_frame_it_measures(tmp_path):
    hand = """
  arm: {class_type: 'isaaclab.envs.mdp:DifferentialInverseKinematicsAction', asset_name: robot, joint_names: ['.*'],
        body_name: panda_hand, controller: {command_type: pose, use_relative_mode: true},
        body_offset: {pos: [0.0, 0.0, 0.107], rot: [0.0, 0.0, 0.0, 1.0]}}
"""
    made = drafted(tmp_path, env_text(lines('q'), actions=hand), 4, 6)
    assert made.sources['ee'].comment.startswith(
        'measures what the action commands: pose of the frame that lies (0.0, 0.0, 0.107) m from panda_hand'
    )
    assert '(0.0, 0.0, 0.107) m from panda_hand' in made.actions['arm'].comment


def urdf(tmp_path, names=LEGS):
    file = tmp_path / 'robot.urdf'
    file.write_text(f'<robot>{"".join(map(SLIDER.format, names.split(",")))}</robot>')
    return str(file)


def test_names_and_limits_leave_only_topics(tmp_path):
    run = lab_run(tmp_path, env_text(lines('q', 'v', 'actions')), 12, 4)
    left = init(run, tmp_path / 'robot.yaml', joints=read_joints(LEGS, urdf(tmp_path)))
    assert left == ['enable.topic', 'sources.joints.topic', 'actions.arm.topic']
    written = parameters(tmp_path / 'robot.yaml')
    assert written['terms']['q'] == {
        'source': 'joints',
        'field': 'position',
        'joints': LEGS.split(','),
        'offset': [0.1, 0.1, -0.8, -0.8],
    }
    arm = written['actions']['arm']
    assert arm['joints'] == LEGS.split(',') and arm['offset'] == [0.1, 0.1, -0.8, -0.8]
    assert (arm['lower'], arm['upper'], arm['max_velocity']) == ([-0.1] * 4, [0.9] * 4, [2.5] * 4)
    text = ' '.join((tmp_path / 'robot.yaml').read_text().replace('#', '').split())
    assert 'joints and their order are those of --joints; limits of joints are those of --urdf' in text
    check(fill(tmp_path / 'robot.yaml'))


def test_order_of_a_file_is_said_to_be_the_files(tmp_path):
    file = urdf(tmp_path)
    run = lab_run(tmp_path, env_text(lines('q')), 4, 4)
    init(run, tmp_path / 'robot.yaml', joints=read_joints('', file))
    text = ' '.join((tmp_path / 'robot.yaml').read_text().replace('#', '').split())
    assert f'joints, their order and their limits are those of {file}; compare the order with that of the sim' in text
    assert parameters(tmp_path / 'robot.yaml')['terms']['q']['joints'] == LEGS.split(',')


def test_joint_without_end_has_no_bounds(tmp_path):
    file = tmp_path / 'robot.urdf'
    wheel = '<joint name="hip_r" type="continuous"><limit effort="3" velocity="20"/></joint>'
    file.write_text(f'<robot>{SLIDER.format("hip_l")}{wheel}{SLIDER.format("knee_l")}{SLIDER.format("knee_r")}</robot>')
    run = lab_run(tmp_path, env_text(lines('q')), 4, 4)
    init(run, tmp_path / 'robot.yaml', joints=read_joints('', file))
    arm = parameters(tmp_path / 'robot.yaml')['actions']['arm']
    assert arm['continuous'] == ['hip_r'] and arm['max_velocity'] == [2.5, 20.0, 2.5, 2.5]
    assert arm['lower'] == [-0.1, -math.inf, -0.1, -0.1] and arm['upper'] == [0.9, math.inf, 0.9, 0.9]
    check(fill(tmp_path / 'robot.yaml'))


def test_limits_that_a_file_lacks_stay_blank(tmp_path):
    file = tmp_path / 'robot.urdf'
    text = ''.join(map(SLIDER.format, LEGS.split(','))).replace(' velocity="2.5"', '', 1)
    file.write_text(f'<robot>{text}</robot>')
    joints = read_joints('', file)
    arm = drafted(tmp_path, env_text(lines('q')), 4, 4, joints).actions['arm'].values
    assert arm['lower'] == [-0.1] * 4 and arm['max_velocity'] == ['???']


def test_joints_that_do_not_fit_the_policy_are_refused(tmp_path):
    with pytest.raises(
        ConfigurationError, match='--joints has 5 joints, with which the run does not fit: the actions: '
    ):
        drafted(tmp_path, env_text(lines('q')), 4, 4, RobotJoints((*LEGS.split(','), 'tail'), '--joints'))


def test_command_takes_joints_and_names_the_pattern_that_matches_none(tmp_path, capsys):
    run = lab_run(tmp_path, env_text(lines('q')), 4, 4)
    output = str(tmp_path / 'robot.yaml')
    assert main(['init', str(run), '-o', output, '--joints', LEGS]) == 0
    assert parameters(tmp_path / 'robot.yaml')['terms']['q']['joints'] == LEGS.split(',')
    assert main(['init', str(run), '-o', output, '--force', '--joints', 'hip_l,hip_r,thigh']) == 1
    assert capsys.readouterr().err == (
        "rl_policy init: scene.robot.init_state.joint_pos: the pattern 'knee_.*' matches none of the joints of "
        '--joints: hip_l, hip_r, thigh\n'
    )


def test_file_of_a_simulator_takes_no_joints(tmp_path):
    with pytest.raises(ConfigurationError, match="--joints: a simulator's file has no joints"):
        init(tmp_path, tmp_path / 'robot.yaml', simulator=Simulator('isaacgym'), joints=RobotJoints(('a',), '--joints'))
