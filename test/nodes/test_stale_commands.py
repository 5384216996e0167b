# SPDX-License-Identifier: Apache-2.0
"""Commands of people are another class than sensors: a velocity goes on no longer than it is repeated."""

from geometry_msgs.msg import TwistStamped
from nodes.harness import JOINTS
from nodes.stepper_bench import Bench, MEASURED
import numpy as np
import pytest
from sensor_msgs.msg import JointState

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.readiness import waiting

TYPE = 'geometry_msgs/msg/TwistStamped'


class Ridden(Bench):
    """Two robots whose velocities people command."""

    def wire(self, tree, *policy, **more):
        del tree['sources']['wrench']
        tree['sources']['command'] = {
            'topic': 'command',
            'type': TYPE,
            'max_age': 0.1,
            'stale': 'zero',
            **tree['sources'].get('command', {}),
        }
        tree['terms']['force'] = {'source': 'command', 'field': 'linear_velocity', 'clip': 20.0}
        super().wire(tree, *policy, **more)

    def feed(self, rows=(0, 1), stamp=0, force=None):
        for row in rows:
            joints = JointState(name=JOINTS, position=MEASURED.tolist(), velocity=[0.0, 0.1, -0.1])
            joints.header.stamp.sec, joints.header.stamp.nanosec = divmod(stamp, 10**9)
            self.take('joints', row, joints)
            if force is not None:
                self.command(row, force, stamp)

    def command(self, row, velocity, stamp=0):
        message = TwistStamped()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
        message.twist.linear.x, message.twist.linear.y, message.twist.linear.z = velocity
        self.take('command', row, message)

    def run(self, steps, *velocities):
        """Step with sensors that go on; velocities: what is commanded from the first step on, None: nothing."""
        for step in range(steps):
            self.time += 0.02
            self.now += 20_000_000
            self.feed(stamp=self.now)
            if step < len(velocities) and velocities[step] is not None:
                for row in (0, 1):
                    self.command(row, velocities[step], self.now)
            self.step()

    def seen(self):
        """Return what the policy saw of the command at the last step, (rows, 3)."""
        return self.keeper.outcomes[-1].inputs['obs'][:, 6:]


@pytest.fixture
def ridden(run):
    bench = Ridden(run)
    bench.feed()
    bench.start()
    return bench


def test_a_velocity_command_that_is_stale_reads_as_zero_and_the_policy_goes_on(ridden):
    ridden.run(5, *[(1.0, 2.0, 3.0)] * 5)
    assert ridden.seen().tolist() == [[1.0, 2.0, 3.0]] * 2
    ridden.run(4)
    assert ridden.seen().tolist() == [[1.0, 2.0, 3.0]] * 2, 'it is young enough'
    before = ridden.sent[-1][0][0]
    ridden.run(4)
    assert ridden.seen().tolist() == [[0.0] * 3] * 2 and ridden.rows.healthy.all()
    assert not np.array_equal(ridden.sent[-1][0][0], before)
    ridden.run(1, (4.0, 0.0, 0.0))
    assert ridden.seen().tolist() == [[4.0, 0.0, 0.0]] * 2


def test_the_stale_command_of_one_robot_is_none_of_the_others(ridden):
    ridden.run(1, (1.0, 2.0, 3.0))
    for _ in range(10):
        ridden.run(1)
        ridden.command(1, (1.0, 2.0, 3.0), ridden.now)
    ridden.step()
    assert ridden.seen().tolist() == [[0.0] * 3, [1.0, 2.0, 3.0]]


def test_a_command_that_never_came_reads_as_zero_and_nothing_waits_for_it(ridden):
    assert not waiting(ridden.cycle.refusals(), ridden.sources, ridden.control, lambda topic: 0)
    ridden.run(3)
    assert ridden.seen().tolist() == [[0.0] * 3] * 2 and ridden.rows.healthy.all()


def test_a_command_that_was_refused_reads_as_zero(ridden):
    ridden.run(2, (1.0, 2.0, 3.0), (1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match='not finite'):
        ridden.command(0, (np.nan, 0.0, 0.0))
    ridden.sources['command'].buffer.reject(slice(0, 1), ValueError('not finite'))
    ridden.run(1)
    assert ridden.seen().tolist() == [[0.0] * 3, [1.0, 2.0, 3.0]] and ridden.rows.healthy.all()


def test_what_is_stale_is_told_and_stops_nothing(ridden):
    ridden.run(8, (1.0, 2.0, 3.0))
    told = ridden.keeper.outcomes[-1].warnings
    assert "source 'command' (command) is stale" in told[0] and told[0].endswith('it reads as zero')
    assert not ridden.rows.reasons


def test_stale_sensors_are_a_hold_beside_a_command_that_reads_as_zero(ridden):
    ridden.run(3, (1.0, 2.0, 3.0))
    for _ in range(15):
        ridden.time += 0.02
        ridden.now += 20_000_000
        ridden.step()
    assert not ridden.rows.healthy.any() and "source 'joints'" in ridden.rows.reasons[0]


def test_with_hold_a_stale_command_is_a_hold(run):
    bench = Ridden(run, **{'sources.command': {'stale': 'hold'}})
    bench.feed(force=(1.0, 2.0, 3.0))
    bench.start()
    bench.run(10, (1.0, 2.0, 3.0))
    assert not bench.rows.healthy.any()


def test_no_step_on_observations_waits_for_a_command(run):
    bench = Ridden(run, trigger='observation')
    bench.feed()
    bench.start()
    bench.time += 1.0
    bench.feed()
    assert bench.ready()


def test_a_command_from_before_the_episode_does_not_keep_a_robot_from_acting(run):
    bench = Ridden(run, episode_topic='episode')
    bench.feed()
    bench.start()
    bench.run(2, (1.0, 2.0, 3.0))
    bench.inbox.begin_episodes(slice(0, 2), np.array([bench.now + 10_000_000] * 2))
    bench.run(10)
    assert bench.seen().tolist() == [[0.0] * 3] * 2 and bench.keeper.outcomes[-1].acted.all()
    count = len(bench.keeper.outcomes)
    bench.look()
    assert bench.rows.healthy.all() and len(bench.keeper.outcomes) == count


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'durability': 'transient_local'}, 'durability is transient_local, and its linear_velocity would go on'),
        ({'max_age': float('inf')}, 'max_age is inf, and its linear_velocity would go on'),
        ({'alignment': 'drop'}, 'stale zero needs alignment hold'),
    ],
)
def test_what_must_not_be_is_refused_with_the_reason(run, changes, told):
    with pytest.raises(ConfigurationError, match=told):
        Ridden(run, **{'sources.command': changes})


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'sources.joints.stale': 'zero'}, r"sources.joints: stale is zero, and terms read its \['position'\]"),
        ({'sources.wrench.stale': 'zero'}, r"sources.wrench: stale is zero, and terms read its \['force'\]"),
        ({'sources.joints.max_age': float('inf')}, 'sources.joints: max_age is inf, and its velocity would go on'),
    ],
)
def test_a_sensor_is_no_command(run, changes, told):
    with pytest.raises(ConfigurationError, match=told):
        Bench(run, **changes)
