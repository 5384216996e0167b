# SPDX-License-Identifier: Apache-2.0
"""Sixteen robots on one policy: what happens to one of them does not change the others by a bit."""

from geometry_msgs.msg import WrenchStamped
from nodes.harness import JOINTS
from nodes.stepper_bench import Bench
import numpy as np
import pytest
from sensor_msgs.msg import JointState

ROBOTS, STEPS, ODD = 16, 30, 7


class Fleet(Bench):
    """A stepper for sixteen robots whose sensors measure something else in every step."""

    def __init__(self, run):
        super().__init__(run, robots=[f'robot_{row}' for row in range(ROBOTS)])

    def speak(self, step, rows):
        """Let robots measure; the numbers depend on robot and step alone."""
        for row in rows:
            numbers = np.random.default_rng([step, row]).uniform(-1.0, 1.0, 9)
            joints = JointState(name=JOINTS, position=numbers[:3].tolist(), velocity=numbers[3:6].tolist())
            wrench = WrenchStamped()
            wrench.wrench.force.x, wrench.wrench.force.y, wrench.wrench.force.z = numbers[6:].tolist()
            for name, message in (('joints', joints), ('wrench', wrench)):
                message.header.stamp.sec, message.header.stamp.nanosec = divmod(self.now, 10**9)
                self.take(name, row, message)


def quiet(fleet, step, others):
    """Measures and acts like the rest."""
    fleet.speak(step, [ODD])


def silent(fleet, step, others):
    """Falls silent for good."""
    if step < 5:
        fleet.speak(step, [ODD])


def restarted(fleet, step, others):
    """Falls silent, and comes back with another past."""
    if not 5 <= step < 20:
        fleet.speak(step, [ODD])


def flooding(fleet, step, others):
    """Sends fifty messages where the rest sends one."""
    for extra in range(50):
        fleet.speak(step * 50 + extra, [ODD])


def raving(fleet, step, others):
    """Sends what is no number, or names no joint of its."""
    fleet.speak(step, [ODD])
    bad = JointState(name=JOINTS, position=[np.nan] * 3, velocity=[0.0] * 3)
    for message in (bad, JointState(name=['x'], position=[0.0], velocity=[0.0])):
        try:
            fleet.take('joints', ODD, message)
        except ValueError as error:
            fleet.inbox.refuse('joints', slice(ODD, ODD + 1), error)


def reset_in_between(fleet, step, others):
    """Has its episodes ended again and again."""
    fleet.speak(step, [ODD])
    if step % 4 == 0:
        fleet.inbox.request_reset(slice(ODD, ODD + 1))


def play(run, behaviour):
    """Return the commands (steps, robots, joints) that went out while one robot behaved so."""
    fleet = Fleet(run)
    others = [row for row in range(ROBOTS) if row != ODD]
    fleet.speak(0, range(ROBOTS))
    fleet.start()
    sent = np.full((STEPS, ROBOTS, len(JOINTS)), np.nan)
    for step in range(STEPS):
        fleet.time += 0.05
        fleet.now += 50_000_000
        fleet.speak(step, others)
        behaviour(fleet, step, others)
        fleet.step()
        for row, (command, _) in fleet.sent[-1].items():
            sent[step, row] = command
    return np.delete(sent, ODD, axis=1), sent[:, ODD]


@pytest.mark.parametrize('behaviour', [silent, restarted, flooding, raving, reset_in_between])
def test_what_happens_to_one_robot_changes_the_others_not_by_a_bit(run, behaviour):
    others, odd = play(run, quiet)
    found, changed = play(run, behaviour)
    assert np.isfinite(others).all() and np.ptp(others, axis=0).min() > 0
    np.testing.assert_array_equal(found, others)
    assert not np.array_equal(changed, odd)
