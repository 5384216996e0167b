# SPDX-License-Identifier: Apache-2.0
"""What does not fit is refused by name, and the node stays unconfigured."""

from nodes.harness import parameters
import pytest

from rl_policy_node.policy import Policy, Spaces


def truncated(run, tmp_path):
    file = tmp_path / 'truncated.pth'
    file.write_bytes((run / 'policy.pth').read_bytes()[:2000])
    return {'policy.checkpoint': str(file)}, ['truncated.pth', 'damaged']


def missing(run, tmp_path):
    return {'policy.checkpoint': str(tmp_path / 'nowhere.pth')}, ['nowhere.pth', 'no such file']


def another_network(run, tmp_path):
    import torch
    import yaml

    tree = yaml.safe_load((run / 'train.yaml').read_text())
    tree['params']['network']['mlp']['units'] = [24]
    (tmp_path / 'other.yaml').write_text(yaml.safe_dump(tree))
    policy = Policy.load(tmp_path / 'other.yaml', spaces=Spaces((9,), 3), device='cpu')
    torch.save({'model': policy.player.model.state_dict()}, tmp_path / 'other.pth')
    return {'policy.checkpoint': str(tmp_path / 'other.pth')}, ['other.pth', 'another network', '(24, 8)', '(16, 8)']


def wrong_size(run, tmp_path):
    return {'terms.velocity.joints': ['shoulder', 'elbow']}, ["input 'obs'", 'velocity 2', '8 numbers', 'with 9']


def unknown_parameter(run, tmp_path):
    return {'sources.wrench.max_aeg': 0.3}, ["unknown parameter 'sources.wrench.max_aeg'", 'sources.wrench.max_age']


def wrong_type(run, tmp_path):
    return {'control_rate': 'fast'}, ["'control_rate' is 'fast'", 'expected double']


def unknown_kind(run, tmp_path):
    return (
        {'actions.arm.kind': 'joint_torque'},
        ["'joint_torque'", "'actions.arm.kind'", 'joint_delta, joint_position, joint_velocity, pose_delta'],
    )


def no_limits(run, tmp_path):
    return (
        {'actions.arm.limits': '', 'actions.arm.upper': [1.0]},
        [
            'actions.arm (kind joint_position): joints shoulder, elbow, wrist have no lower, max_velocity',
            '`limits: none`',
        ],
    )


@pytest.mark.parametrize(
    'case', [missing, truncated, another_network, wrong_size, unknown_parameter, wrong_type, unknown_kind, no_limits]
)
def test_a_wrong_input_is_named_and_leaves_the_node_unconfigured(arm, run, tmp_path, case):
    changes, words = case(run, tmp_path)
    node = arm.start(parameters(run, **changes))
    assert arm.says(node, '[ERROR]', 40)
    assert arm.live_until(lambda: all(word in node.tail(100) for word in words), 3), node.tail()
    assert 'Traceback' not in node.tail(100)
    assert arm.state() == 'unconfigured'
    assert not arm.commands


def test_a_misspelt_joint_is_waited_for_by_name_since_another_driver_may_tell_it(arm, run):
    names = ['shoulder', 'elbow', 'wirst']
    node = arm.start(
        parameters(run, **{'terms.position.joints': names, 'terms.velocity.joints': names, 'actions.arm.joints': names})
    )
    told = "waiting: no message names the joints ['wirst'] (there are ['shoulder', 'elbow', 'wrist']) on joint_states"
    assert arm.says(node, told, 40), node.tail()
    assert arm.state() == 'inactive' and not arm.commands
