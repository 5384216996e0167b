# SPDX-License-Identifier: Apache-2.0
"""What is said of a difference: nothing without one, no claim that the data do not prove, pairs where one fails."""

import dataclasses
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from signals import DEFAULT, LEGS, World

from rl_policy_node import geometry
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.mismatch import Body, case, compare, HYPOTHESES, PAIRS, Scene, Series, Written

few = settings(max_examples=15)
seeds = given(seed=st.integers(0, 2**32 - 1))


def hypotheses(verdict):
    """Return the names of all candidates."""
    return {explanation.hypothesis for explanation in verdict.explanations}


@few
@seeds
def test_equal_sides_agree(seed):
    world = World(seed)
    for values in (world.walk(12), world.turns(), world.gravity()):
        nearly = values + world.random.uniform(-9e-6, 9e-6, values.shape)
        verdict = compare(world.series(nearly, values), world.scene)
        assert verdict.finding == 'agrees' and verdict.agrees and verdict.explanations == ()
        assert verdict.largest <= 1e-5


def test_largest_difference_and_its_place():
    world = World(1)
    came = world.walk(12)
    expected = came.copy()
    expected[7, 2, 5] += 3
    expected[8, 1, 4] -= 2
    verdict = compare(world.joints(expected, came), world.scene)
    assert verdict.largest == pytest.approx(3) and verdict.where == (7, 2, 5)
    assert verdict.finding == 'unexplained'
    assert verdict.note == 'only in rows 1, 2; only in LF_HFE, LH_HFE'.replace('LF_HFE', LEGS[4]).replace(
        'LH_HFE', LEGS[5]
    )


@pytest.mark.slow
@few
@seeds
def test_unrelated_noise_is_unexplained(seed):
    world = World(seed)
    for expected, came in (
        (world.walk(12), world.walk(12)),
        (world.walk(3), world.walk(3)),
        (world.turns(), world.turns()),
        (world.walk(7), world.walk(7)),
        (world.walk(1), world.walk(1)),
    ):
        assert compare(world.series(expected, came), world.scene).finding == 'unexplained'
    stacks = (world.stacked(world.walk(12), 3) for _ in range(2))
    assert compare(world.joints(*stacks, history=3), world.scene).finding == 'unexplained'


@few
@seeds
def test_noise_on_a_fault_is_unexplained(seed):
    world = World(seed)
    came = world.walk(12)
    expected = came[..., ::-1] + 1e-3 * world.walk(12)
    assert compare(world.joints(expected, came), world.scene).finding == 'unexplained'


@few
@seeds
def test_constant_signals_prove_nothing(seed):
    world = World(seed)
    shape = (world.steps, world.rows, 12)
    values = world.random.normal(size=12)
    for expected, came in ((values[::-1], values), (values * 2, values), (-values, values), (DEFAULT, values)):
        sides = (np.broadcast_to(side, shape) for side in (expected, came))
        verdict = compare(world.joints(*sides), world.scene)
        assert verdict.finding == 'ambiguous'
        assert all(explanation.doubt for explanation in verdict.explanations)
        assert 'offset' in hypotheses(verdict) and len(hypotheses(verdict)) > 1
        assert 'expected is constant; got is constant' in verdict.note


def test_few_different_values_prove_nothing():
    world = World(2)
    came = np.where(world.walk(12) > 0, 1.0, 0.0)
    verdict = compare(world.joints(came * 4, came), world.scene)
    assert verdict.finding == 'ambiguous' and hypotheses(verdict) == {'scale', 'clip'}
    assert all(each.doubt.startswith('too few different values') for each in verdict.explanations)


def test_joint_that_stands_still_is_doubted():
    world = World(2)
    came = world.walk(12)
    came[..., 5] = 0.3
    verdict = compare(world.joints(came - DEFAULT, came), world.scene)
    assert verdict.finding == 'ambiguous' and hypotheses(verdict) == {'offset'}
    assert verdict.explanations[0].doubt == 'too few different values to tell (1): LH_HFE'


def test_rows_that_stand_still_elsewhere_are_evidence():
    """Sixteen robots that stand in sixteen places tell an offset from a factor."""
    world = World(2, rows=16)
    came = np.broadcast_to(world.walk(12)[:1], (world.steps, 16, 12))
    assert compare(world.joints(came - DEFAULT - 1, came), world.scene).finding == 'explained'


def test_joints_that_move_alike_leave_their_order_open():
    world = World(3)
    came = world.walk(12)
    came[..., 4] = came[..., 5]
    order = [5, 1, 2, 3, 4, 0, *range(6, 12)]
    verdict = compare(world.joints(came[..., order], came), world.scene)
    assert verdict.finding == 'ambiguous' and hypotheses(verdict) == {'joint order'}
    assert 'the data fit several orders' in verdict.explanations[0].doubt


def test_mirrored_joints_leave_sign_and_order_open():
    world = World(3)
    came = world.walk(12)
    came[..., 1] = -came[..., 0]
    expected = came.copy()
    expected[..., :2] = came[..., [1, 0]]
    verdict = compare(world.joints(expected, came), world.scene)
    assert verdict.finding == 'ambiguous' and hypotheses(verdict) == {'sign', 'joint order'}


def test_base_that_only_yaws_leaves_the_frame_open():
    world = World(3)
    world.scene = Scene(base=Body(orientation=geometry.yaw_quaternion(world.turns())))
    came = world.walk(3)
    expected = geometry.rotate_inverse(world.scene.base.orientation, came)
    verdict = compare(world.series(expected, came), world.scene)
    assert verdict.finding == 'ambiguous' and hypotheses(verdict) == {'frame'}
    assert {explanation.remedy.count('yaw_only') for explanation in verdict.explanations} == {0, 1}


def test_base_that_does_not_turn_leaves_offset_and_body_offset_open():
    world = World(3)
    still = np.broadcast_to([0.0, 0.0, 0.0, 1.0], (world.steps, world.rows, 4))
    came = world.walk(3)
    verdict = compare(world.series(came + [0.0, 0.1, 0.2], came), Scene(base=Body(orientation=still)))
    assert verdict.finding == 'ambiguous' and hypotheses(verdict) == {'offset', 'body offset'}


def test_ramp_leaves_lateness_and_offset_open():
    world = World(3)
    world.begins[1:] = False
    came = np.broadcast_to(np.linspace(0, 6, world.steps)[:, np.newaxis, np.newaxis], (world.steps, 3, 1))
    expected = came + 6 / (world.steps - 1)
    assert hypotheses(compare(world.series(expected, came), world.scene)) == {'offset', 'late'}


@pytest.mark.slow
@few
@seeds
def test_few_odd_samples_do_not_hide_a_fault(seed):
    world = World(seed, steps=200)
    came = world.walk(12)
    expected = came * 0.25 - DEFAULT * 0.25
    odd = np.zeros(came.shape[:2], dtype=bool)
    odd.reshape(-1)[world.random.choice(odd.size, 3, replace=False)] = True
    expected[odd] += 1
    verdict = compare(world.joints(expected, came, scale=(0.25,)), world.scene)
    assert hypotheses(verdict) == {'scale + offset'}
    simple = came - DEFAULT - 1
    simple[odd] += 1
    (explanation,) = compare(world.joints(simple, came), world.scene).explanations
    assert explanation.hypothesis == 'offset' and explanation.share >= 0.98


def test_rows_are_told_apart():
    """Each row has its own data, and all have the same fault; a fault of one row alone is called so."""
    world = World(5)
    came = world.walk(12) * np.array([1.0, 30.0, 0.1])[:, np.newaxis] + np.arange(3)[:, np.newaxis]
    assert hypotheses(compare(world.joints(came[..., ::-1], came), world.scene)) == {'joint order'}
    expected = came.copy()
    expected[:, 1] = came[:, 1, ::-1]
    verdict = compare(world.joints(expected, came), world.scene)
    assert verdict.finding == 'unexplained' and verdict.note.startswith('only in rows 1')


def test_lateness_does_not_cross_resets():
    """Every episode starts with values of its own, and half the samples are near a reset."""
    world = World(6, steps=120)
    world.begins[:] = world.random.random(world.begins.shape) < 0.3
    now = world.walk(12)
    (explanation,) = compare(world.joints(now, world.late(now, 1)), world.scene).explanations
    assert explanation.hypothesis == 'late' and explanation.residual == 0 and explanation.share == 1


def test_difference_at_resets_alone_is_noted():
    world = World(7)
    came = world.walk(12)
    expected = np.where(world.begins[..., np.newaxis], 0, came)
    verdict = compare(world.joints(expected, came), world.scene)
    assert verdict.finding == 'unexplained' and 'only in the first step of episodes' in verdict.note


def test_what_is_left_out_counts_for_nothing_and_is_told():
    world = World(7)
    came = world.walk(12)
    right = world.joints(np.where(world.begins[..., np.newaxis], came + 2, came), came)
    verdict = compare(dataclasses.replace(right, left_out=world.begins), world.scene)
    assert verdict.agrees and verdict.largest == 0 and verdict.left_out == pytest.approx(2, rel=1e-6)
    # a fault is found in the rest, though what is left out speaks against it
    wrong = world.joints(np.where(world.begins[..., np.newaxis], -came, 2 * came), came)
    found = compare(dataclasses.replace(wrong, left_out=world.begins), world.scene)
    assert hypotheses(found) == {'scale'} and found.explanations[0].share == 1
    agreeing = dataclasses.replace(world.joints(came, came), left_out=world.begins)
    assert compare(agreeing, world.scene).left_out == 0


def test_what_is_not_finite_differs_and_is_left_out():
    world = World(8)
    came = world.walk(12)
    expected = came * 2
    came[3, 1, 4] = np.nan
    verdict = compare(world.joints(expected, came), world.scene)
    assert verdict.largest == np.inf and verdict.where == (3, 1, 4)
    assert hypotheses(verdict) == {'scale'} and '1 samples are not finite' in verdict.note


@pytest.mark.slow
@few
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(12)))
def test_joint_order_with_another_fault(seed, order):
    world = World(seed)
    came = world.walk(12)
    if order == sorted(order):
        return
    sign = np.where(np.arange(12) % 5, 1.0, -1.0)
    placed = came[..., order]
    joints = f'joints: [{", ".join(LEGS[place] for place in order)}]'
    for second, expected in (('sign', placed * sign), ('scale', placed * 0.3), ('offset', placed - DEFAULT)):
        (explanation,) = compare(world.joints(expected, came), world.scene).explanations
        assert explanation.hypothesis == f'joint order + {second}' and not explanation.doubt
        assert explanation.remedy.startswith(joints)


def test_offsets_in_the_order_of_training_stay_where_they_are():
    """The file lists offsets in the order of training, and joints in another: only the joints are to change."""
    world = World(9)
    position, order = world.walk(12), [*range(6, 12), *range(6)]
    expected, came = position[..., order] - DEFAULT, position - DEFAULT
    (explanation,) = compare(world.joints(expected, came, offset=tuple(DEFAULT)), world.scene).explanations
    assert explanation.remedy == f'joints: [{", ".join(LEGS[place] for place in order)}]'


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_pairs_are_found_and_named(seed):
    world = World(seed)
    base, hand = world.scene.base, world.scene.bodies['hand']
    came, velocity = world.walk(12), base.linear_velocity
    body = geometry.rotate_inverse(base.orientation, velocity)
    sign = np.where(np.arange(12) % 5, 1.0, -1.0)
    past = world.late(came, 1)
    wxyz = [3, 0, 1, 2]
    unique = np.where(hand.orientation[..., 3:] < 0, -hand.orientation, hand.orientation)
    tip = hand.position + geometry.rotate(hand.orientation, np.array([0.0, 0.0, 0.1]))
    camera = world.scene.bodies['camera']
    stack = world.stacked(came, 3).reshape(world.steps, world.rows, 3, 12)
    newest = stack[:, :, ::-1]
    planted = {
        'scale + offset': world.joints(came * 0.5 - DEFAULT, came),
        'sign + offset': world.joints(came * sign - DEFAULT, came),
        'scale + clip': world.joints(np.clip(came * 0.5, -0.6, 0.6), came),
        'offset + clip': world.joints(np.clip(came - DEFAULT, -1.1, 1.1), came),
        'quaternion order + quaternion sign': world.series(unique[..., wxyz], hand.orientation),
        'frame + scale': world.series(body * 2, velocity, kind='field'),
        'frame + sign': world.series(body * [1, -1, -1], velocity, kind='field'),
        'late + sign': world.joints(came * sign, past),
        'late + scale': world.joints(came * 0.5, past),
        'late + joint order': world.joints(came[..., ::-1], past),
        'history order + scale': world.joints(
            (newest * 3).reshape(*newest.shape[:2], 36), stack_flat(stack), history=3
        ),
        'history order + joint order': world.joints(
            newest[..., ::-1].reshape(*newest.shape[:2], 36), stack_flat(stack), history=3
        ),
        'wrong body + body offset': world.series(tip, camera.position),
    }
    for name, series in planted.items():
        verdict = compare(series, world.scene)
        assert (hypotheses(verdict), verdict.finding) == ({name}, 'explained'), verdict.explanations
        assert ';' in verdict.explanations[0].sentence


def stack_flat(stack):
    """Return a history (steps, rows, samples, n) as the file flattens it."""
    return stack.reshape(*stack.shape[:2], -1)


def test_pair_states_its_options_whole():
    world = World(10)
    came = world.walk(12)
    series = world.joints(came * 0.5 - 0.25, came, scale=(2.0,), offset=(1.0,))
    # (v − 1) · 2 comes, and ((v − 1) · 2) · 0.5 − 0.25 = (v − 1.25) · 1 is expected
    (explanation,) = compare(series, world.scene).explanations
    assert explanation.remedy == 'scale: 1, offset: 1.25'


def test_hypotheses_and_pairs_have_one_name_each():
    assert len(HYPOTHESES) == 12
    assert {name for pair in PAIRS for name in pair} <= set(HYPOTHESES)
    assert {name for each in HYPOTHESES.values() for name in each.covers} <= set(HYPOTHESES)


def test_scene_may_be_absent():
    world = World(11)
    came = world.walk(3)
    assert compare(world.series(came * 2, came)).finding == 'explained'
    assert compare(world.series(world.walk(3), came)).finding == 'unexplained'


@pytest.mark.parametrize('steps, rows', [(1, 1), (1, 4), (2, 1), (3, 2), (0, 2)])
def test_short_recordings_prove_nothing(steps, rows):
    random = np.random.default_rng(1)
    expected, came = random.normal(size=(2, steps, rows, 12))
    series = Series('term', expected, came, np.zeros((steps, rows), dtype=bool))
    assert compare(series).finding == ('unexplained' if steps else 'agrees')


@pytest.mark.parametrize(
    'change, complaint',
    [
        ({'expected': np.zeros((4, 3))}, r'expected is \(4, 3\)'),
        ({'got': np.zeros((4, 2, 5))}, r'got is \(4, 2, 5\); expected \(4, 2, 6\)'),
        ({'begins': np.zeros((4, 3), dtype=bool)}, 'begins'),
        ({'left_out': np.zeros((3, 2), dtype=bool)}, 'left_out'),
        ({'side': 'input'}, "unknown side 'input'"),
        ({'written': Written(history=4)}, 'whole samples'),
        ({'written': Written(joints=('a', 'b'))}, 'joints has 2 numbers; expected 0 or 6'),
        ({'written': Written(scale=(1.0, 2.0))}, 'scale has 2 numbers'),
        ({'written': Written(sizes=(2, 3))}, 'sum of sizes is 5; expected 6'),
        ({'written': Written(convention='zyx')}, "unknown convention 'zyx'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, complaint):
    parts = {'expected': np.zeros((4, 2, 6)), 'got': np.zeros((4, 2, 6)), 'begins': np.zeros((4, 2), dtype=bool)}
    with pytest.raises(ConfigurationError, match=complaint):
        Series(name='term', **{**parts, **change})


def test_scene_of_other_steps_is_refused():
    world = World(12)
    scene = Scene(bodies={'hand': Body(position=np.zeros((4, 3, 3)))})
    with pytest.raises(ConfigurationError, match=r'hand.position is \(4, 3, 3\); expected \(60, 3, 3\)'):
        compare(world.series(world.walk(3), world.walk(3)), scene)


@pytest.mark.parametrize('fault', ['joint order', 'late + scale', 'noise'])
def test_long_recording_takes_seconds(fault):
    world = World(13, steps=200, rows=16)
    came = world.walk(48)
    expected = {
        'joint order': lambda: came[..., ::-1],
        'late + scale': lambda: came * 2,
        'noise': lambda: world.walk(48),
    }[fault]()
    series = world.series(expected, world.late(came, 1) if '+' in fault else came)
    start = process_time()
    verdict = compare(series, world.scene)
    assert process_time() - start < 10
    assert hypotheses(verdict) == (set() if fault == 'noise' else {fault})


def test_very_large_series_is_explained_by_its_first_rows(monkeypatch):
    monkeypatch.setattr(case, '_MOST_NUMBERS', 60 * 4 * 3)
    world = World(14, rows=16)
    base = world.scene.base
    body = geometry.rotate_inverse(base.orientation, base.linear_velocity)
    verdict = compare(world.series(body, base.linear_velocity, kind='field'), world.scene)
    assert verdict.finding == 'explained' and hypotheses(verdict) == {'frame'}
