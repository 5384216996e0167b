# SPDX-License-Identifier: Apache-2.0
"""Blending in, the live ratio, and live scales."""

from control.action_bench import ALL, DT, hold, measurements, random_actions, ROWS, same, spec, started, step
import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.errors import ConfigurationError


def test_positions_go_over_from_what_was_held_in_the_stated_time():
    made, sources = started(spec('joint_position'), blend_in=4 * DT)
    held, action = sources['arm'].values['position'].copy(), random_actions(3)
    for share in (0.25, 0.5, 0.75, 1.0, 1.0):
        sent = step(made, sources, action)['position']
        np.testing.assert_allclose(sent, held + share * (action - held), atol=1e-7)
        sources['arm'].values['position'] += 0.01  # where the robot is meanwhile does not matter
    np.testing.assert_array_equal(sent, action)


@pytest.mark.parametrize('kind, field', [('effort', 'effort'), ('joint_velocity', 'velocity'), ('raw', 'data')])
def test_what_rests_at_zero_grows_from_zero(kind, field):
    made, sources = started(spec(kind), blend_in=4 * DT)
    action = random_actions(made.size)
    for share in (0.25, 0.5, 0.75, 1.0):
        np.testing.assert_allclose(step(made, sources, action)[field], share * action, rtol=1e-6)


def test_no_blend_in_is_the_whole_command_to_the_bit():
    plain, sources = started(spec('pose_delta'))
    blended, _ = started(spec('pose_delta'), blend_in=2 * DT)
    for seed in range(4):
        action = random_actions(6, seed)
        step(plain, sources, action), step(blended, sources, action)
        assert same(plain.commands(), blended.commands()) == (seed > 0)


def test_only_the_row_that_came_back_blends_in_again():
    made, sources = started(spec('joint_position'), blend_in=2 * DT)
    action = random_actions(3)
    step(made, sources, action), step(made, sources, action)
    sources = measurements(seed=6)
    hold(made, sources, np.array([False, True, False]))
    sent = step(made, sources, action)['position']
    np.testing.assert_array_equal(sent[[0, 2]], action[[0, 2]])
    held = sources['arm'].values['position'][1]
    np.testing.assert_allclose(sent[1], held + 0.5 * (action[1] - held), atol=1e-7)


def test_steps_are_blended_from_the_command_sent_last():
    """A robot on its way is not pulled back to where it began: the steps are small, and add up."""
    made, sources = started(spec('joint_delta', integrate='target', scale=(0.1,)), blend=0.5)
    start = sources['arm'].values['position'].copy()
    for count in range(1, 5):
        sent = step(made, sources, np.ones((ROWS, 3), np.float32))['position']
        np.testing.assert_allclose(sent, start + count * 0.05, atol=1e-12)


def test_orientations_are_blended_along_the_arc():
    made, sources = started(spec('pose_delta', rotation_scale=(1.0,)), blend=0.5)
    action = random_actions(6)
    start = made.commands()['it']['orientation']
    sent = step(made, sources, action)['orientation']
    np.testing.assert_allclose(
        geometry.angle_between(start, sent), np.linalg.norm(action[:, 3:], axis=1) / 2, atol=1e-6
    )


def test_a_filter_under_a_constant_blend_still_reaches_its_share():
    made, sources = started(spec('joint_position', smoothing=0.2), blend=0.5)
    held, action = sources['arm'].values['position'].copy(), random_actions(3)
    for _ in range(100):
        sent = step(made, sources, action)['position']
    np.testing.assert_allclose(sent, held + 0.5 * (action - held), atol=1e-6)


def test_ratio_zero_holds_and_a_change_takes_its_time():
    made, sources = started(spec('joint_position'), blend_in=4 * DT, blend=0.0)
    held, action = made.commands(), random_actions(3)
    for _ in range(6):
        step(made, sources, action)
        np.testing.assert_allclose(made.commands()['it']['position'], held['it']['position'], atol=1e-15)
    made.change('blend', 1.0)
    for step_of_it in range(1, 53):
        share = min(step_of_it * DT, 1.0)
        position = held['it']['position']
        np.testing.assert_allclose(
            step(made, sources, action)['position'], position + share * (action - position), atol=1e-7
        )


def test_a_ratio_that_is_set_takes_a_second_even_where_there_is_no_time_to_blend_in():
    made, sources = started(spec('effort'))
    action = random_actions(3)
    made.change('blend', 0.25)
    path = [step(made, sources, action)['effort'] for _ in range(50)]
    np.testing.assert_allclose(path[0], (1 - DT) * action, rtol=1e-6)
    np.testing.assert_allclose(path[-1], 0.25 * action, rtol=1e-6)


def test_what_was_set_before_the_start_holds_from_it_on():
    made, sources = started(spec('effort'))
    made.change('blend', 0.5)
    made.change('actions.it.scale', [0.5])
    made.start(sources)
    np.testing.assert_allclose(step(made, sources, random_actions(3))['effort'], 0.25 * random_actions(3), rtol=1e-6)


@pytest.mark.parametrize('ratio', [-0.1, 1.1, float('nan'), float('inf')])
def test_ratio_beyond_its_bounds_is_refused(ratio):
    made, sources = started(spec('effort'))
    with pytest.raises(ConfigurationError, match=r'blend is .*; expected 0 to 1'):
        made.change('blend', ratio)
    step(made, sources, random_actions(3))


def test_a_scale_goes_over_evenly_and_the_command_does_not_jump():
    """1.5 rad in one command, before: without any limit it is 1.5 rad within a second."""
    made, sources = started(spec('joint_position', scale=(0.5,), scale_limit=4.0))
    action = np.ones((ROWS, 3), np.float32)
    last = step(made, sources, action)['position']
    made.change('actions.it.scale', [2.0])
    path = [last] + [step(made, sources, action)['position'] for _ in range(60)]
    np.testing.assert_allclose(np.diff(path, axis=0)[:50], 1.5 * DT, atol=1e-9)
    np.testing.assert_array_equal(path[-10:], np.full((10, ROWS, 3), 2.0))


def test_a_scale_that_is_set_anew_on_its_way_goes_on_from_there():
    made, sources = started(spec('effort'), blend_in=2.0)
    for _ in range(101):
        step(made, sources, np.ones((ROWS, 3), np.float32))
    path = []
    for wanted in (0.0, 1.0):
        made.change('actions.it.scale', [wanted])
        path += [step(made, sources, np.ones((ROWS, 3), np.float32))['effort'][0, 0] for _ in range(50)]
    assert np.abs(np.diff(path)).max() <= DT / 2 + 1e-9, 'within blend_in'
    np.testing.assert_allclose([path[49], path[-1]], [0.5, 0.75], atol=1e-6)


def test_a_scale_on_its_way_is_part_of_the_state():
    (made, sources), (other, _) = (started(spec('effort')) for _ in range(2))
    made.change('actions.it.scale', [0.2])
    for _ in range(7):
        step(made, sources, random_actions(3))
    other.restore(made.state())
    for _ in range(60):
        one, two = (step(each, sources, random_actions(3))['effort'] for each in (made, other))
        assert one.tobytes() == two.tobytes()


def test_each_scale_of_a_term_changes():
    made, sources = started(spec('joint_position', scale=(1.0, 2.0, -1.0)), spec('pose_delta', name='hand'))
    made.change('actions.it.scale', [0.5, 0.0, -0.25])
    made.change('actions.hand.position_scale', [0.005])
    action = random_actions(9)
    for _ in range(50):
        made.process(action, sources, ALL, DT)
    made.process(action, sources, ALL, DT)
    commands = made.commands()
    np.testing.assert_array_equal(commands['it']['position'], action[:, :3].astype(np.float64) * [0.5, 0.0, -0.25])
    np.testing.assert_allclose(
        commands['hand']['position'] - sources['hand'].values['position'], action[:, 3:6] * 0.005, atol=1e-9
    )


@pytest.mark.parametrize(
    'values, parameter, told',
    [
        ([1.5], 'scale', r'actions\.it\.scale is \[1\.5\]; stated is \[1\.0\], .* at most 1 times as much'),
        ([-0.5], 'scale', r'expected the same sign'),
        ([float('nan')], 'scale', r'actions\.it\.scale is \[nan\]'),
        ([0.5, 0.5], 'scale', r'actions\.it\.scale has 2 numbers; expected 1 or 3'),
        ([0.5], 'position_scale', r"unknown scale 'position_scale' in actions\.it; valid: scale"),
    ],
)
def test_scale_beyond_what_was_stated_is_refused(values, parameter, told):
    made, sources = started(spec('effort'))
    with pytest.raises(ConfigurationError, match=told):
        made.change(f'actions.it.{parameter}', values)
    np.testing.assert_array_equal(step(made, sources, random_actions(3))['effort'], random_actions(3))


def test_scale_may_grow_as_far_as_the_file_allows():
    made, sources = started(spec('effort', scale_limit=2.0))
    made.change('actions.it.scale', [2.0])
    for _ in range(50):
        step(made, sources, random_actions(3))
    np.testing.assert_array_equal(step(made, sources, random_actions(3))['effort'], 2.0 * random_actions(3))
    with pytest.raises(ConfigurationError, match=r"unknown action term 'at'; valid: it"):
        made.change('actions.at.scale', [1.0])
