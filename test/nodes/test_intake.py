"""What a step takes in: the quick answers are those of a look at every row."""
import types

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.nodes.intake import Intake

ROWS, NOW = 3, 12
masks = st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(np.array)
stamps = st.lists(st.sampled_from([-5, 0, 1, 5, 9]), min_size=ROWS, max_size=ROWS)


def intake(trigger='observation', episode_topic='', alignments=('hold', 'drop')):
    """Return an Intake of two sources, the first of which an action measures by; and the sources."""
    sources = {}
    for name, alignment in zip(('arm', 'camera'), alignments):
        spec = SourceSpec(name, name, 'x', alignment=alignment, use_header_stamp=False)
        sources[name] = types.SimpleNamespace(spec=spec, buffer=SourceBuffer(spec, {'a': ((2,), np.float64)}, ROWS))
    control = types.SimpleNamespace(rows=ROWS, trigger=trigger, episode_topic=episode_topic, alignment_reference='',
                                    actions=[types.SimpleNamespace(source='arm'), types.SimpleNamespace(source='')])
    return Intake(control, sources, lambda: NOW), sources


triggers = st.sampled_from(['observation', 'timer', 'lockstep'])


@given(masks, masks, masks, masks, triggers, st.sampled_from(['', 'episode']))
def test_ready_is_asked_of_every_row(arm, camera, fit, episode, trigger, episode_topic):
    made, sources = intake(trigger, episode_topic)
    sources['arm'].buffer.fresh[:], sources['camera'].buffer.fresh[:] = arm, camera
    made.episode_fresh[:] = episode
    complete = arm & camera
    if trigger == 'lockstep':
        assert made.ready(fit) == (complete & (episode if episode_topic else True)).all()
    else:
        assert made.ready(fit) == (complete.any() and complete[fit].all())


@given(stamps, stamps, masks, masks, st.lists(stamps, max_size=3))
def test_complete_is_asked_of_every_row(arm, camera, new, rows, episodes):
    made, sources = intake()
    for name, stamped in (('arm', arm), ('camera', camera)):
        sources[name].buffer.stamps[:], sources[name].buffer.fresh[:] = stamped, new
    begun = np.zeros(ROWS, dtype=np.int64)
    for episode in episodes:
        made.episode[:] = episode
        np.testing.assert_array_equal(made.episode_begins(), begun != episode)
        begun = np.array(episode)
    made.take()
    belong = [(np.array(stamped) == 0) | (np.array(stamped) >= begun) for stamped in (arm, camera)]
    np.testing.assert_array_equal(made.complete(rows), rows & belong[0] & belong[1] & new)


@given(masks, masks, masks)
def test_there_is_whoever_was_measured(arm, camera, rows):
    made, sources = intake()
    for name, came in (('arm', arm), ('camera', camera)):
        sources[name].buffer.received[came] = 1.0
    made.take()
    np.testing.assert_array_equal(made.there(rows), rows & arm)


@given(stamps, stamps, masks)
def test_answers_bear_the_stamp_of_what_they_answer_and_others_the_time(arm, camera, answers):
    made, sources = intake()
    sources['arm'].buffer.stamps[:], sources['camera'].buffer.stamps[:] = arm, camera
    made.take()
    for source, wanted in (('arm', arm), ('', np.maximum(arm, camera))):
        for row, stamp in enumerate(made.stamps(source, answers).tolist()):
            assert stamp == (wanted[row] if answers[row] and wanted[row] else NOW)


def test_what_is_taken_stays_as_it_was_and_is_no_longer_new():
    made, sources = intake()
    buffer = sources['arm'].buffer
    buffer.write(1, {'a': np.array([1.0, 2.0])}, 7, 3.0)
    buffer.reject(2, ValueError('no number'))
    made.take(keep_fresh=True)
    assert buffer.fresh.tolist() == [False, True, False]
    made.take()
    assert not buffer.fresh.any() and made.taken['arm'].fresh.tolist() == [False, True, False]
    buffer.write(1, {'a': np.array([3.0, 4.0])}, 8, 4.0)
    taken = made.taken['arm']
    assert taken.values['a'].tolist() == [[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]] and taken.stamps.tolist() == [0, 7, 0]
    assert made.arrived() == 3.0 and taken.refused.tolist() == [False, False, True]
    assert str(taken.last_fault[2]) == 'no number'
