# SPDX-License-Identifier: Apache-2.0
"""A command without a limit has to say so."""

from control.action_bench import NEEDS, spec
import numpy as np
import pytest

from rl_policy_node.control.unlimited import check_limits, missing_limits
from rl_policy_node.errors import ConfigurationError

ALL = 'joints hip, knee, ankle have no'
COMPLETE = {
    'joint_position': {'lower': (-1.0,), 'upper': (1.0,), 'max_velocity': (1.0,)},
    'joint_delta': {'lower': (-1.0,), 'upper': (1.0, 2.0, 3.0), 'max_velocity': (1.0,)},
    'joint_velocity': {'max_velocity': (1.0,)},
    'effort': {'max_effort': (1.0,)},
    'pose_delta': {'lower': (-1.0,), 'upper': (1.0,), 'max_velocity': (1.0,), 'max_angular_velocity': 1.0},
    'twist': {'max_velocity': (1.0,), 'max_angular_velocity': 1.0},
    'wrench': {'max_force': 1.0, 'max_torque': 1.0},
    'gripper': {'max_velocity': (1.0,)},
    'raw': {'lower': (0.0,), 'upper': (1.0,), 'max_velocity': (1.0,)},
    'discrete': {},
}


@pytest.mark.parametrize('kind', NEEDS)
def test_what_is_complete_is_taken_and_what_lacks_one_limit_is_named(kind):
    whole = spec(kind, **COMPLETE[kind])
    check_limits(whole)
    assert not missing_limits(whole)
    for name in COMPLETE[kind]:
        bare = spec(kind, **{limit: number for limit, number in COMPLETE[kind].items() if limit != name})
        assert name in missing_limits(bare)
        check_limits(spec(kind, limits='none'))
        if kind != 'raw':
            with pytest.raises(ConfigurationError, match=f'actions.it .kind {kind}.*{name}.*`limits: none`'):
                check_limits(bare)


@pytest.mark.parametrize(
    'kind, options, told',
    [
        ('joint_position', {}, f'{ALL} lower, upper, max_velocity'),
        (
            'joint_position',
            {'lower': (-1.0,), 'upper': (1.0,), 'max_velocity': (1.0, np.inf, 1.0)},
            "joint 'knee' has no max_velocity",
        ),
        (
            'joint_delta',
            {'lower': (-1.0,), 'upper': (1.0, np.inf, np.inf)},
            f'joints knee, ankle have no upper; {ALL} max_velocity',
        ),
        ('joint_position', {'continuous': ('ankle',), 'max_velocity': (1.0,)}, 'joints hip, knee have no lower, upper'),
        ('joint_position', {'continuous': ('hip', 'knee', 'ankle'), 'max_velocity': (1.0,)}, ''),
        (
            'joint_position',
            {
                'continuous': ('hip',),
                'lower': (-np.inf, -1.0, -1.0),
                'upper': (np.inf, 1.0, np.inf),
                'max_velocity': (1.0,),
            },
            "joint 'ankle' has no upper",
        ),
        ('joint_velocity', {'lower': (-1.0, -1.0, -np.inf), 'upper': (1.0,)}, "joint 'ankle' has no max_velocity"),
        (
            'pose_delta',
            {'lower': (-np.inf, 0.0, 0.0), 'max_velocity': (1.0,)},
            "axis 'x' has no lower; axes x, y, z have no upper; it has no max_angular_velocity",
        ),
        ('twist', {'axes': ('x', 'yaw')}, "axis 'x' has no max_velocity; axis 'yaw' has no max_angular_velocity"),
        ('twist', {'axes': ('x', 'yaw'), 'lower': (-1.0,), 'upper': (1.0,)}, ''),
        ('twist', {'axes': ('z',), 'max_velocity': (1.0,)}, ''),
        ('wrench', {'axes': ('roll',)}, "axis 'roll' has no max_torque"),
        ('gripper', {}, "joint 'hip' has no max_velocity"),
        (
            'gripper',
            {'joints': (), 'fallback': 'value', 'fallback_value': (0.0,), 'source': ''},
            'it has no max_velocity',
        ),
        ('raw', {'lower': (0.0,)}, 'it has no upper, max_velocity'),
    ],
)
def test_who_lacks_what_is_told(kind, options, told):
    assert missing_limits(spec(kind, **options)) == told


def test_what_bounds_its_numbers_otherwise_lacks_nothing():
    assert not missing_limits(spec('discrete'))
    check_limits(spec('raw'))
