# SPDX-License-Identifier: Apache-2.0
"""A node whose sensor is slower than its latency budget says so, in diagnostics and log."""

from core.core_bench import Bench, control_of, policy_of
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from nodes.harness import parameters
import pytest
from rclpy.duration import Duration

from rl_policy_node.nodes.policy.observation_ages import ObservationAges

LATE = 0.2  # s, how old the wrench is when it is sent
AGE = 'age of wrench, p99 [ms]'


def listen(arm):
    """Return the reports that will be heard, (level, message, values) each."""
    heard = []

    def keep(array):
        status = array.status[0]
        heard.append((status.level, status.message, {pair.key: pair.value for pair in status.values}))

    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', keep, 10)
    return heard


@pytest.fixture
def slow_arm(arm):
    """An arm whose wrist takes LATE to send what it has measured."""
    made = arm.wrench

    def wrench():
        message = made()
        message.header.stamp = (arm.node.get_clock().now() - Duration(seconds=LATE)).to_msg()
        return message

    arm.wrench = wrench
    return arm


def test_a_slow_source_exceeds_its_budget(slow_arm, run):
    heard = listen(slow_arm)
    node = slow_arm.start(parameters(run, latency_budget=0.1))
    assert slow_arm.live_until(lambda: any(AGE in values for _, _, values in heard), 40)
    level, message, values = heard[-1]
    assert level == DiagnosticStatus.WARN and values['latency budget [ms]'] == '100.0'
    assert 'beyond the latency budget: ' in message and "on 'wrench' of" in message
    assert float(values[AGE]) >= 1e3 * LATE
    assert float(values['age of joints, p99 [ms]']) >= 0.0
    assert slow_arm.says(node, 'latency_budget is 100 ms', 5)
    assert not slow_arm.is_held(), 'a warning stops nothing'


def test_a_budget_that_is_kept_warns_of_nothing(slow_arm, run):
    heard = listen(slow_arm)
    slow_arm.start(parameters(run, latency_budget=10.0))
    assert slow_arm.live_until(lambda: any(AGE in values for _, _, values in heard), 40)
    assert [level for level, _, values in heard if AGE in values] == [DiagnosticStatus.OK]


@pytest.fixture
def bench(tmp_path):
    """A function that returns ObservationAges and the Bench that it watches, with changes of the control."""

    def made(**changes):
        control, bench = control_of(**changes), []
        ages = ObservationAges(control, lambda: bench[0].now + 0.004)
        bench.append(Bench(policy_of(tmp_path), control, observers=[ages]))
        bench[0].measure()
        bench[0].cycle.start()
        return ages, bench[0]

    return made


def ages_of(ages):
    """Return source → the 99th percentile, ms."""
    return {key.removeprefix('age of ').partition(',')[0]: float(text) for key, text in ages.report()[1].items()}


def test_the_oldest_robot_that_acts_counts_until_its_command_was_sent(bench):
    ages, made = bench()
    made.now += 0.02
    made.measure(rows=[0], seed=1, stamp=made.ros() - 15_000_000)
    made.measure(rows=[1], seed=1, stamp=made.ros() - 10_000_000)
    made.cycle.step()
    assert ages_of(ages) == {'joints': 19.0, 'wrench': 19.0}
    assert ages.report()[0] == '', 'no budget is stated'


def test_without_a_stamp_the_time_of_receipt_counts(bench):
    ages, made = bench()
    made.now += 0.02
    made.measure(seed=1, stamp=0)
    made.now += 0.03
    made.cycle.step()
    assert ages_of(ages) == {'joints': 34.0, 'wrench': 34.0}


def test_robots_on_the_fallback_do_not_count(bench):
    ages, made = bench()
    for _ in range(20):
        made.step(seed=1, rows=[0])
    assert ages_of(ages)['joints'] <= 204.0, 'the other robot is stale from 200 ms on'
    made.now += 1.0
    assert ages_of(ages)['joints'] <= 204.0


def test_sources_that_may_be_old_do_not_count(bench):
    ages, made = bench(sources={'wrench': {'max_age': float('inf')}})
    made.step(seed=1)
    assert set(ages_of(ages)) == {'joints'}
    ages, made = bench(trigger='lockstep')
    made.step(seed=1)
    assert ages.report() == ('', {})
