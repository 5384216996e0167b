# SPDX-License-Identifier: Apache-2.0
"""Joints that turn without end: what is sent goes the short way round."""

from control.action_bench import DT, hold, JOINTS, random_actions, ROWS, spec, started, step
import numpy as np
import pytest

from rl_policy_node.control.reversal import inverted
from rl_policy_node.errors import ConfigurationError

TURN = 2 * np.pi
WRIST = {'continuous': ('ankle',)}


def begun(kind='joint_position', at=3.0, blend_in=0.0, **options):
    made, sources = started(spec(kind, **{**WRIST, **options}), blend_in=blend_in)
    sources['arm'].values['position'][:] = at
    made.start(sources)
    return made, sources


def towards(made, sources, value, count=1):
    """Return what is sent, (count, 3), of the first row, on the way to a target of all joints."""
    action = np.full((ROWS, 3), value, np.float32)
    return np.array([step(made, sources, action)['position'][0] for _ in range(count)])


@pytest.mark.parametrize('motion', [{}, {'max_acceleration': (4.0,)}])
def test_a_target_is_reached_the_short_way(motion):
    """From 3 to −3 rad: the ankle crosses π, 0.283 rad; the others go back by six."""
    made, sources = begun(max_velocity=(1.0,), **motion)
    path = towards(made, sources, -3.0, 400)
    np.testing.assert_allclose(path[-1], [-3.0, -3.0, TURN - 3.0], atol=1e-12)
    assert (np.diff(path[:, 2]) >= -1e-12).all() and (np.diff(path[:, 0]) <= 1e-12).all()
    assert np.abs(np.diff(path, axis=0)).max() <= DT + 1e-9


def test_turns_add_up_and_no_command_jumps():
    made, sources = begun(at=0.0, max_velocity=(20.0,))
    targets = np.arange(1, 80) * 0.3
    wrapped = (targets + np.pi) % TURN - np.pi
    sent = np.array([towards(made, sources, target)[0, 2] for target in wrapped])
    np.testing.assert_allclose(sent, targets, atol=1e-5)


def test_a_hold_measures_the_difference_the_short_way():
    """Sent 3.1, measured −3.1: 0.083 rad apart, less than max_hold_error; sent 3.1, measured −2.9: captured."""
    made, sources = begun(at=3.1, max_velocity=(1.0,), max_hold_error=(0.1,))
    sources['arm'].values['position'][:, 2] = -3.1
    hold(made, sources)
    assert (made.commands()['it']['position'] == 3.1).all()
    sources['arm'].values['position'][:, 2] = -2.9
    for _ in range(30):
        hold(made, sources)
    np.testing.assert_allclose(made.commands()['it']['position'][0], [3.1, 3.1, TURN - 2.9], atol=1e-12)


def test_a_filter_and_a_blend_take_the_short_way():
    made, sources = begun(at=3.0, smoothing=0.5, blend_in=4 * DT)
    path = towards(made, sources, -3.0, 30)
    assert (np.diff(path[:, 2]) >= -1e-12).all() and path[:, 2].max() <= TURN - 3.0 + 1e-6


def test_a_leaky_step_bounds_the_error_the_short_way():
    made, sources = begun('joint_delta', at=3.1, integrate='leaky', max_error=(0.2,), scale=(0.1,))
    sources['arm'].values['position'][:, 2] = -3.1
    np.testing.assert_allclose(towards(made, sources, 1.0)[0, 2], 3.2, rtol=1e-6)
    np.testing.assert_allclose(towards(made, sources, 1.0, 5)[-1, 2], TURN - 3.1 + 0.2, rtol=1e-6)


def test_a_delta_is_inverted_the_short_way():
    made, sources = begun('joint_delta', at=3.1, integrate='observed', scale=(0.1,))
    action = random_actions(3)
    sent = {field: value.copy() for field, value in step(made, sources, action).items()}
    sent['position'][:, 2] -= TURN
    np.testing.assert_allclose(inverted(made.terms, {'it': sent}, sources), action, atol=1e-5)


@pytest.mark.parametrize(
    'bounds', [{'lower': (-1.0,), 'upper': (1.0,)}, {'lower': (-1.0, -1.0, -np.inf), 'upper': (1.0, 1.0, np.inf)}]
)
@pytest.mark.parametrize('motion', [{}, {'max_acceleration': (4.0,)}])
def test_its_joints_have_no_position_limits(bounds, motion):
    made, sources = begun(at=0.0, max_velocity=(2.0,), **bounds, **motion)
    path = towards(made, sources, 3.0, 200)
    np.testing.assert_allclose(path[-1], [1.0, 1.0, 3.0], atol=1e-6)
    sources['arm'].values['position'][:] = [0.0, 0.0, 9.0]
    assert not made.tracking.outside(sources)


@pytest.mark.parametrize(
    'options, told',
    [
        ({'continuous': ('wrist',)}, "unknown joint 'wrist' in actions.it.continuous; valid: "),
        (
            {'lower': (-1.0, -1.0, -2.0)},
            "actions.it.lower is -2 for joint 'ankle', which is continuous; expected -.inf",
        ),
    ],
)
def test_what_it_cannot_mean_is_refused(options, told):
    with pytest.raises(ConfigurationError, match=told):
        spec('joint_position', **{**WRIST, **options})


def test_rows_within_half_a_turn_keep_their_bits():
    made, sources = begun(at=0.2)
    plain, others = started(spec('joint_position'))
    others['arm'].values['position'][:] = 0.2
    plain.start(others)
    for seed in range(3):
        action = random_actions(len(JOINTS), seed)
        action[1] = 9.0
        one, other = step(made, sources, action)['position'], step(plain, others, action)['position']
        assert one[0].tobytes() == other[0].tobytes() and not (one[1] == other[1]).all()
