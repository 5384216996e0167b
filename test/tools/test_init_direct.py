# SPDX-License-Identifier: Apache-2.0
"""Drafts of Isaac Lab's direct tasks: they fit the checkpoint, and pass the check once their blanks are filled in."""

from pathlib import Path

from policy.lab_direct_runs import SIZES, UNKNOWN, WXYZ, XYZW
import pytest
from tools.runs import fill, fill_numbers, parameters, PARAMS
import torch
import yaml

from rl_policy_node.policy import Policy
from rl_policy_node.policy.run.yaml_file import read_yaml
from rl_policy_node.tools.check import check
from rl_policy_node.tools.init.init import init
from rl_policy_node.tools.init.robot_description import read_joints

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance' / 'isaaclab3'
RUNS = {**XYZW, **WXYZ}
NOT_KNOWN = 'what the observation is made of is not known'
# what no file of a run says: names, limits, numbers that follow from limits, and what a person chooses
ROBOTS = (
    'topic',
    'joints',
    'lower',
    'upper',
    'max_velocity',
    'max_effort',
    'offset',
    'scale',
    'values',
    'fallback_value',
)
CNN = {
    'type': 'conv2d',
    'activation': 'relu',
    'permute_input': False,
    'initializer': {'name': 'default'},
    'convs': [{'filters': 2, 'kernel_size': 3, 'strides': 2, 'padding': 0}],
}
# the real runs of the set: task → names of the observed terms
REAL = {
    'Isaac-Cartpole-Direct': ['cart_pos', 'pole_pos', 'cart_vel', 'pole_vel'],
    'Isaac-Humanoid-Direct': [
        'height',
        'lin_vel',
        'ang_vel',
        'yaw',
        'roll',
        'angle_to_target',
        'up_proj',
        'heading_proj',
        'joint_pos',
        'joint_vel',
        'foot_wrenches',
        'actions',
    ],
    **dict.fromkeys(
        ('Isaac-Reorient-Cube-Allegro-Direct', 'Isaac-Reorient-Cube-Shadow-Direct'),
        [
            'joint_pos',
            'joint_vel',
            'object_pos',
            'object_quat',
            'object_lin_vel',
            'object_ang_vel',
            'goal_pos',
            'goal_quat',
            'goal_relative_rot',
            'fingertip_pos',
            'fingertip_quat',
            'fingertip_vel',
            'actions',
        ],
    ),
    'IsaacContrib-Reorient-Cube-Shadow-OpenAI-LSTM-Direct': [
        'fingertip_pos',
        'object_pos',
        'goal_relative_rot',
        'actions',
    ],
    'IsaacContrib-AutoMate-Assembly-Direct': [
        'joint_pos',
        'fingertip_pos',
        'fingertip_quat',
        'fingertip_goal_pos',
        'fingertip_goal_quat',
        'delta_pos',
    ],
    'IsaacContrib-Factory-PegInsert-Direct': [
        'fingertip_pos_rel_fixed',
        'fingertip_quat',
        'ee_linvel',
        'ee_angvel',
        'prev_actions',
    ],
    'IsaacContrib-Forge-PegInsert-Direct': [
        'fingertip_pos_rel_fixed',
        'fingertip_quat',
        'ee_linvel',
        'ee_angvel',
        'ft_force',
        'force_threshold',
        'prev_actions',
    ],
    'IsaacContrib-Velocity-Rough-AnymalC-Direct': [
        'lin_vel',
        'ang_vel',
        'gravity',
        'command_linear',
        'command_yaw',
        'joint_pos',
        'joint_vel',
        'heights',
        'actions',
    ],
}
# observation and actions of the environment as it was made; env.yaml of Factory and Forge says 21
REAL_SIZES = {
    'Isaac-Cartpole-Direct': (4, 1),
    'Isaac-Humanoid-Direct': (87, 21),
    'Isaac-Reorient-Cube-Allegro-Direct': (124, 16),
    'Isaac-Reorient-Cube-Shadow-Direct': (157, 20),
    'IsaacContrib-Reorient-Cube-Shadow-OpenAI-LSTM-Direct': (42, 20),
    'IsaacContrib-AutoMate-Assembly-Direct': (24, 6),
    'IsaacContrib-Factory-PegInsert-Direct': (19, 6),
    'IsaacContrib-Forge-PegInsert-Direct': (24, 7),
    'IsaacContrib-Velocity-Rough-AnymalC-Direct': (235, 12),
}
needs_set = pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')


def save(folder, agent, observation, actions):
    """Write a checkpoint of initial weights that fits agent.yaml."""
    shape = [observation] if isinstance(observation, int) else list(observation)
    policy = Policy.load(agent, device='cpu', spaces={'observation': shape, 'action': actions})
    (folder / 'nn').mkdir(exist_ok=True)
    torch.save({'model': policy.player.model.state_dict()}, folder / 'nn' / 'Run.pth')
    return folder / 'nn' / 'Run.pth'


def write(folder, environment, observation, actions):
    """Write a small run whose checkpoint has this observation and so many actions."""
    image = not isinstance(observation, int)
    params = {
        **PARAMS,
        'network': {**PARAMS['network'], **({'cnn': CNN} if image else {})},
        'env': {'clip_observations': 10.0, 'clip_actions': 1.0},
    }
    (folder / 'params').mkdir()
    (folder / 'params' / 'agent.yaml').write_text(yaml.safe_dump({'params': params}))
    (folder / 'params' / 'env.yaml').write_text(environment)
    save(folder, folder / 'params' / 'agent.yaml', observation, actions)
    return folder


def words(file):
    return ' '.join(file.read_text().replace('#', '').split())


@pytest.mark.parametrize('name', RUNS)
def test_draft_passes_the_check_once_its_blanks_are_filled(name, tmp_path, capsys):
    left = init(write(tmp_path, RUNS[name], *SIZES[name]), tmp_path / 'robot.yaml')
    assert {blank.rpartition('.')[2] for blank in left} <= {*ROBOTS}
    assert NOT_KNOWN not in words(tmp_path / 'robot.yaml')
    assert "terms and laws are those of Isaac Lab's" in words(tmp_path / 'robot.yaml')
    check(fill(fill_numbers(tmp_path / 'robot.yaml')))
    assert 'fits' in capsys.readouterr().out


def test_factory_draft_has_the_size_of_the_checkpoint_not_that_of_the_file(tmp_path):
    init(write(tmp_path, RUNS['factory'], 19, 6), tmp_path / 'robot.yaml')
    written = parameters(tmp_path / 'robot.yaml')
    assert written['inputs']['obs'] == REAL['IsaacContrib-Factory-PegInsert-Direct']
    assert written['terms']['prev_actions'] == {'kind': 'last_action', 'smoothing': 0.3}
    assert written['actions']['arm'] == {
        'kind': 'raw',
        'topic': '???',
        'type': 'std_msgs/msg/Float64MultiArray',
        'size': 6,
        'smoothing': 0.3,
        'fallback': 'value',
        'fallback_value': [0.0],
    }
    assert written['control_rate'] == 25.0


def test_factory_without_a_checkpoint_has_the_size_of_its_order(tmp_path):
    folder = write(tmp_path, RUNS['factory'], 19, 6)
    (folder / 'nn' / 'Run.pth').unlink()
    init(folder, tmp_path / 'robot.yaml')
    assert parameters(tmp_path / 'robot.yaml')['inputs']['obs'] == REAL['IsaacContrib-Factory-PegInsert-Direct']


def test_factory_of_another_size_is_one_array(tmp_path):
    # the task's code added something that obs_order does not say
    init(write(tmp_path, RUNS['factory'], 30, 6), tmp_path / 'robot.yaml')
    assert parameters(tmp_path / 'robot.yaml')['terms'] == {'obs': {'source': 'obs', 'field': 'data', 'shape': [30]}}
    text = words(tmp_path / 'robot.yaml')
    assert "the policy does not fit Isaac Lab's FactoryEnv" in text and 'input obs is one array' in text
    # the action fits, so that its law is known
    assert 'terms and laws are those' not in text and "laws are those of Isaac Lab's FactoryEnv" in text


def test_forge_draft_zeroes_numbers_and_leaves_threshold_and_fallback_to_the_user(tmp_path):
    left = init(write(tmp_path, RUNS['forge'], 24, 7), tmp_path / 'robot.yaml')
    terms = parameters(tmp_path / 'robot.yaml')['terms']
    assert terms['fingertip_quat'] == {'source': 'ee', 'field': 'orientation', 'scale': [0.0, 1.0, 1.0, 0.0]}
    assert terms['ee_linvel'] == {'kind': 'constant', 'values': [0.0, 0.0, 0.0]}
    assert terms['force_threshold'] == {'kind': 'constant', 'values': ['???']}
    assert {'terms.force_threshold.values', 'actions.arm.fallback_value'} <= {*left}


def test_old_factory_draft_converts_quaternions(tmp_path):
    init(write(tmp_path, RUNS['factory_2'], 19, 6), tmp_path / 'robot.yaml')
    assert parameters(tmp_path / 'robot.yaml')['terms']['fingertip_quat']['convention'] == 'wxyz'


def test_clip_of_the_environment_is_written_where_the_policy_goes_beyond(tmp_path):
    folder = write(tmp_path, RUNS['ant'], 60, 8)
    agent = folder / 'params' / 'agent.yaml'
    for bound, clip in ((1.0, None), (3.0, 1.0)):
        agent.write_text(agent.read_text().replace('clip_actions: 1.0', f'clip_actions: {bound}'))
        init(folder, tmp_path / 'robot.yaml', force=True)
        assert parameters(tmp_path / 'robot.yaml')['actions']['joints'].get('clip') == clip


def test_names_and_limits_leave_only_topics(tmp_path):
    names = ['index', 'wrist', 'thumb']
    limit = '<limit lower="-0.5" upper="1.5" effort="3" velocity="8"/>'
    file = tmp_path / 'hand.urdf'
    joints = (f'<joint name="{name}" type="revolute">{limit}</joint>' for name in names)
    file.write_text(f'<robot>{"".join(joints)}</robot>')
    folder = write(tmp_path, RUNS['allegro_2'], *SIZES['allegro_2'])
    left = init(folder, tmp_path / 'robot.yaml', joints=read_joints(','.join(names), file))
    assert {blank.rpartition('.')[2] for blank in left} == {'topic'}
    written = parameters(tmp_path / 'robot.yaml')
    assert written['terms']['joint_pos'] == {
        'source': 'joints',
        'field': 'position',
        'joints': names,
        'offset': [0.5] * 3,
    }
    hand = written['actions']['hand']
    assert (hand['joints'], hand['offset'], hand['scale']) == (names, [0.5] * 3, [1.0] * 3)
    assert (hand['lower'], hand['upper'], hand['max_velocity']) == ([-0.5] * 3, [1.5] * 3, [8.0] * 3)
    check(fill(tmp_path / 'robot.yaml'))


def test_header_of_an_unknown_task_claims_nothing(tmp_path):
    init(write(tmp_path, UNKNOWN, 7, 2), tmp_path / 'robot.yaml')
    text = words(tmp_path / 'robot.yaml')
    assert NOT_KNOWN in text and 'terms and laws are those' not in text
    assert '_get_observations composes the observation' in text
    assert parameters(tmp_path / 'robot.yaml')['terms']['observation']['shape'] == [7]


def test_header_of_a_managed_task_names_its_managers(tmp_path):
    text = (
        'sim: {dt: 0.01}\nobservations: {policy: {v: {func: "mdp:base_lin_vel"}}}\n'
        'actions: {legs: {class_type: "mdp:JointEffortAction", joint_names: [hip]}}\n'
    )
    init(write(tmp_path, text, 3, 1), tmp_path / 'robot.yaml')
    assert 'terms and laws are those of the managers in env.yaml' in words(tmp_path / 'robot.yaml')


@pytest.fixture(scope='module')
def drafts(tmp_path_factory):
    """Return a function from a task of the set to (env.yaml, file of the draft, its blanks); each is drafted once."""
    made = {}

    def draft(task):
        if task not in made:
            folder = tmp_path_factory.mktemp('set')
            checkpoint = save(folder, SET / task / 'params' / 'agent.yaml', *REAL_SIZES[task])
            left = init(SET / task, folder / 'robot.yaml', checkpoint)
            environment = read_yaml(SET / task / 'params' / 'env.yaml', 'environment')
            made[task] = environment, folder / 'robot.yaml', left
        return made[task]

    return draft


@pytest.mark.slow
@needs_set
@pytest.mark.parametrize('task', REAL)
def test_real_run_is_described_and_fits_its_checkpoint(task, drafts, tmp_path):
    environment, file, left = drafts(task)
    written = parameters(file)
    assert written['inputs']['obs'] == REAL[task]
    assert {blank.rpartition('.')[2] for blank in left} <= {*ROBOTS}
    assert written['control_rate'] == pytest.approx(1.0 / (environment['sim']['dt'] * environment['decimation']))
    filled = tmp_path / 'filled.yaml'
    filled.write_text(file.read_text())
    check(fill(fill_numbers(filled)))


@needs_set
def test_numbers_of_real_drafts_are_those_of_their_files(drafts):
    def drafted(task):
        environment, file, _ = drafts(task)
        written = parameters(file)
        return environment, written['terms'], written['actions']

    env, terms, actions = drafted('Isaac-Humanoid-Direct')
    assert terms['ang_vel']['scale'] == [env['angular_velocity_scale']]
    assert terms['joint_vel']['scale'] == [env['dof_vel_scale']]
    assert terms['foot_wrenches']['scale'] == [env['contact_force_scale']]
    env, terms, actions = drafted('Isaac-Reorient-Cube-Shadow-Direct')
    assert terms['joint_vel']['scale'] == terms['object_ang_vel']['scale'] == [env['vel_obs_scale']]
    assert len(terms['joint_vel']['joints']) == 24
    assert len(actions['hand']['joints']) == len(env['actuated_joint_names'])
    assert actions['tendons']['size'] == len(env['actuated_tendon_names'])
    assert [actions['tendons'][end][0] for end in ('lower', 'upper')] == env['actuated_tendon_position_limits']
    env, terms, actions = drafted('IsaacContrib-Reorient-Cube-Shadow-OpenAI-LSTM-Direct')
    left = 1.0 - actions['hand']['smoothing']
    assert left == pytest.approx((1.0 - env['act_moving_average']) ** env['decimation'])
    for task in ('IsaacContrib-Factory-PegInsert-Direct', 'IsaacContrib-AutoMate-Assembly-Direct'):
        env, terms, actions = drafted(task)
        assert actions['arm']['smoothing'] == env['ctrl']['ema_factor']
    env, terms, actions = drafted('IsaacContrib-Velocity-Rough-AnymalC-Direct')
    assert actions['legs']['scale'] == [env['action_scale']]
    env, terms, actions = drafted('Isaac-Cartpole-Direct')
    assert actions['cart']['scale'] == [env['action_scale']] and actions['cart']['joints'] == [env['cart_dof_name']]


@needs_set
def test_trained_cartpole_is_described(tmp_path):
    init(SET / '_trained' / 'cartpole_direct', tmp_path / 'robot.yaml')
    assert parameters(tmp_path / 'robot.yaml')['inputs']['obs'] == REAL['Isaac-Cartpole-Direct']
    check(fill(tmp_path / 'robot.yaml'))
