# SPDX-License-Identifier: Apache-2.0
"""Numbers of terms bear the names of joints, axes or places."""

from control.spec_bench import ACTION
import numpy as np
import pytest

from rl_policy_node.control.action_spec import action_spec
from rl_policy_node.control.action_terms import build_action
from rl_policy_node.control.number_names import action_names, term_names
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import SourceSpec, term_spec


@pytest.mark.parametrize(
    'names, size, shape, spec',
    [
        (('hip', 'knee'), 2, (2,), {'source': 'a', 'field': 'position', 'joints': ('{robot}_hip', 'knee')}),
        (('x', 'y', 'z'), 3, (3,), {'source': 'a', 'field': 'linear_velocity'}),
        (('x', 'y', 'z'), 3, (3,), {'kind': 'projected_gravity', 'source': 'a'}),
        (('x', 'y', 'z', 'w'), 4, (4,), {'source': 'a', 'field': 'orientation'}),
        (('w', 'x', 'y', 'z'), 4, (4,), {'source': 'a', 'field': 'orientation', 'convention': 'wxyz'}),
        (('x', 'z'), 2, (2,), {'source': 'a', 'field': 'force', 'elements': (0, 2)}),
        (('3', '5'), 2, (2,), {'source': 'a', 'field': 'data', 'elements': (3, 5)}),
        (('',), 1, (1,), {'source': 'a', 'field': 'data'}),
        (('',), 1, (), {'source': 'a', 'field': 'data'}),
        (('0_0', '0_1', '1_0', '1_1'), 4, (2, 2), {'source': 'a', 'field': 'image'}),
        (('x/-1', 'y/-1', 'z/-1', 'x', 'y', 'z'), 6, (), {'source': 'a', 'field': 'force', 'history': 2}),
        (('-2', '-1', ''), 3, (), {'source': 'a', 'field': 'data', 'history': 3}),
        (('0', '1', '2'), 3, (3,), {'kind': 'last_action'}),
    ],
)
def test_terms(names, size, shape, spec):
    assert term_names(term_spec('it', **spec), size, shape) == names


@pytest.mark.parametrize(
    'names, changes',
    [
        (('hip', 'knee'), {}),
        (('x', 'y', 'z', 'rx', 'ry', 'rz'), {'kind': 'twist', 'type': 'geometry_msgs/msg/Twist', 'limits': 'none'}),
    ],
)
def test_actions(names, changes):
    spec = {**ACTION, **changes}
    if changes:
        del spec['source'], spec['joints']
    shapes = {'position': ((2,), np.dtype(float))}
    buffers = {'arm': SourceBuffer(SourceSpec('arm', 'arm', 'sensor_msgs/msg/JointState'), shapes, 1, 1, ())}
    term = build_action(action_spec(**spec), buffers, {'arm': ('hip', 'knee')})
    assert action_names(term) == names
