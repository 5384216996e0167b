# SPDX-License-Identifier: Apache-2.0
"""Each fault, planted in random signals, is found and named, its remedy is the right one, and no other is."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from signals import DEFAULT, LEGS, World

from rl_policy_node import geometry
from rl_policy_node.mismatch import Body, compare, Scene

NUMBER = r'-?\d+\.?\d*(?:e-?\d+)?'
seeds = given(seed=st.integers(0, 2**32 - 1))
few = settings(max_examples=20)


def explained(series, world, hypothesis):
    """Return the one explanation of a series, after its name is checked."""
    verdict = compare(series, world.scene)
    assert verdict.finding == 'explained', (verdict.note, verdict.explanations)
    (explanation,) = verdict.explanations
    assert explanation.hypothesis == hypothesis
    assert explanation.share > 0.99 and explanation.residual < 1e-4
    return explanation


def options(remedy):
    """Return the options of a remedy, each a list of numbers."""
    return {
        name: [float(each) for each in re.findall(NUMBER, values)]
        for name, values in re.findall(rf'(\w+): (\[[^]]*\]|{NUMBER})', remedy)
    }


def near(values):
    """Return what equals numbers that are printed with six digits; one stands for all."""
    values = [float(value) for value in np.atleast_1d(values)]
    return pytest.approx(values if len(set(values)) > 1 else values[:1], rel=2e-5, abs=2e-5)


@few
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(12)))
def test_joint_order_of_observations(seed, order):
    world = World(seed)
    came = world.walk(12)
    if order == sorted(order):
        return
    explanation = explained(world.joints(came[..., order], came), world, 'joint order')
    assert explanation.remedy == f'joints: [{", ".join(LEGS[place] for place in order)}]'


@few
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(12)))
def test_joint_order_of_commands(seed, order):
    """The file lists the joints in `LEGS`' order, and training drove joint order[k] by action k."""
    world = World(seed)
    action = world.walk(12)
    expected = np.empty_like(action)
    expected[..., order] = action
    if order == sorted(order):
        return
    explanation = explained(world.joints(expected, action, 'command'), world, 'joint order')
    assert explanation.remedy == f'joints: [{", ".join(LEGS[joint] for joint in order)}]'


def test_exchanged_joints_are_named():
    world = World(1)
    came = world.walk(12)
    order = [3, 1, 2, 0, *range(4, 12)]
    explanation = explained(world.joints(came[..., order], came), world, 'joint order')
    assert explanation.sentence == 'exchanged: LF_HAA and RH_HAA'


def test_numbers_without_names_are_listed_by_place():
    world = World(1)
    came = world.walk(5)
    explanation = explained(world.series(came[..., [4, 0, 1, 2, 3]], came), world, 'joint order')
    assert explanation.remedy == 'elements: [4, 0, 1, 2, 3]'


@few
@given(seed=st.integers(0, 2**32 - 1), flipped=st.sets(st.integers(0, 11), min_size=1))
def test_sign(seed, flipped):
    world = World(seed)
    came = world.walk(12)
    sign = np.where(np.isin(np.arange(12), list(flipped)), -1.0, 1.0)
    explanation = explained(world.joints(came * sign, came, scale=(0.5,)), world, 'sign')
    assert options(explanation.remedy) == {'scale': near(0.5 * sign)}


@few
@seeds
def test_quaternion_order(seed):
    world = World(seed)
    came = world.turns()
    explanation = explained(world.series(came[..., [3, 0, 1, 2]], came), world, 'quaternion order')
    assert explanation.remedy == 'convention: wxyz'
    back = world.series(came, came[..., [3, 0, 1, 2]], convention='wxyz')
    assert explained(back, world, 'quaternion order').remedy == 'convention: xyzw'


@few
@seeds
def test_quaternion_order_of_a_pose(seed):
    world = World(seed)
    hand = world.scene.bodies['hand']
    came = np.concatenate([hand.position, hand.orientation], axis=-1)
    explained(world.series(came[..., [0, 1, 2, 6, 3, 4, 5]], came), world, 'quaternion order')


@few
@seeds
def test_quaternion_sign(seed):
    world = World(seed)
    came = world.turns() * np.where(world.walk(1) < 0, -1, 1)
    unique = np.where(came[..., 3:] < 0, -came, came)
    assert explained(world.series(unique, came), world, 'quaternion sign').remedy == 'unique_sign: true'
    assert explained(world.series(came, unique), world, 'quaternion sign').remedy == 'unique_sign: false'
    other = np.where(world.walk(1) < 0, -came, came)
    assert 'unique_sign' not in explained(world.series(other, came), world, 'quaternion sign').remedy
    first = {'convention': 'wxyz'}
    both = (values[..., [3, 0, 1, 2]] for values in (unique, came))
    assert explained(world.series(*both, **first), world, 'quaternion sign').remedy == 'unique_sign: true'


@few
@seeds
def test_frame_of_a_velocity(seed):
    world = World(seed)
    base = world.scene.base
    q, v = base.orientation, base.linear_velocity
    yaw = geometry.yaw_quaternion(q)
    body, heading = geometry.rotate_inverse(q, v), geometry.rotate_inverse(yaw, v)
    for expected, came, remedy in (
        (body, v, 'kind: rotate'),
        (v, body, 'kind: rotate, inverse: false'),
        (heading, v, 'kind: rotate, yaw_only: true'),
        (v, heading, 'kind: rotate, inverse: false, yaw_only: true'),
    ):
        found = explained(world.series(expected, came), world, 'frame').remedy
        assert found == f"{remedy}, frame_source: the source of the base's orientation"
    turned = {'kind': 'rotate', 'scale': (2.0, 2.0, 0.25), 'offset': (0.1, 0.2, 0.3)}
    written = np.array(turned['scale']), np.array(turned['offset'])
    for expected, came, remedy in (
        (body, heading, 'yaw_only: false'),
        (heading, body, 'yaw_only: true'),
        (geometry.rotate(q, v), body, 'inverse: false'),
        (body, geometry.rotate(q, v), 'inverse: true'),
        (v, body, 'kind: field, the source is in the expected frame already'),
    ):
        sides = ((side - written[1]) * written[0] for side in (expected, came))
        assert explained(world.series(*sides, **turned), world, 'frame').remedy == remedy


@few
@seeds
def test_frame_of_gravity(seed):
    """IsaacGymEnvs' Anymal turns gravity by the orientation, Isaac Lab by its inverse."""
    world = World(seed)
    anymal = geometry.rotate(world.scene.base.orientation, np.array([0.0, 0.0, -1.0]))
    series = world.series(anymal, world.gravity(), kind='projected_gravity')
    assert explained(series, world, 'frame').remedy == 'inverse: false'
    still = world.series(world.gravity(), np.broadcast_to([0.0, 0.0, -1.0], anymal.shape), kind='field')
    assert explained(still, world, 'frame').remedy.startswith('kind: rotate, frame_source')


@few
@seeds
def test_offset_is_called_by_the_constant_it_equals(seed):
    world = World(seed)
    position = world.walk(12)
    explanation = explained(world.joints(position - DEFAULT, position), world, 'offset')
    assert '(default joint positions)' in explanation.sentence
    assert options(explanation.remedy) == {'offset': near(DEFAULT)}


@few
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.05, 5), missing=st.floats(0.01, 2))
def test_offset_beside_what_the_file_has(seed, scale, missing):
    world = World(seed)
    position = world.walk(12)
    wanted = DEFAULT + missing
    sides = (position - wanted) * scale, (position - DEFAULT) * scale
    written = {'scale': (scale,), 'offset': tuple(DEFAULT)}
    assert options(explained(world.joints(*sides, **written), world, 'offset').remedy) == {'offset': near(wanted)}
    commands = position * scale + wanted, position * scale + DEFAULT
    assert options(explained(world.joints(*commands, 'command', **written), world, 'offset').remedy) == {
        'offset': near(wanted)
    }


@few
@given(seed=st.integers(0, 2**32 - 1), factor=st.one_of(st.floats(0.01, 0.9), st.floats(1.1, 50)))
def test_scale(seed, factor):
    world = World(seed)
    came = world.walk(12)
    explanation = explained(world.joints(came * factor, came, scale=(0.5,)), world, 'scale')
    assert options(explanation.remedy) == {'scale': near([0.5 * factor])}
    each = np.linspace(factor, 2 * factor, 12)
    explanation = explained(world.joints(came * each, came, 'command', offset=(0.1,)), world, 'scale')
    assert options(explanation.remedy) == {'scale': near(each), 'offset': near(0.1 * each)}


def test_scale_between_units_is_named():
    world = World(4)
    came = world.walk(12)
    assert 'degrees for radians' in explained(world.joints(np.degrees(came), came), world, 'scale').sentence


@few
@given(seed=st.integers(0, 2**32 - 1), bound=st.floats(0.3, 1.2))
def test_clip(seed, bound):
    world = World(seed)
    came = world.walk(12)
    expected = np.clip(came, -bound, bound)
    found = explained(world.joints(expected * 0.5, came * 0.5, scale=(0.5,)), world, 'clip')
    assert options(found.remedy) == {'clip': near([bound])}
    found = explained(world.joints(np.clip(came, -bound, 0.5), came), world, 'clip')
    assert options(found.remedy) == (
        {'clip': near([0.5])} if abs(bound - 0.5) < 1e-6 else {'clip_range': near([-bound, 0.5])}
    )
    assert 'take clip' in explained(world.joints(came, expected), world, 'clip').remedy


@few
@seeds
def test_clip_at_joint_limits(seed):
    world = World(seed)
    came = world.walk(12)
    lower, upper = np.linspace(-0.5, -0.9, 12), np.linspace(0.4, 1.0, 12)
    world.scene.constants['upper limits'] = upper
    found = explained(world.joints(np.clip(came, lower, upper), came, 'command'), world, 'clip')
    assert options(found.remedy) == {'lower': near(lower), 'upper': near(upper)}
    assert '(upper limits)' in found.sentence


@few
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 3))
def test_steps_late_and_early(seed, count):
    world = World(seed)
    now = world.walk(12)
    past = world.late(now, count)
    assert explained(world.joints(now, past), world, 'late').sentence.startswith(f'what comes is {count} step')
    early = explained(world.joints(past, now), world, 'late')
    assert early.sentence.endswith('early') and 'kind: function' in early.remedy


@few
@given(seed=st.integers(0, 2**32 - 1), order=st.sampled_from(['newest', 'element', 'newest element']))
def test_history_order(seed, order):
    world = World(seed)
    came = world.stacked(world.walk(12), 5)
    expected = came.reshape(world.steps, world.rows, 5, 12)
    expected = expected[:, :, ::-1] if 'newest' in order else expected
    expected = expected.swapaxes(2, 3) if 'element' in order else expected
    series = world.joints(expected.reshape(came.shape), came, history=5)
    sentence = explained(series, world, 'history order').sentence
    assert ('newest first' in sentence) == ('newest' in order)
    assert ('number by number' in sentence) == ('element' in order)


@few
@seeds
def test_history_of_an_input_step_by_step(seed):
    world = World(seed)
    terms = world.walk(3), world.walk(12)
    came = np.concatenate([world.stacked(term, 4) for term in terms], axis=-1)
    expected = world.stacked(np.concatenate(terms, axis=-1), 4)
    found = explained(world.series(expected, came, history=4, sizes=(3, 12)), world, 'history order')
    assert 'step by step' in found.sentence and 'oldest first, step' in found.sentence


@few
@given(
    seed=st.integers(0, 2**32 - 1), fault=st.sampled_from(['sign', 'scale', 'offset', 'joint order', 'late', 'clip'])
)
def test_faults_below_a_history(seed, fault):
    world = World(seed)
    now = world.walk(12)
    came = {
        'sign': lambda: now * np.where(np.arange(12) % 3, 1, -1),
        'scale': lambda: now * 4,
        'offset': lambda: now + DEFAULT,
        'joint order': lambda: now[..., ::-1],
        'late': lambda: world.late(now, 1),
        'clip': lambda: np.clip(now, -0.6, 0.6),
    }[fault]()
    series = world.joints(world.stacked(now, 3), world.stacked(came.astype(np.float32), 3), history=3)
    explained(series, world, fault)


@few
@seeds
def test_wrong_body(seed):
    world = World(seed)
    base, hand, camera = world.scene.base, *world.scene.bodies.values()
    found = explained(world.series(hand.position, camera.position), world, 'wrong body')
    assert found.sentence == 'the value of hand is expected, and that of camera comes'
    assert 'source_frame: hand' in found.remedy
    seen = (geometry.rotate_inverse(base.orientation, body.position - base.position) for body in (hand, camera))
    explained(world.series(*(2.0 * (place - 0.1) for place in seen), scale=(2.0,), offset=(0.1,)), world, 'wrong body')
    explained(world.series(hand.orientation, camera.orientation), world, 'wrong body')
    poses = (np.concatenate([body.position, body.orientation], axis=-1) for body in (camera, hand))
    explained(world.series(*poses), world, 'wrong body')
    explained(world.series(hand.angular_velocity, base.angular_velocity), world, 'wrong body')
    own = (geometry.rotate_inverse(body.orientation, body.angular_velocity) for body in (hand, camera))
    explained(world.series(*own), world, 'wrong body')


@few
@seeds
def test_body_offset(seed):
    """Isaac Lab's body_offset of Franka's hand is 0.107 m."""
    world = World(seed)
    base, hand = world.scene.base, world.scene.bodies['hand']
    tip = hand.position + geometry.rotate(hand.orientation, np.array([0.0, 0.0, 0.107]))
    found = explained(world.series(tip, hand.position), world, 'body offset')
    assert '[0, 0, 0.107] m in the frame of hand' in found.sentence
    seen = (geometry.rotate_inverse(base.orientation, place - base.position) for place in (tip, hand.position))
    found = explained(world.series(*seen), world, 'body offset')
    assert 'in the frame of hand, seen from the base' in found.sentence


@few
@seeds
def test_body_offset_of_a_pose(seed):
    world = World(seed)
    hand = world.scene.bodies['hand']
    turn = geometry.quaternion_from_rotation_vector(np.array([0.0, 0.0, -0.785]))
    tip = hand.position + geometry.rotate(hand.orientation, np.array([0.0, 0.05, 0.107]))
    turned = geometry.multiply(hand.orientation, np.broadcast_to(turn, hand.orientation.shape))
    found = explained(world.series(turned, hand.orientation), world, 'body offset')
    assert '[0, 0, -0.785] rad' in found.sentence
    expected = np.concatenate([tip, turned], axis=-1)
    came = np.concatenate([hand.position, hand.orientation], axis=-1)
    found = explained(world.series(expected, came), world, 'body offset')
    assert '[0, 0.05, 0.107] m, rotation vector [0, 0, -0.785] rad' in found.sentence
    only = np.concatenate([tip, hand.orientation], axis=-1)
    explained(world.series(only, came), world, 'body offset')


@few
@given(seed=st.integers(0, 2**32 - 1), known=st.booleans())
def test_frame_below_a_history(seed, known):
    """Each sample is turned by the base's orientation at its own time, which may lie before the recording."""
    world = World(seed)
    cut = 0 if known else 10
    world.begins[1 : cut + 1] = False
    base = world.scene.base
    body = geometry.rotate_inverse(base.orientation, base.linear_velocity)
    stacks = [world.stacked(values, 4)[cut:] for values in (body, base.linear_velocity)]
    world.begins = world.begins[cut:]
    world.scene = Scene(base=Body(orientation=base.orientation[cut:]))
    explained(world.series(*stacks, history=4, kind='field'), world, 'frame')
