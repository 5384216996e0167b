# SPDX-License-Identifier: Apache-2.0
"""Drafts with what a simulator says of its scene: every number is the simulator's, and where it differs it is told."""

import io
import json

from policy.lab_runs import env_text
import pytest
from tools.runs import fill, lab_run, parameters, write_run
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts import read_scene, RobotJoints
from rl_policy_node.tools.check import check
from rl_policy_node.tools.init.ask import ask
from rl_policy_node.tools.init.draft_simulator import Asked
from rl_policy_node.tools.init.init import init
from rl_policy_node.tools.main import main

MDP = 'isaaclab.envs.mdp.observations'
# not the order of any alphabet
LEGS = ['knee_r', 'hip_l', 'knee_l', 'hip_r']
DEFAULT = [-0.8, 0.1, -0.8, 0.1]
TERMS = [
    f"v: {{func: '{MDP}:base_lin_vel', params: {{}}}}",
    f"command: {{func: '{MDP}:generated_commands', params: {{command_name: speed}}}}",
    f"q: {{func: '{MDP}:joint_pos_rel', params: {{}}}}",
    f"norm: {{func: '{MDP}:joint_pos_limit_normalized', params: {{}}}}",
    "secret: {func: 'mine.mdp:secret', params: {}}",
    "hidden: {func: 'mine.mdp:hidden', params: {}}",
]
COMMANDS = "speed: {class_type: 'mdp:UniformVelocityCommand', asset_name: robot}"


def scene(**changes):
    """Return the scene of a robot with four joints in single precision, as simulators have them."""
    import numpy as np

    def single(numbers):
        return np.asarray(numbers, np.float32).tolist()

    robot = {
        'joints': LEGS,
        'root': 'robot/trunk',
        'lower': single([-1.8, -0.9, -1.8, -0.9]),
        'upper': single([0.0, 0.9, 0.0, 0.9]),
        'hard_lower': single([-2.0, -1.0, -2.0, -1.0]),
        'hard_upper': single([0.2, 1.0, 0.2, 1.0]),
        'max_velocity': single([7.5] * 4),
        'max_effort': single([80.0] * 4),
        'default': single(DEFAULT),
        'default_velocity': [0.0] * 4,
        **changes.pop('robot', {}),
    }
    action = {
        'name': 'arm',
        'kind': 'joint_position',
        'articulation': 'robot',
        'joints': LEGS,
        'scale': [0.5] * 4,
        'offset': single(DEFAULT),
        'clip': None,
        **changes.pop('action', {}),
    }
    made = {
        'articulations': {'robot': robot},
        'bodies': ['robot/trunk', 'robot/foot'],
        'commands': {'speed': {'size': 3, 'ranges': {}}},
        'actions': [action],
        'terms': {'obs': [{'name': 'secret', 'shape': [2], 'history': 1}, {'name': 'hidden', 'shape': [1]}]},
        'rate': 50.0,
        **changes,
    }
    return json.loads(json.dumps(made))


def asked(**changes):
    return Asked(read_scene(scene(**changes), 'the simulator'), {'environment': 'isaaclab', 'python': '/lab/python'})


@pytest.fixture
def run(tmp_path):
    return lab_run(tmp_path, env_text(TERMS, commands=COMMANDS), 3 + 3 + 4 + 4 + 3, 4)


def words(file):
    return ' '.join(file.read_text().replace('#', '').split())


def test_only_topics_are_left(run, tmp_path):
    left = init(run, tmp_path / 'robot.yaml', asked=asked())
    assert left and all(name.endswith('.topic') for name in left)
    check(fill(tmp_path / 'robot.yaml'))


def test_every_number_is_the_simulators(run, tmp_path):
    init(run, tmp_path / 'robot.yaml', asked=asked())
    written = parameters(tmp_path / 'robot.yaml')
    terms, arm = written['terms'], written['actions']['arm']
    assert terms['q']['joints'] == terms['norm']['joints'] == arm['joints'] == LEGS
    assert terms['q']['offset'] == arm['offset'] == DEFAULT and arm['scale'] == [0.5]
    # its soft limits, to -1 .. 1
    assert terms['norm']['offset'] == [-0.9, 0.0, -0.9, 0.0]
    assert terms['norm']['scale'] == pytest.approx([1 / 0.9] * 4)
    assert (arm['lower'], arm['upper']) == ([-2.0, -1.0, -2.0, -1.0], [0.2, 1.0, 0.2, 1.0])
    assert arm['max_velocity'] == [7.5] * 4 and written['control_rate'] == 50.0
    # sizes that two unknown terms share, of 3 numbers in all
    assert (terms['secret']['shape'], terms['hidden']['shape']) == ([2], [1])


def test_comments_say_what_comes_from_the_simulator(run, tmp_path):
    init(run, tmp_path / 'robot.yaml', asked=asked())
    text = words(tmp_path / 'robot.yaml')
    assert 'joints, offset from the simulator' in text
    assert 'max_velocity from the simulator' in text and 'counts here' not in text
    assert 'Hz, from the simulator' in text


def test_sources_are_said_to_be_parts_of_the_simulator(run, tmp_path):
    init(run, tmp_path / 'robot.yaml', asked=asked())
    assert parameters(tmp_path / 'robot.yaml')['sim'] == {
        'environment': 'isaaclab',
        'python': '/lab/python',
        'raw_state': True,
        'sensors': {
            'odometry': {'body': 'robot/trunk'},
            'command': {'command': 'speed'},
            'joints': {'articulation': 'robot'},
        },
    }


def test_no_body_is_stated_that_the_simulator_does_not_have(run, tmp_path):
    init(run, tmp_path / 'robot.yaml', asked=asked(bodies=['robot/foot'], commands={}))
    assert set(parameters(tmp_path / 'robot.yaml')['sim']['sensors']) == {'joints'}


@pytest.mark.parametrize(
    'changes, note',
    [
        (
            {'robot': {'default': [-0.8, 0.3, -0.8, 0.1]}},
            'q: offset is -0.8, 0.1, -0.8, 0.1 in env.yaml, -0.8, 0.3, -0.8, 0.1 in the simulator, which counts here',
        ),
        ({'action': {'scale': [0.25] * 4}}, 'arm: scale is 0.5 in env.yaml, 0.25 in the simulator, which counts here'),
        ({'rate': 25.0}, 'control_rate is 50 Hz in env.yaml, 25 Hz in the simulator, which counts here'),
    ],
)
def test_where_the_simulator_differs_from_the_file_it_is_told_and_counts(run, tmp_path, changes, note):
    init(run, tmp_path / 'robot.yaml', asked=asked(**changes))
    assert note in words(tmp_path / 'robot.yaml')
    written = parameters(tmp_path / 'robot.yaml')
    wanted = scene(**changes)
    assert written['terms']['q']['offset'] == pytest.approx(wanted['articulations']['robot']['default'])
    assert written['actions']['arm']['scale'] == wanted['actions'][0]['scale'][:1]
    assert written['control_rate'] == wanted['rate']


@pytest.mark.parametrize(
    'clip, expected',
    [
        # offset ± 0.5 · 3: a bound of the action itself
        ([[-2.3, 0.7], [-1.4, 1.6], [-2.3, 0.7], [-1.4, 1.6]], {'clip': 3.0, 'lower': [-2.0, -1.0, -2.0, -1.0]}),
        ([[-1.0, 0.0]] * 4, {'lower': [-1.0], 'upper': [0.0]}),
        (
            [[-1.0, None], [-1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]],
            {'lower': [-1.0], 'upper': [float('inf'), 0.0, 0.0, 0.0]},
        ),
    ],
)
def test_clip_of_the_simulator_becomes_bounds(run, tmp_path, clip, expected):
    init(run, tmp_path / 'robot.yaml', asked=asked(action={'clip': clip}))
    arm = parameters(tmp_path / 'robot.yaml')['actions']['arm']
    assert {name: arm[name] for name in expected} == expected
    assert 'counts here' not in words(tmp_path / 'robot.yaml'), 'a bound that env.yaml does not state is no other'


def test_joint_without_limits_stays_without(run, tmp_path):
    ends = {'hard_lower': [-2.0, None, -2.0, -1.0], 'hard_upper': [0.2, None, 0.2, 1.0], 'max_velocity': [None] * 4}
    left = init(run, tmp_path / 'robot.yaml', asked=asked(robot=ends))
    arm = parameters(tmp_path / 'robot.yaml')['actions']['arm']
    assert arm['continuous'] == ['hip_l'] and arm['lower'] == [-2.0, float('-inf'), -2.0, -1.0]
    assert 'actions.arm.max_velocity' in left, 'no velocity limit is known'


def test_law_of_the_simulator_stands_in_for_one_that_no_file_states(tmp_path):
    text = env_text(TERMS[2:3], actions="\n  arm: {class_type: 'mine.mdp:Act'}\n")
    left = init(lab_run(tmp_path, text, 4, 4), tmp_path / 'robot.yaml', asked=asked())
    arm = parameters(tmp_path / 'robot.yaml')['actions']['arm']
    assert (arm['kind'], arm['joints'], arm['offset']) == ('joint_position', LEGS, DEFAULT)
    assert all(name.endswith('.topic') for name in left)
    assert 'target = scale * action + offset, per joint; kind, joints, offset, scale from the sim' in words(
        tmp_path / 'robot.yaml'
    )


def test_law_that_is_no_scale_and_offset_stays_unknown(tmp_path):
    text = env_text(TERMS[2:3], actions="\n  arm: {class_type: 'mine.mdp:Act'}\n")
    other = {'actions': [{'name': 'arm', 'kind': 'other', 'size': 4}]}
    init(lab_run(tmp_path, text, 4, 4), tmp_path / 'robot.yaml', asked=asked(**other))
    assert parameters(tmp_path / 'robot.yaml')['actions']['arm']['kind'] == '???'


def test_run_without_a_layout_gets_the_actions_of_its_simulator(tmp_path):
    run = write_run(tmp_path / 'run', root={'params': yaml.safe_load(PLAIN)}, spaces={'observation': [5], 'action': 4})
    init(run, tmp_path / 'robot.yaml', asked=asked())
    written = parameters(tmp_path / 'robot.yaml')
    assert written['terms']['obs']['shape'] == [5] and written['control_rate'] == 50.0
    assert written['actions']['arm']['joints'] == LEGS and written['actions']['arm']['kind'] == 'joint_position'


PLAIN = """
{seed: 1, algo: {name: a2c_continuous}, model: {name: continuous_a2c_logstd}, config: {name: Run},
 network: {name: actor_critic, separate: false, mlp: {units: [8], activation: elu, initializer: {name: default}},
   space: {continuous: {mu_activation: None, sigma_activation: None, mu_init: {name: default}, fixed_sigma: true,
     sigma_init: {name: const_initializer, val: 0}}}}}
"""


def test_joints_of_the_user_and_of_the_simulator_are_one_too_many(run, tmp_path):
    with pytest.raises(ConfigurationError, match='--joints: --ask takes the joints from the simulator'):
        init(run, tmp_path / 'robot.yaml', joints=RobotJoints(tuple(LEGS), '--joints'), asked=asked())


@pytest.mark.parametrize(
    'part, why',
    [
        ({'articulations': {'robot': {'joints': LEGS, 'default': [0.0]}}}, 'default has 1 numbers; expected one for'),
        ({'actions': [{'kind': 'joint_position'}]}, 'is not understood: KeyError'),
    ],
)
def test_scene_of_another_form_is_refused(part, why):
    with pytest.raises(ConfigurationError, match=f'the simulator: .*{why}'):
        read_scene({**scene(), **part}, 'the simulator')


# asking


def test_simulator_that_the_run_does_not_name_has_to_be_named(tmp_path):
    run = write_run(tmp_path / 'run', root={'params': yaml.safe_load(PLAIN)}, spaces={'observation': [5], 'action': 4})
    with pytest.raises(ConfigurationError, match='names no simulator; --simulator gymnasium --id'):
        ask(str(run))


def test_environment_without_a_scene_says_so_and_the_time_is_shown(tmp_path):
    run = write_run(tmp_path / 'run', root={'params': yaml.safe_load(PLAIN)}, spaces={'observation': [5], 'action': 4})
    out = io.StringIO()
    with pytest.raises(ConfigurationError, match="'sim.worlds:World' ran and does not describe its scene"):
        ask(str(run), simulator='sim.worlds:World', out=out)
    assert out.getvalue().startswith('starting sim.worlds:World …\n') and 'ended after 0.' in out.getvalue()


def test_command_asks_the_environment_that_the_user_names(tmp_path, capsys):
    run = write_run(tmp_path / 'run', root={'params': yaml.safe_load(PLAIN)}, spaces={'observation': [5], 'action': 3})
    options = ['--ask', '--simulator', 'sim.worlds:Seen', '--set', 'sim.seed=7', '-o', str(tmp_path / 'robot.yaml')]
    assert main(['init', str(run), *options]) == 0
    written = parameters(tmp_path / 'robot.yaml')
    assert written['sim']['environment'] == 'sim.worlds:Seen' and written['sim']['seed'] == 7
    assert 'starting sim.worlds:Seen' in capsys.readouterr().err


def test_settings_are_of_the_simulator(run):
    with pytest.raises(ConfigurationError, match="--set 'control_rate=5'; expected sim.name=value"):
        ask(str(run), settings=['control_rate=5'])
