# SPDX-License-Identifier: Apache-2.0
"""A small configuration, with changes."""

from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec

SOURCE = SourceSpec('arm', 'joint_states', 'sensor_msgs/msg/JointState')
TERM = {'name': 'q', 'source': 'arm', 'field': 'position'}
ACTION = {
    'name': 'legs',
    'kind': 'joint_position',
    'topic': 'commands',
    'type': 'std_msgs/msg/Float64MultiArray',
    'source': 'arm',
    'joints': ('hip', 'knee'),
}


def control(**changes):
    settings = {
        'robots': ('',),
        'control_rate': 50.0,
        'trigger': 'timer',
        'lockstep_timeout': 1.0,
        'sources': {'arm': SOURCE},
        'terms': {'q': term_spec(**TERM)},
        'inputs': {'obs': ('q',)},
        'actions': (action_spec(**ACTION),),
    }
    return control_spec(**{**settings, **changes})
