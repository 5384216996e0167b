# SPDX-License-Identifier: Apache-2.0
"""The configuration that hosts a run's own environment: one array in, the raw action out."""

from rl_policy_node.nodes.parameters.parsing import configuration


def configured(simulator, run, size, rows, overrides=(), **sim):
    """Return the Configuration that hosts a run; size: of the action; sim: more of its `sim` parameters."""
    message = 'std_msgs/msg/Float32MultiArray'
    raw = {'kind': 'raw', 'size': size, 'topic': 'push', 'type': message, 'fallback_value': [0.0]}
    return configuration(
        {
            'policy.train_config': str(run),
            'policy.overrides': list(overrides),
            'robots': [f'robot_{row}' for row in range(rows)],
            'sim.environment': simulator,
            'sources.state.topic': 'state',
            'sources.state.type': message,
            'terms.state.source': 'state',
            'terms.state.field': 'data',
            'inputs.obs': ['state'],
            'actions.terms': ['push'],
            **{f'actions.push.{name}': value for name, value in raw.items()},
            **{f'sim.{name}': value for name, value in sim.items()},
        }
    )
