# SPDX-License-Identifier: Apache-2.0
"""One step without DDS: what goes out when, for which row."""

import threading
import time

from nodes.harness import JOINTS
from nodes.stepper_bench import Bench, MEASURED
import numpy as np
import pytest
from sensor_msgs.msg import JointState

from rl_policy_node.control.source_buffer import OutOfOrder
from rl_policy_node.core import ControlLoop, Watch
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.policy import Policy


@pytest.fixture
def bench(run):
    bench = Bench(run)
    bench.feed()
    bench.start()
    return bench


def test_rows_that_see_the_same_get_the_same(bench):
    bench.step()
    assert np.array_equal(bench.sent[-1][0][0], bench.sent[-1][1][0])
    assert not np.array_equal(bench.sent[-1][0][0], MEASURED)


def test_a_stale_row_holds_and_does_not_change_the_other_by_a_bit(run, bench):
    whole = Bench(run)
    whole.feed()
    whole.start()
    bench.step()
    whole.step()
    last = bench.sent[-1][1][0]
    bench.time += 0.25
    bench.feed(rows=[0])
    whole.feed()
    bench.step()
    whole.step()
    assert np.array_equal(bench.sent[-1][0][0], whole.sent[-1][0][0])
    assert np.array_equal(bench.sent[-1][1][0], last)
    assert any("robot 'right'" in line and 'joints' in line for line in bench.log.lines)


def test_a_row_that_comes_back_begins_with_a_cleared_state(bench):
    bench.step()
    first = bench.sent[-1][1][0]
    bench.step()
    bench.time += 0.25
    bench.feed(rows=[0])
    bench.step()
    bench.feed()
    bench.step()
    assert np.array_equal(bench.sent[-1][1][0], first)
    assert not np.array_equal(bench.sent[-1][0][0], first)


def test_watch_holds_rows_that_went_stale_and_sends_nothing_else(bench):
    bench.step()
    count = len(bench.sent)
    bench.look()
    assert len(bench.sent) == count, 'nothing is stale'
    last = bench.sent[-1][1][0]
    bench.time += 0.25
    bench.feed(rows=[0])
    bench.look()
    assert list(bench.sent[-1]) == [1] and np.array_equal(bench.sent[-1][1][0], last)


class Blind(Policy):
    """Gives an action that is not finite for the second row."""

    def act(self, observations, hold=None):
        actions = super().act(observations, hold).copy()
        actions[1] = np.nan
        return actions


def test_an_action_that_is_not_finite_is_never_sent(run):
    bench = Bench(run, Blind)
    bench.feed()
    bench.start()
    bench.step()
    assert np.array_equal(bench.sent[-1][1][0], MEASURED)
    assert not np.array_equal(bench.sent[-1][0][0], MEASURED)
    assert any('not finite' in line for line in bench.log.lines)


class Slow(Policy):
    """Takes longer than a source may be old."""

    def act(self, observations, hold=None):
        time.sleep(0.5)
        return super().act(observations, hold)


def test_a_step_that_hangs_brings_the_fallback_and_its_result_is_dropped(run):
    bench = Bench(run, Slow, steady=time.monotonic)
    bench.feed()
    bench.start()
    loop = ControlLoop(bench.cycle, bench.trigger, lambda: None, bench.log.error)
    watch = Watch(loop, bench.cycle, bench.trigger, 0.2, lambda why: None, bench.log)
    thread = threading.Thread(target=bench.step)
    thread.start()
    time.sleep(0.1)
    watch.look(time.monotonic())
    assert not bench.sent, 'not yet'
    time.sleep(0.2)
    watch.look(time.monotonic())
    assert any('the step takes longer than 0.2 s' in line for line in bench.log.lines)
    thread.join()
    assert len(bench.sent) == 1
    assert all(np.array_equal(position, MEASURED) for position, _ in bench.sent[0].values())


def test_nothing_follows_the_fallback_of_a_stop(bench):
    bench.step()
    bench.cycle.stop()
    assert all(np.array_equal(position, MEASURED) for position, _ in bench.sent[-1].values())
    count = len(bench.sent)
    bench.step()
    bench.look()
    assert len(bench.sent) == count


def test_commands_carry_the_stamp_of_the_observation_and_fallbacks_the_time(bench):
    bench.now = 2 * 10**9
    bench.feed(stamp=bench.now - 10**7)
    bench.step()
    assert bench.sent[-1][0][1] == bench.now - 10**7
    bench.time += 0.25
    bench.look()
    assert bench.sent[-1][0][1] == bench.now


def test_an_old_stamp_is_stale_however_new_the_message(bench):
    bench.now = 2 * 10**9
    bench.feed(stamp=bench.now - 3 * 10**8)
    bench.step()
    assert np.array_equal(bench.sent[-1][0][0], MEASURED)
    assert any('stamped 0.300 s ago' in line for line in bench.log.lines)


def test_a_new_episode_resets_its_row_alone_once_its_observations_are_there(run):
    bench = Bench(run, episode_topic='episode')
    bench.now = 2 * 10**9
    bench.feed(stamp=bench.now)
    bench.start()
    bench.step()
    first = bench.sent[-1][1][0]
    bench.inbox.begin_episodes(slice(1, 2), np.array([bench.now + 10**7]))  # its observations still to come
    bench.step()
    assert np.array_equal(bench.sent[-1][1][0], first), 'the last command goes on'
    bench.feed(stamp=bench.now + 10**7)
    bench.step()
    assert np.array_equal(bench.sent[-1][1][0], first), 'a cleared state acts as at first'
    assert not np.array_equal(bench.sent[-1][0][0], first)


def test_a_lockstep_set_is_complete_only_with_every_row_and_its_episode(run):
    bench = Bench(run, trigger='lockstep', episode_topic='episode')
    ready = bench.ready
    bench.feed(rows=[0])
    bench.inbox.episode_fresh[:] = True
    assert not ready()
    bench.feed(rows=[1])
    assert ready()
    bench.inbox.episode_fresh[1] = False
    assert not ready()


def test_a_refused_message_holds_its_row_at_the_next_look_and_a_late_one_does_not(bench):
    bench.now = 2 * 10**9
    bench.feed(stamp=bench.now)
    bench.step()
    wrench = bench.sources['wrench'].buffer
    with pytest.raises(ValueError, match='out of order'):
        bench.feed(rows=[1], stamp=bench.now - 1)
    wrench.reject(slice(1, 2), OutOfOrder('late'))
    bench.step()
    assert not np.array_equal(bench.sent[-1][1][0], MEASURED)
    wrench.reject(slice(1, 2), ValueError('force is not finite'))
    bench.look()
    assert list(bench.sent[-1]) == [1] and np.array_equal(bench.sent[-1][1][0], MEASURED)
    assert any("'wrench'" in line and 'force is not finite' in line for line in bench.log.lines)
    bench.feed(stamp=bench.now)
    bench.step()
    assert not np.array_equal(bench.sent[-1][1][0], MEASURED)


def test_a_robot_without_a_tare_holds_until_it_has_one(run):
    tare = {'source': 'wrench', 'field': 'force', 'difference_to_tare': True, 'tare_frames': 3}
    bench = Bench(run, **{'terms.force': tare})
    bench.feed()
    bench.start()
    for frame in range(3):
        bench.step()
        held = [np.array_equal(bench.sent[-1][row][0], MEASURED) for row in range(2)]
        assert held == [frame < 2] * 2, bench.rows.reasons
        bench.time += 0.02
        bench.feed()
    assert any("term 'force': its tare has 1 of 3 frames" in line for line in bench.log.lines)
    bench.inbox.request_tare(slice(1, 2))
    bench.step()
    assert bench.rows.healthy.tolist() == [True, False]


def test_a_source_whose_messages_count_once_lets_a_robot_act_once(run):
    bench = Bench(run, **{'sources.wrench.alignment': 'drop'})
    bench.feed()
    bench.start()
    bench.step()
    first = bench.sent[-1][0][0]
    bench.step()
    assert np.array_equal(bench.sent[-1][0][0], first) and bench.rows.healthy.all()
    bench.feed(rows=[0])
    bench.step()
    assert not np.array_equal(bench.sent[-1][0][0], first) and np.array_equal(bench.sent[-1][1][0], first)


def test_aligned_sources_are_no_newer_than_their_reference(run):
    bench = Bench(
        run, **{'sources.joints.alignment': 'asof', 'alignment_reference': 'wrench', 'trigger': 'observation'}
    )
    bench.now = 10**9
    bench.feed(stamp=10**9)
    joints = JointState(name=JOINTS, position=[0.0, 0.0, 0.0], velocity=[0.0] * 3)
    joints.header.stamp.sec, joints.header.stamp.nanosec = 1, 10_000_000
    bench.take('joints', 0, joints)
    bench.start()
    bench.step()
    taken = bench.keeper.frames[-1].sources['joints']
    assert taken.values['position'][0].tolist() == MEASURED.tolist() and taken.stamps[0] == 10**9


def not_a_number_for_the_first(values, context):
    """A user's term that fails for one robot."""
    result = np.zeros((len(context.acting), 3), np.float32)
    result[0] = np.nan
    return result


def test_a_term_that_fails_for_one_robot_stops_that_robot_alone(run):
    term = {
        'kind': 'function',
        'function': 'nodes.test_stepper:not_a_number_for_the_first',
        'fields': ['wrench.force'],
        'shape': [3],
    }
    bench = Bench(run, **{'terms.force': term})
    bench.feed()
    bench.start()
    bench.step()
    assert bench.rows.healthy.tolist() == [False, True]
    assert np.array_equal(bench.sent[-1][0][0], MEASURED) and not np.array_equal(bench.sent[-1][1][0], MEASURED)
    assert bench.rows.reasons == {0: 'what the policy would see is not finite'}


def test_joints_may_bear_the_name_of_their_robot(run):
    joints = [f'{{robot}}_{joint}' for joint in JOINTS]
    named = {f'terms.{term}.joints': joints for term in ('position', 'velocity')}
    bench = Bench(run, **named, **{'actions.arm.joints': joints, 'actions.arm.type': 'sensor_msgs/msg/JointState'})
    for row, robot in enumerate(('left', 'right')):
        order = [2, 0, 1]
        message = JointState(
            name=[f'{robot}_{JOINTS[joint]}' for joint in order],
            position=[float(joint) for joint in order],
            velocity=[0.0] * 3,
        )
        bench.take('joints', row, message)
        assert bench.sources['joints'].buffer.values['position'][row].tolist() == [0.0, 1.0, 2.0]
    sink = Sink(bench.control.actions[0], bench.control)
    ((_, message),) = sink.messages({'position': np.zeros((2, 3))}, np.zeros(2, np.int64), np.array([False, True]))
    assert list(message.name) == [f'right_{joint}' for joint in JOINTS]
