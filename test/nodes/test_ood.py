# SPDX-License-Identifier: Apache-2.0
"""A real node holds an arm whose sensor shows what training never saw, and says which term it is."""

from control.spec_bench import control
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from nodes.harness import parameters, tiny_run
import numpy as np
import pytest
import torch

from rl_policy_node.control.distribution import Distribution
from rl_policy_node.control.specs import OodSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.diagnostics import distribution_report
from rl_policy_node.nodes.policy.loading import trained_moments
from rl_policy_node.policy import Policy


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A run whose normaliser was trained on what the arm shows at rest."""
    run = tiny_run(tmp_path_factory.mktemp('trained'))
    content = torch.load(run / 'policy.pth', weights_only=True)
    mean = torch.tensor([0.2, -0.4, 0.2, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    content['model'] |= {
        'running_mean_std.running_mean': mean,
        'running_mean_std.running_var': torch.ones_like(mean),
        'running_mean_std.count': torch.tensor(1e6, dtype=torch.float64),
    }
    torch.save(content, run / 'policy.pth')
    return run


def listen(arm):
    """Return the reports that will be heard, (level, message, values) each."""
    heard = []

    def keep(array):
        status = array.status[0]
        heard.append((status.level, status.message, {pair.key: pair.value for pair in status.values}))

    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', keep, 10)
    return heard


@pytest.mark.slow
def test_arm_is_held_while_its_wrist_feels_what_training_did_not(arm, trained):
    heard = listen(arm)
    arm.start(parameters(trained, **{'ood.action': 'hold'}))
    assert arm.live_until(lambda: any('|z| of force' in values for _, _, values in heard), 40)
    assert arm.live_until(lambda: heard[-1][0] == DiagnosticStatus.OK and '|z| of force' in heard[-1][2])
    assert arm.live_until(lambda: heard[-1][2].get('age of the last step [s]', '').startswith(tuple('012')), 5)
    values = heard[-1][2]
    assert {'|z| of position', '|z| of velocity'} <= set(values)
    assert 0.0 <= float(values['age of the last step [s]']) < 2.0
    assert not arm.is_held()
    arm.force = [19.0, 19.0, 19.0]
    arm.live(1.0)
    assert arm.is_held()
    assert arm.live_until(lambda: "term 'force' lies" in heard[-1][2].get('robot', ''), 5)
    assert heard[-1][0] == DiagnosticStatus.WARN


@pytest.mark.slow
def test_warning_is_told_and_the_arm_goes_on(arm, trained):
    heard = listen(arm)
    node = arm.start(parameters(trained))
    assert arm.live_until(lambda: bool(heard) and '|z| of force' in heard[-1][2], 40)
    arm.force = [19.0, 19.0, 19.0]
    assert arm.live_until(lambda: "out of distribution: robot: term 'force' lies" in heard[-1][1], 5)
    assert heard[-1][0] == DiagnosticStatus.WARN and not arm.is_held()
    assert arm.says(node, "out of distribution: robot: term 'force' lies", 5)


def test_without_statistics_it_is_unavailable_and_no_arm_relies_on_it(run):
    policy = Policy.load(run / 'train.yaml', run / 'policy.pth', device='cpu')  # saved before it was trained
    assert trained_moments(policy, control()) == {}
    with pytest.raises(ConfigurationError, match='ood.action is hold, and the policy has no running mean and variance'):
        trained_moments(policy, control(ood=OodSpec(action='hold')))
    found, values = distribution_report(Distribution(OodSpec(), [], {}, 1, 0.02), control())
    assert found == [] and values['out of distribution'].startswith('unavailable')


def test_statistics_are_those_of_the_checkpoint(trained):
    policy = Policy.load(trained / 'train.yaml', trained / 'policy.pth', device='cpu')
    moments = trained_moments(policy, control(ood=OodSpec(action='latch')))
    np.testing.assert_array_equal(moments['obs'].mean, [0.2, -0.4, 0.2, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(moments['obs'].std, np.ones(9))
