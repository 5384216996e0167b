# SPDX-License-Identifier: Apache-2.0
"""IO_descriptors.yaml, in the form in which Isaac Lab 3.0 writes it for a manager-based task."""

from pathlib import Path
import shutil

from policy.lab_runs import env_text
import pytest
from tools.runs import lab_run, parameters
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts import JointLimits, RobotJoints
from rl_policy_node.policy.layouts.io_descriptors import find_descriptors, read_descriptors
from rl_policy_node.tools.init.init import init

LEGGED = Path(__file__).resolve().parents[1] / 'sim' / 'isaaclab_runs' / 'legged'
MDP = 'isaaclab.envs.mdp.observations'
TERMS = [f"q: {{func: '{MDP}:joint_pos_rel', params: {{}}}}"]
LEGS = ['knee_r', 'hip_l', 'knee_l', 'hip_r']
ARM = {
    'name': 'joint_position_action',
    'extras': {'description': 'Joint action term that applies positions.'},
    'mdp_type': 'Action',
    'full_path': 'isaaclab.envs.mdp.actions.joint_actions.JointPositionAction',
    'shape': [4],
    'dtype': 'torch.float32',
    'action_type': 'JointAction',
    'joint_names': LEGS,
    'scale': 0.5,
    'offset': [-0.800000011920929, 0.10000000149011612, -0.800000011920929, 0.10000000149011612],
    'clip': None,
}
ROBOT = {
    'joint_names': LEGS,
    'default_joint_pos': ARM['offset'],
    'default_joint_vel': [0.0] * 4,
    'default_joint_pos_limits': [
        [-2.0, 0.5],
        [-1.0, 1.0],
        [-2.0, 0.5],
        [-3.4028234663852886e38, 3.4028234663852886e38],
    ],
    'default_joint_damping': [0.5] * 4,
    'default_joint_stiffness': [25.0, 20.0, 25.0, 20.0],
    'default_joint_friction': [0.0] * 4,
    'default_joint_armature': [0.0] * 4,
}


def write(folder, place='params', arm=ARM, robot=ROBOT, step=0.02):
    content = {
        'observations': {'policy': [{'name': 'joint_pos_rel', 'overloads': {}, 'extras': {}, 'shape': [4]}]},
        'actions': [arm],
        'articulations': {'robot': robot},
        'scene': {'physics_dt': 0.005, 'dt': step, 'decimation': 4},
    }
    (folder / place).mkdir(exist_ok=True)
    (folder / place / 'IO_descriptors.yaml').write_text(yaml.safe_dump(content))
    return folder / place / 'IO_descriptors.yaml'


@pytest.fixture
def run(tmp_path):
    return lab_run(tmp_path, env_text(TERMS), 4, 4)


@pytest.mark.parametrize('place', ['params', 'io_descriptors', '.'])
def test_file_is_found_where_isaac_lab_and_users_put_it(run, place):
    assert find_descriptors(run) is None
    assert find_descriptors(run) == write(run, place) or find_descriptors(run).samefile(
        run / place / 'IO_descriptors.yaml'
    )


def test_draft_has_the_numbers_of_the_file_and_says_so(run, tmp_path):
    write(run)
    left = init(run, tmp_path / 'robot.yaml')
    written = parameters(tmp_path / 'robot.yaml')
    arm = written['actions']['arm']
    assert written['terms']['q']['joints'] == arm['joints'] == LEGS
    assert written['terms']['q']['offset'] == arm['offset'] == [-0.8, 0.1, -0.8, 0.1]
    assert arm['lower'] == [-2.0, -1.0, -2.0, float('-inf')] and arm['continuous'] == ['hip_r']
    assert [name for name in left if not name.endswith('.topic')] == ['actions.arm.max_velocity']
    text = ' '.join((tmp_path / 'robot.yaml').read_text().replace('#', '').split())
    assert 'joints, offset from IO_descriptors.yaml' in text
    assert 'stiffness knee_r 25, hip_l 20, knee_l 25, hip_r 20; damping 0.5' in text
    assert 'sim' not in written, 'no simulator was asked'


def test_file_counts_where_it_differs_from_the_run_and_it_is_told(run, tmp_path):
    write(run, arm={**ARM, 'scale': 0.25}, step=0.04)
    init(run, tmp_path / 'robot.yaml')
    text = ' '.join((tmp_path / 'robot.yaml').read_text().replace('#', '').split())
    assert 'arm: scale is 0.5 in env.yaml, 0.25 in IO_descriptors.yaml, which counts here' in text
    assert parameters(tmp_path / 'robot.yaml')['control_rate'] == 25.0


def test_file_that_does_not_fit_is_left_out_and_the_draft_says_why(run, tmp_path):
    write(run, robot={**ROBOT, 'joint_names': ['a', 'b', 'c', 'd']}, arm={**ARM, 'joint_names': ['a', 'b', 'c', 'd']})
    init(run, tmp_path / 'robot.yaml')
    text = ' '.join((tmp_path / 'robot.yaml').read_text().replace('#', '').split())
    assert (
        "IO_descriptors.yaml was left out: scene.robot.init_state.joint_pos: the pattern 'hip_.*' matches none" in text
    )
    assert parameters(tmp_path / 'robot.yaml')['terms']['q']['joints'] == ['???'] * 4


def test_joints_of_the_user_get_the_limits_of_the_file(run, tmp_path):
    write(run)
    init(run, tmp_path / 'robot.yaml', joints=RobotJoints(tuple(LEGS), '--joints'))
    arm = parameters(tmp_path / 'robot.yaml')['actions']['arm']
    assert (arm['lower'], arm['upper']) == ([-2.0, -1.0, -2.0, float('-inf')], [0.5, 1.0, 0.5, float('inf')])
    text = ' '.join((tmp_path / 'robot.yaml').read_text().replace('#', '').split())
    assert 'those of --joints; limits of joints are those of IO_descriptors.yaml' in text
    assert 'lower, upper from IO_descriptors.yaml' in text


def test_limits_of_the_users_robot_go_before_those_of_the_file(run, tmp_path):
    write(run)
    limits = {'knee_r': JointLimits(-0.7, 0.4, 3.0, 5.0)}
    init(run, tmp_path / 'robot.yaml', joints=RobotJoints(tuple(LEGS), '--joints', limits))
    assert parameters(tmp_path / 'robot.yaml')['actions']['arm']['lower'] == [-0.7, -1.0, -2.0, float('-inf')]
    text = ' '.join((tmp_path / 'robot.yaml').read_text().replace('#', '').split())
    assert 'limits of joints are those of --urdf and IO_descriptors.yaml; compare numbers' in text


def test_joints_of_the_user_in_another_order_than_that_of_the_file_are_refused(run, tmp_path):
    write(run)
    with pytest.raises(ConfigurationError, match='order of the joints of --joints is hip_l.*IO_descriptors.yaml: knee'):
        init(run, tmp_path / 'robot.yaml', joints=RobotJoints(('hip_l', 'hip_r', 'knee_l', 'knee_r'), '--joints'))


def test_a_file_of_other_joints_than_the_users_is_none_of_its(run, tmp_path):
    write(run)
    joints = RobotJoints((*LEGS, 'tail'), '--joints')
    with pytest.raises(ConfigurationError, match='5 joints'):
        init(run, tmp_path / 'robot.yaml', joints=joints)


def test_file_that_isaac_lab_wrote_leaves_topics_and_a_limit(tmp_path):
    run = tmp_path / 'run'
    shutil.copytree(LEGGED, run)
    (run / 'io_descriptors').mkdir()
    shutil.copy(Path(__file__).with_name('legged_io_descriptors.yaml'), run / 'io_descriptors' / 'IO_descriptors.yaml')
    left = init(run, tmp_path / 'robot.yaml')
    # the actuators in env.yaml have the limit of velocities
    assert all(name.endswith('.topic') for name in left)
    written = parameters(tmp_path / 'robot.yaml')
    legs = [f'{end}_{side}' for end in ('front', 'hind') for side in ('left', 'right')]
    assert written['terms']['joint_pos']['joints'] == [
        f'{leg}_{joint}' for leg in legs for joint in ('abduction', 'hip', 'knee')
    ]
    assert written['actions']['joint_pos']['offset'][:6] == [0.05, 0.6, -1.2, -0.05, 0.6, -1.2]
    text = ' '.join((tmp_path / 'robot.yaml').read_text().replace('#', '').split())
    assert 'max_velocity from the actuators in env.yaml' in text and 'counts here' not in text


def test_action_of_another_law_is_none_of_scale_and_offset(run):
    path = write(run, arm={**ARM, 'full_path': 'isaaclab.envs.mdp.actions.joint_actions.RelativeJointPositionAction'})
    (action,) = read_descriptors(path).actions
    assert (action.kind, action.size, action.scale) == ('other', 4, ())


def test_file_of_another_form_is_refused(run):
    path = write(run, robot={**ROBOT, 'default_joint_pos': [0.0]})
    with pytest.raises(ConfigurationError, match=r'IO_descriptors.yaml: default has 1 numbers; expected one for each'):
        read_descriptors(path)
