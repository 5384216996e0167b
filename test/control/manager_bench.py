# SPDX-License-Identifier: Apache-2.0
"""The action terms of an arm and a hand."""

from rl_policy_node.control.specs import action_spec

JOINTS = ('hip', 'knee', 'ankle')


def joints(name='legs', **options):
    return action_spec(name, 'joint_position', 'commands', '', source='arm', **{'joints': JOINTS, **options})
