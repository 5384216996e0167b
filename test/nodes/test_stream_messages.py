# SPDX-License-Identifier: Apache-2.0
"""What is built from a step: for the rows that are shown, in the dtype of the network, with a name for each number."""

from nodes.stepper_bench import Bench
import numpy as np
import pytest
from rclpy.serialization import deserialize_message

from rl_policy_node.control.distribution import Distribution, Piece
from rl_policy_node.control.specs import OodSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.streams import Cut, PolicyStreams, StreamSpec
from rl_policy_node.nodes.policy.tracks import Track, tracks
from rl_policy_node.policy import Spaces

SHOWN = {'~/policy/observation/obs', '~/policy/action', '~/policy/terms'}


FLAT = Spaces((9,), 3)
IMAGE = Spaces({'rgb': (4, 6, 3), 'vector': (2,), '2nd eye.left': (1,)}, 2, dtype={'rgb': 'uint8'})


def read(streams, cut):
    """Return topic → message."""
    return {each.topic: deserialize_message(each.payload, each.message_type) for each in streams.messages(cut)}


def cut_of(bench, rows):
    outcome = bench.keeper.outcomes[-1]
    inputs = {name: value[rows] for name, value in outcome.inputs.items()}
    return Cut(12 * 10**9 + 34, inputs, outcome.actions[rows], outcome.acted[rows])


@pytest.fixture
def bench(run):
    """Two robots after a step in which only the second acts."""
    bench = Bench(run)
    bench.feed()
    bench.start()
    bench.time += 0.15
    bench.feed(rows=(1,))
    bench.time += 0.1
    bench.step()
    return bench


def streams_of(bench, **options):
    return PolicyStreams(StreamSpec(**options), bench.control, FLAT, tracks(bench.control, bench.cycle))


def test_rows_bear_the_names_of_their_robots(bench):
    streams = streams_of(bench)
    cut = cut_of(bench, [0, 1])
    shown = read(streams, cut)
    assert set(shown) == set(streams.topics) == SHOWN
    observation = shown['~/policy/observation/obs']
    assert [(each.label, each.size) for each in observation.layout.dim] == [('rows: left, right', 2), ('obs', 9)]
    assert np.array(observation.data, np.float32).tobytes() == cut.inputs['obs'].tobytes()
    named = dict(zip(shown['~/policy/terms'].name, shown['~/policy/terms'].position))
    assert named['left/acting'] == 0.0 and named['right/acting'] == 1.0
    assert named['right/force/y'] == cut.inputs['obs'][1, 7] == 2.0
    assert named['right/action/arm/wrist'] == cut.actions[1, 2]
    assert tuple(named) == streams.names
    stamp = shown['~/policy/terms'].header.stamp
    assert (stamp.sec, stamp.nanosec) == (12, 34)


def test_only_the_rows_that_were_chosen_are_shown(bench):
    streams = streams_of(bench, rows=(1,))
    assert streams.rows == [1]
    shown = read(streams, cut_of(bench, [1]))
    assert all(name.startswith('right/') for name in shown['~/policy/terms'].name)
    assert len(shown['~/policy/action'].data) == 3


def test_a_term_of_many_numbers_is_summed_up(bench):
    named = [Track('grid', 'grid', 'obs', 2, tuple(map(str, range(5))))]
    streams = PolicyStreams(StreamSpec(most_names=3), bench.control, FLAT, named)
    cut = cut_of(bench, [0, 1])
    terms = read(streams, cut)['~/policy/terms']
    assert list(terms.name[5:]) == [f'right/grid/{what}' for what in ('least', 'mean', 'greatest')]
    part = cut.inputs['obs'][1, 2:7]
    np.testing.assert_array_equal(terms.position[5:], [part.min(), part.mean(), part.max()])


def test_images_are_left_out_unless_asked_for_and_then_they_are_what_the_network_gets(bench):
    control, cut = (
        bench.control,
        Cut(
            1,
            {
                'rgb': np.random.default_rng(0).uniform(0, 255, (2, 4, 6, 3)).astype(np.float32),
                'vector': np.ones((2, 2), np.float32),
                '2nd eye.left': np.full((2, 1), np.nan, np.float32),
            },
            np.array([[1, 2], [3, 4]], np.int64),
            np.ones(2, bool),
        ),
    )
    small = PolicyStreams(StreamSpec(most_numbers=71), control, IMAGE, [])
    assert 'rgb' not in small.inputs and '~/policy/observation/rgb' not in small.topics
    shown = read(PolicyStreams(StreamSpec(), control, IMAGE, []), cut)
    image = shown['~/policy/observation/rgb']
    assert [each.size for each in image.layout.dim] == [2, 4, 6, 3] and image.layout.dim[1].label == 'rgb'
    assert image.data.tolist() == cut.inputs['rgb'].astype(np.uint8).reshape(-1).tolist()
    assert shown['~/policy/action'].data.tolist() == [1, 2, 3, 4]
    # a topic has neither dots nor spaces, and does not begin with a digit; and no number is too odd to be shown
    assert np.isnan(shown['~/policy/observation/_2nd_eye_left'].data).all()


def test_a_term_of_two_inputs_bears_both_names(run):
    spaces = Spaces({'a': (3,), 'b': (6,)}, 3)
    bench = Bench(run)
    pieces = [Piece('force', name, slice(0, 3), (3,), np.inf) for name in 'ab'] + [
        Piece('position', 'b', slice(3, 6), (3,), np.inf)
    ]
    bench.cycle.distribution = Distribution(OodSpec(), pieces, {}, 2, 0.02)
    names = PolicyStreams(StreamSpec(), bench.control, spaces, tracks(bench.control, bench.cycle)).names
    assert names[:8:3] == ('left/acting', 'left/a.force/z', 'left/b.force/z') and names[7] == 'left/position/shoulder'


def test_of_many_rows_the_first_are_shown():
    assert StreamSpec().rows_of(4096) == list(range(16)) and StreamSpec().rows_of(3) == [0, 1, 2]
    assert StreamSpec(rows=(4000, 5)).rows_of(4096) == [4000, 5]
    with pytest.raises(ConfigurationError, match=r'stream.rows.*\[7, 2\].*0 to 1'):
        StreamSpec(rows=(7, 0, 2)).rows_of(2)
