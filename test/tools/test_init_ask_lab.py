# SPDX-License-Identifier: Apache-2.0
"""Ask Isaac Lab itself: the draft leaves topics alone, and agrees with what the run's files say."""

import os
import re

import pytest
from sim.isaaclab_runs import ASSETS, lab_python, RUNS
from tools.runs import fill, parameters

from rl_policy_node.policy.run.yaml_file import read_yaml
from rl_policy_node.tools.check import check
from rl_policy_node.tools.main import main

TASKS = RUNS.parent / 'isaaclab_legged'


def asked(run, file, *options):
    """Draft a file by `rl_policy init --ask`; return its parameters."""
    variables = f'[ISAACSIM_ASSET_ROOT={ASSETS}, HOME={os.path.expanduser("~")}]'
    settings = (
        'sim.device=cpu',
        'sim.start_timeout=900.0',
        'sim.step_timeout=60.0',
        f'sim.python_variables={variables}',
        *options,
    )
    flags = [each for setting in settings for each in ('--set', setting)]
    assert main(['init', str(RUNS / run), '-o', str(file), '--ask', '--python', lab_python(), *flags]) == 0
    return parameters(file)


@pytest.mark.lab
def test_legged_robot_is_drafted_as_its_simulator_has_it(tmp_path, capsys):
    file = tmp_path / 'robot.yaml'
    written = asked('legged', file, 'sim.id=legged_velocity:Legged-Velocity-v0', f'sim.python_path=["{TASKS}"]')
    out, err = capsys.readouterr()
    assert all(line.endswith('.topic') for line in out.splitlines()[1:-1]) and 'starting Isaac Lab' in err
    env = read_yaml(RUNS / 'legged' / 'params' / 'env.yaml', 'environment')
    joints, legs = written['terms']['joint_pos']['joints'], written['actions']['joint_pos']
    assert joints == written['terms']['joint_vel']['joints'] == legs['joints'] and len(joints) == 12
    patterns = env['scene']['robot']['init_state']['joint_pos']
    default = [next(value for each, value in patterns.items() if re.fullmatch(each, name)) for name in joints]
    assert written['terms']['joint_pos']['offset'] == legs['offset'] == pytest.approx(default)
    assert legs['scale'] == [env['actions']['joint_pos']['scale']]
    assert written['control_rate'] == pytest.approx(1.0 / (env['sim']['dt'] * env['decimation']))
    assert all(low < angle < high for low, angle, high in zip(legs['lower'], default, legs['upper']))
    assert written['sim']['sensors'] == {
        'odometry': {'body': 'robot/base'},
        'imu': {'body': 'robot/base'},
        'command': {'command': 'base_velocity'},
        'joints': {'articulation': 'robot'},
    }
    assert 'counts here' not in file.read_text(), 'the run and its simulator agree'
    check(fill(file))


@pytest.mark.lab
def test_cart_is_drafted_with_the_limit_of_its_drive(tmp_path):
    written = asked('cartpole_direct', tmp_path / 'robot.yaml')
    assert written['actions']['cart']['joints'] == ['slider_to_cart']
    assert written['actions']['cart']['max_effort'] == [400.0]
    assert written['sim']['sensors'] == {'joints': {'articulation': 'cartpole'}}
    check(fill(tmp_path / 'robot.yaml'))
