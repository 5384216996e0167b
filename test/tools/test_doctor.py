# SPDX-License-Identifier: Apache-2.0
"""`rl_policy doctor` on a robot with planted faults, over real topics: each is named, and a healthy robot has none."""

import threading

import numpy as np
import pytest
from tools.doctor_bench import checks, resting_run, RobotProcess, visit, written
from tools.doctor_robot import ON_ITS_SIDE, REST

from rl_policy_node.tools.doctor import doctor
from rl_policy_node.tools.process.processes import private_domain

private_domain(chosen=False)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return resting_run(tmp_path_factory.mktemp('run'))


@pytest.fixture(scope='module')
def robot():
    made = RobotProcess()
    yield made
    made.close()


@pytest.mark.slow
def test_a_healthy_robot_has_no_verdict(robot, run, tmp_path, capsys):
    robot.ask({'enabled': False})
    code, content = visit(written(tmp_path, run), capsys)
    assert (code, content['verdicts']) == (0, []), content
    assert content['healthy'] and not content['notes']
    assert {topic['source'] for topic in content['topics']} == {'joints', 'imu'}
    assert robot.commands() == [], 'nothing is sent'


@pytest.mark.slow
@pytest.mark.parametrize(
    'fault, changes, found',
    [
        ({'rate': 20.0}, {}, {('rate', 'sources.joints'), ('rate', 'sources.imu')}),
        ({'delay': 3600.0}, {}, {('age', 'sources.joints'), ('age', 'sources.imu')}),
        ({'delay': -3600.0}, {}, {('age', 'sources.joints'), ('age', 'sources.imu')}),
        ({'second': True}, {}, {('two_publishers', 'sources.joints')}),
        ({'frozen': True}, {}, {('frozen', 'sources.joints')}),
        ({'units': 180.0 / 3.14159265}, {}, {('units', 'terms.position')}),
        ({'orientation': ON_ITS_SIDE}, {}, {('gravity', 'terms.gravity'), ('frame', 'sources.imu')}),
        ({'imu': False}, {}, {('no_message', 'sources.imu')}),
        ({'joints': False}, {}, {('no_publisher', 'sources.joints')}),
        ({'type': 'Float64MultiArray'}, {}, {('type', 'sources.joints')}),
        ({'names': ['shoulder', 'ellbow', 'wrist']}, {}, {('names', 'sources.joints')}),
        ({'listens': False}, {}, {('listener', 'actions.arm')}),
        ({'intruder': True}, {}, {('commander', 'actions.arm')}),
        ({'pose': [1.1, -0.2, 0.5]}, {}, {('limits', 'actions.arm')}),
        (
            {'reliability': 'BEST_EFFORT'},
            {'qos_overrides./joint_states.subscription.reliability': 'reliable'},
            {('quality_of_service', 'sources.joints')},
        ),
        ({}, {'sources.imu.frame_id': 'imu_link'}, {('refused', 'sources.imu')}),
        ({}, {'sources.imu.topic': 'imu/data'}, {('no_publisher', 'sources.imu')}),
        ({}, {'use_sim_time': True}, {('time', '/clock')}),
        ({}, {'enable.topic': 'deadman'}, {('enable', 'enable.topic')}),
        ({}, {'robot_state.topic': 'state'}, {('robot_state', 'robot_state.topic')}),
        ({}, {'terms.gravity.clip': 0.5}, {('saturated', 'terms.gravity')}),
    ],
)
def test_a_planted_fault_is_named(robot, run, tmp_path, capsys, fault, changes, found):
    robot.ask({'enabled': False, **fault})
    code, content = visit(written(tmp_path, run, changes), capsys)
    assert code == 1 and found <= checks(content), content
    assert all(each['seen'] and each['expected'] and each['remedy'] for each in content['verdicts'])
    assert robot.commands() == [], 'nothing is sent'


def test_a_policy_that_pulls_at_rest_is_named(robot, tmp_path, capsys):
    robot.ask({'enabled': False})
    run = resting_run(tmp_path, pull=0.45)
    code, content = visit(written(tmp_path, run), capsys)
    assert (code, checks(content)) == (1, {('pull', 'actions.arm')})
    (verdict,) = content['verdicts']
    assert 'to move by +0.4' in verdict['seen'] and verdict['place'].startswith('robot.yaml:')
    assert visit(written(tmp_path, run), capsys, '--at-rest', '0.6')[0] == 0, 'where it shall move'


@pytest.fixture
def hand(robot, monkeypatch):
    """A person who moves the joint that the doctor asks for, and keeps what it says."""
    said = []

    def say(text):
        said.append(text)
        if text.startswith("move '"):
            joint = text.split("'")[1]
            threading.Thread(target=robot.ask, args=[{'move': [joint, 0.4]}]).start()

    monkeypatch.setattr(doctor, '_say', say)
    return said


@pytest.mark.slow
@pytest.mark.parametrize(
    'fault, found',
    [
        ({}, set()),
        ({'signs': [1.0, -1.0, 1.0], 'pose': [0.3, 0.0, 0.5]}, {('sign', "joint 'elbow', moved by hand")}),
        (
            {'names': ['elbow', 'shoulder', 'wrist']},
            {('swapped', "joint 'shoulder', moved by hand"), ('swapped', "joint 'elbow', moved by hand")},
        ),
    ],
    ids=['healthy', 'sign', 'swapped'],
)
def test_joints_are_moved_by_hand(robot, run, tmp_path, capsys, hand, fault, found):
    robot.ask({'enabled': False, **fault})
    _, content = visit(written(tmp_path, run), capsys, '--joints', '--each', '1.5')
    about = {(each['check'], each['about']) for each in content['verdicts'] if each['about'].startswith('joint')}
    assert about == found, content
    assert [joint['joint'] for joint in content['joints']] == ['shoulder', 'elbow', 'wrist']
    assert robot.commands() == [], 'nothing is sent'


def jog(robot, run, folder, capsys, changes=()):
    """Return the content of a visit with a jog, and the commands of the robot."""
    file = written(folder, run, dict(changes))
    _, content = visit(file, capsys, '--jog', '--distance', '0.1', '--speed', '0.2')
    return content, robot.commands()


@pytest.mark.slow
def test_a_jog_moves_each_joint_out_and_back(robot, run, tmp_path, capsys):
    robot.ask({'enabled': True})
    content, commands = jog(robot, run, tmp_path, capsys)
    assert content['verdicts'] == [], content
    assert [joint['joint'] for joint in content['joints']] == ['shoulder', 'elbow', 'wrist']
    way = np.array([command for _, command in commands])
    assert np.allclose(way[0], REST, atol=0.01) and np.allclose(way[-1], REST, atol=0.01), 'it comes back'
    assert np.allclose(np.ptp(way, axis=0), 0.1, atol=0.01)
    # 50 Hz, 0.2 rad/s: each command is at most a period, or after a late one two, from the one before
    assert np.abs(np.diff(way, axis=0)).max() < 2 * 0.2 / 50 + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    'fault, found',
    [
        ({'pose': [0.0, 0.0, 0.0], 'signs': [1.0, -1.0, 1.0]}, {('sign', "joint 'elbow', jogged by +0.1")}),
        (
            {'pose': [0.0, 0.0, 0.0], 'names': ['elbow', 'shoulder', 'wrist']},
            {('swapped', "joint 'elbow', jogged by +0.1")},
        ),
        ({'follows': False}, {('not_moved', "joint 'wrist', jogged by +0.1")}),
    ],
    ids=['sign', 'swapped', 'obeys nothing'],
)
def test_a_jog_names_what_is_wrong_with_a_joint(robot, run, tmp_path, capsys, fault, found):
    robot.ask({'enabled': True, **fault})
    content, commands = jog(robot, run, tmp_path, capsys)
    assert found <= {(each['check'], each['about']) for each in content['verdicts']}, content
    assert commands


def test_a_robot_that_does_not_stay_where_it_is_measured_is_not_jogged(robot, run, tmp_path, capsys):
    """To hold what is measured moves it: the driver has swapped two joints."""
    robot.ask({'enabled': True, 'names': ['elbow', 'shoulder', 'wrist']})
    content, commands = jog(robot, run, tmp_path, capsys)
    (verdict,) = [each for each in content['verdicts'] if each['check'] == 'hold']
    assert verdict['about'] in ("joint 'shoulder', held", "joint 'elbow', held")
    assert len(content['joints']) == 1, 'no joint is moved'
    assert len({tuple(command) for _, command in commands}) <= 2, 'and what it was told stays'
