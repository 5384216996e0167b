# SPDX-License-Identifier: Apache-2.0
"""The doctor's rules on what was heard: each fault is named alone, and nothing is said of a healthy robot."""

from collections import Counter
import math

import numpy as np
import pytest
from sensor_msgs.msg import Imu
from tools.doctor_bench import resting_run, Silent
from tools.doctor_robot import REST

from rl_policy_node.nodes.doctor.exercise import Exercise
from rl_policy_node.nodes.doctor.jog import JogPolicy, JogSpec, way
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, of_a_fleet
from rl_policy_node.tools.doctor.file_lines import FileLines
from rl_policy_node.tools.doctor.imu_rules import imu_rules
from rl_policy_node.tools.doctor.joint_rules import joint_reports, joint_rules
from rl_policy_node.tools.doctor.rest_rules import rest_rules
from rl_policy_node.tools.doctor.term_rules import term_rules
from rl_policy_node.tools.doctor.topic_rules import topic_rules


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return resting_run(tmp_path_factory.mktemp('run'))


@pytest.fixture
def silent(run):
    return Silent(run)


def found(rules, silent):
    """Return check → about of what a rule says."""
    return {each.check: each.about.split(' ')[0] for each in rules(silent.heard)}


def samples(silent, term):
    return np.stack(silent.watched.samples[term])


def test_a_healthy_robot_has_no_verdict(silent):
    for rules in (topic_rules, term_rules, rest_rules, imu_rules):
        assert found(rules, silent) == {}


def test_uneven_messages(silent):
    gaps = np.where(np.arange(199) % 5 == 0, 0.06, 0.004)
    silent.joints.received = np.concatenate([[0.0], np.cumsum(gaps)])
    assert found(topic_rules, silent) == {'jitter': 'sources.joints'}


def test_a_gap_longer_than_max_age(silent):
    silent.imu.received = np.arange(200) * 0.01 + np.where(np.arange(200) > 100, 2.5, 0.0)
    assert found(topic_rules, silent) == {'gap': 'sources.imu'}


def test_the_file_may_say_that_a_goal_comes_seldom(run):
    silent = Silent(run, **{'sources.imu.stale': 'hold', 'sources.imu.max_age': 60.0})
    silent.imu.received = np.arange(200) * 0.5
    assert found(topic_rules, silent) == {'rate': 'sources.imu'}, 'but an IMU is no goal'


def test_repeated_stamps(silent):
    silent.joints.stamps = [1 + 10**7 * (place // 2) for place in range(200)]
    assert found(topic_rules, silent) == {'stamp': 'sources.joints'}


@pytest.mark.parametrize('age, level', [(1.2, 'warning'), (-0.05, 'warning'), (3.0, 'fault')])
def test_ages_by_the_stamps(silent, age, level):
    silent.joints.ages = [age] * 200
    assert [(each.check, each.level) for each in topic_rules(silent.heard)] == [('age', level)]


def test_two_frames_on_a_topic(silent):
    silent.imu.frames = Counter({'base': 100, 'imu_link': 100})
    assert found(topic_rules, silent) == {'frame': 'sources.imu'}


def test_some_refused_messages(silent):
    silent.joints.refused, silent.joints.fault = 50, 'position is not finite'
    assert found(topic_rules, silent) == {'refused': 'sources.joints'}


def test_a_value_that_training_never_showed(silent):
    silent.watched.samples['velocity'] = list(samples(silent, 'velocity') + np.float32([0, 4.0, 0]))
    (verdict,) = term_rules(silent.heard)
    assert verdict.check == 'outside' and "'elbow' is 4, 8.0 standard deviations" in verdict.seen


def test_a_coarse_velocity(silent):
    silent.watched.samples['velocity'] = list(np.round(samples(silent, 'velocity') * 500) * np.float32(0.2))
    assert found(term_rules, silent) == {'quantised': 'terms.velocity'}


def test_a_joint_that_never_changes(silent):
    values = samples(silent, 'position')
    values[..., 2] = 0.1
    silent.watched.samples['position'] = list(values)
    (verdict,) = term_rules(silent.heard)
    assert verdict.check == 'frozen' and verdict.seen.startswith("'wrist' never changes")


def test_an_orientation_may_stand_still_while_the_gyroscope_moves(silent):
    silent.watched.samples['gravity'] = [np.float32([[0.0, 0.0, -1.0]])] * 100
    assert found(term_rules, silent) == {}


def test_degrees_without_statistics_of_training(silent):
    silent.heard.moments = {}
    silent.watched.samples['position'] = list(samples(silent, 'position') + np.float32([17.0, -11.0, 28.0]))
    assert found(term_rules, silent) == {'units': 'terms.position'}


def test_targets_that_jump_to_and_fro(silent):
    silent.wish(np.array(REST) + np.where(np.arange(100) % 2, 0.1, -0.1)[:, None])
    assert found(rest_rules, silent) == {'chatter': 'actions.arm'}


def test_targets_beyond_the_limits(silent):
    silent.wish(np.tile([1.2, -0.2, 0.5], (100, 1)))
    assert found(rest_rules, silent) == {'pull': 'actions.arm', 'limits': 'actions.arm'}


def imu(silent, acceleration, orientation=(0.0, 0.0, 0.0, 1.0)):
    message = Imu()
    turn, pull = message.orientation, message.linear_acceleration
    turn.x, turn.y, turn.z, turn.w = orientation
    pull.x, pull.y, pull.z = acceleration
    silent.imu.last = message
    return found(imu_rules, silent)


def test_gravity_of_an_imu(silent):
    assert imu(silent, (0.0, 0.0, 9.8)) == {}
    assert imu(silent, (0.0, 0.0, 0.0)) == {}, 'it may be left out'
    assert imu(silent, (0.0, 0.0, 1.0)) == {'gravity': 'sources.imu'}
    assert imu(silent, (0.0, 9.8, 0.0)) == {'frame': 'sources.imu'}
    assert imu(silent, (0.0, 0.0, 9.8), (1.0, 0.0, 0.0, 0.0)) == {'frame': 'sources.imu'}, 'w came first'


def exercise(moved, asked=math.nan):
    made = Exercise('elbow', 'joints', 0, asked=asked)
    for share in np.linspace(0.0, 1.0, 20):
        made.note(share, {name: REST[place] + share * way for place, (name, way) in enumerate(moved.items())})
    return made


@pytest.mark.parametrize(
    'moved, asked, check',
    [
        ((0.0, 0.3, 0.0), math.nan, None),
        ((0.0, -0.3, 0.0), math.nan, 'sign'),
        ((0.3, 0.0, 0.0), math.nan, 'swapped'),
        ((0.0, 0.3, 0.25), math.nan, 'together'),
        ((0.0, 0.05, 0.0), math.nan, 'not_moved'),
        ((0.0, 1.3, 0.0), math.nan, 'limits'),
        ((0.0, 0.1, 0.0), 0.1, None),
        ((0.0, -0.1, 0.0), 0.1, 'sign'),
        ((0.0, 5.73, 0.0), 0.1, 'units'),
        ((0.0, 0.01, 0.0), 0.1, 'not_moved'),
    ],
)
def test_joints_that_moved(silent, moved, asked, check):
    moves = dict(zip(['shoulder', 'elbow', 'wrist'], moved))
    reports = joint_reports([exercise(moves, asked)], silent.heard.control)
    assert {each.check for each in joint_rules(reports)} - ({'limits'} if check == 'units' else set()) == {check} - {
        None
    }


def test_a_term_that_turns_the_sign_is_named(run):
    silent = Silent(run, **{'terms.position.scale': [1.0, -1.0, 1.0]})
    reports = joint_reports([exercise({'shoulder': 0.0, 'elbow': 0.3, 'wrist': 0.0})], silent.heard.control)
    (verdict,) = joint_rules(reports)
    assert verdict.check == 'sign' and 'it saw -0.3' in verdict.seen


def test_a_jog_goes_out_and_back_no_faster_than_asked():
    policy = JogPolicy(2, 0.01, JogSpec(distance=0.1, speed=0.2))
    seconds = policy.move(1, -0.1)
    way = np.array([policy.act(np.zeros((1, 2), np.float32))[0] for _ in range(round(seconds / 0.01) + 5)])
    assert not way[:, 0].any() and way[-1, 1] == 0.0 and np.isclose(way[:, 1].min(), -0.1, atol=1e-3)
    assert np.abs(np.diff(way[:, 1])).max() <= 0.2 * 0.01 * 1.001


@pytest.mark.parametrize('position, expected', [(0.0, 0.1), (0.95, -0.1), (-0.99, 0.1)])
def test_a_jog_goes_where_there_is_room(silent, position, expected):
    assert way(silent.heard.control.actions[0], 'elbow', position, 0.1) == pytest.approx(expected)


def test_robots_with_the_same_trouble_share_a_verdict():
    def late(robot, parameter='sources.imu.max_age'):
        return Diagnosis('fault', 'age', f'sources.imu ({robot}/imu)', 'old', 'young', 'set the clock', parameter)

    first, other = of_a_fleet([late('a'), late('b'), late('c'), late('a', 'sources.joints.max_age')])
    assert first.about == 'sources.imu (a/imu) and 2 more like it' and other.about == 'sources.imu (a/imu)'


def test_lines_of_a_file(tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text(
        '/**:\n  ros__parameters:\n    sources:\n      imu: {topic: imu,\n            type: x}\n    rate: 1\n'
    )
    lines = FileLines(file)
    assert lines.place('sources.imu.type') == 'robot.yaml:5'
    assert lines.place('sources.imu.max_age') == 'robot.yaml:4', 'the nearest that there is'
    assert lines.place('rate') == 'robot.yaml:6' and lines.place('actions.arm') == ''
