# SPDX-License-Identifier: Apache-2.0
"""What a journal keeps of a run replays bit for bit, from any state on; whatever differs is found where it is."""

import threading

from nodes.harness import tiny_run
from nodes.replay_bench import eventful, flipped, Recorded, RICH, RICH_SIZE
import numpy as np
import pytest
import torch

from rl_policy_node.core.recording import Fallback, Gap, Message, Snapshot, Step

FLEET = tuple(f'robot_{row}' for row in range(5))
BACKENDS = {
    'eager': {},
    'eager, sampled': {'deterministic': False},
    'onnx': {'backend': 'onnx'},
    'onnx, sampled': {'backend': 'onnx', 'deterministic': False},
}


@pytest.fixture(scope='module')
def rich(tmp_path_factory):
    """A run whose observations have a memory."""
    return tiny_run(tmp_path_factory.mktemp('rich'), observations=RICH_SIZE)


@pytest.mark.parametrize('options', BACKENDS.values(), ids=BACKENDS)
def test_a_run_with_everything_in_it_replays_bit_for_bit(rich, options):
    if options.get('backend'):
        pytest.importorskip('onnxruntime')
    bench = eventful(Recorded(rich, options=options, every=20, **RICH))
    assert bench.differences() == []
    stepped = [step for step in bench.journal.steps if step.outcome and step.outcome.stepped]
    assert bench.player.steps == len(stepped) > 60 and bench.player.skipped == 0
    reasons = ' '.join(str(dict(step.outcome.reasons)) for step in stepped)
    for word in ('stale', 'a person said so', 'all of them', 'the process paused', 'refused', 'tare'):
        assert word in reasons, word
    acted = [step.outcome.actions for step in stepped if step.outcome.acted.all()]
    assert len(acted) > 20 and np.ptp(acted, axis=0).max() > 0.1


@pytest.mark.parametrize('trigger', ['timer', 'observation', 'lockstep'])
def test_every_trigger_replays_with_a_fleet(run, trigger):
    assert eventful(Recorded(run, trigger=trigger, robots=FLEET, lockstep_timeout=10.0)).differences() == []


def test_only_the_robots_with_a_new_observation_act_again_in_the_replay(run):
    bench = Recorded(run, trigger='observation', robots=FLEET).begin().live(3)
    for rows in ((0, 2), (1, 3, 4), (2,), range(5)):
        bench.live(2, rows=rows)
    assert any(step.frame.news is not None for step in bench.journal.steps)
    assert bench.differences() == []


@pytest.mark.parametrize(
    'changes',
    [
        {'sources.wrench.alignment': 'asof'},
        {'sources.wrench.alignment': 'asof', 'alignment_reference': 'joints'},
        {'sources.wrench.alignment': 'drop'},
        {'sources.wrench.frozen_after': 0.5},
        {'sources.joints.use_header_stamp': False},
    ],
    ids=lambda changes: ' '.join(f'{name.split(".")[-1]} {value}' for name, value in changes.items()),
)
def test_every_alignment_replays(run, changes):
    assert eventful(Recorded(run, every=9, **changes)).differences() == []


def test_joints_that_come_in_parts_replay(run):
    bench = Recorded(run, every=4).begin()
    for step in range(12):
        bench.live(1, names=('shoulder', 'wrist') if step % 2 else ('elbow',))
    assert bench.differences() == []
    (first,) = {event.state['sources']['joints'].get('parts') is not None for event in snapshots(bench)[1:]}
    assert first, 'the state holds the age of each joint'


def snapshots(bench):
    return [event for event in bench.journal.events if isinstance(event, Snapshot)]


def test_a_step_that_was_given_up_replays_with_the_fallback_in_its_place(run):
    bench = Recorded(run).begin().live(3)
    act, late = bench.cycle.stepper._policy.act, []

    def slow(observations, hold=None):
        """The watch, in its own thread, gives this step up, and messages come meanwhile."""
        if len(late) < 2:
            late.append(threading.Thread(target=bench.cycle.give_up, args=(bench.cycle.outlet.pending_since,)))
            bench.measure()
            late[-1].start()
            late[-1].join()
        return act(observations, hold)

    bench.cycle.stepper._policy.act = slow
    bench.live(4)
    fallbacks = [event for event in bench.journal.events if isinstance(event, Fallback)]
    assert len(fallbacks) == 2 and all(event.sent is not None for event in fallbacks)
    dropped = [step for step in bench.journal.steps if not step.sending]
    assert len(dropped) == 2 and sum(step.frame.overruled is not None for step in bench.journal.steps) == 2
    assert bench.differences() == []
    events = bench.changed(Fallback, 0, lambda event: event._replace(rows=~event.rows))
    assert 'fallback.rows' in str(bench.differences(events)[0])


def test_an_activation_after_another_replays(run):
    bench = Recorded(run).begin().live(4)
    bench.cycle.stop()
    bench.live(0)
    bench.pass_by(30.0)
    bench.begin().live(4)
    assert bench.differences() == [] and bench.player.steps == 8


def test_it_begins_at_the_next_state_after_a_gap(rich):
    bench = eventful(Recorded(rich, every=10, options={'deterministic': False}, **RICH))
    events = list(bench.journal.events)
    hole = slice(90, 150)
    assert any(isinstance(event, Step) for event in events[hole])
    events[hole] = [Gap(60)]
    assert bench.differences(events) == []
    assert bench.player.skipped > 0 and bench.player.steps + bench.player.skipped > 60
    last = max(index for index, event in enumerate(events) if isinstance(event, Snapshot))
    later = events[last:]
    assert bench.differences(later) == [] and bench.player.steps > 0, 'from the last state alone'


def test_numbers_that_are_missing_make_a_gap(run):
    bench = Recorded(run).begin().live(6)
    place = next(index for index, event in enumerate(bench.journal.events) if isinstance(event, Message) and index > 12)
    events = [*bench.journal.events[:place], *bench.journal.events[place + 1 :]]
    assert bench.differences(events) == [] and bench.player.skipped > 0, 'nothing is said of what is not known'


def test_one_bit_of_a_message_is_found_in_its_term(run):
    bench = Recorded(run).begin().live(6)
    number = 2 * 2 * 3  # two sources of two robots, three steps later

    def change(message):
        payload = bytearray(message.payload)
        assert message.source == 'joints' and message.start == 0
        place = payload.index(np.float64(bench_position(message, bench)).tobytes())
        payload[place + 5] ^= 1  # float32 rounds lower ones off
        return message._replace(payload=bytes(payload))

    found = bench.differences(bench.changed(Message, number, change))[0]
    assert found.step == 3 and found.place == 'inputs.obs' and found.term == 'position', found
    assert found.row == 0 and found.element == (1,) and found.recorded != found.replayed
    assert str(found).startswith("step 3, inputs.obs, term 'position', row 0, number 1: recorded ")


def bench_position(message, bench):
    """Return the second joint's position in a message."""
    return bench.sources['joints'].read(slice(0, 1), message.payload)[0]['position'][0, 1]


def test_one_bit_of_the_weights_is_found_in_the_actions(run):
    def change(policy):
        with torch.no_grad():
            weight = dict(policy.player.model.named_parameters())['a2c_network.mu.weight']
            weight.copy_(torch.from_numpy(flipped(weight.numpy(), (2, 3), bit=20)))

    bench = Recorded(run).begin().live(6)
    found = bench.differences(change=change)[0]
    assert (found.step, found.place, found.element) == (1, 'actions', (2,)), found


def test_one_bit_of_a_recurrent_state_is_found_in_the_next_actions_and_in_the_next_state(run):
    bench = Recorded(run, every=4).begin().live(12)

    def change(snapshot):
        state = {**snapshot.state, 'stepper': dict(snapshot.state['stepper'])}
        policy = dict(state['stepper']['policy'])
        policy['recurrent'] = {**policy['recurrent'], '0': flipped(policy['recurrent']['0'], (0, 1, 5), bit=22)}
        state['stepper']['policy'] = policy
        return snapshot._replace(state=state)

    # as the state that the replay begins from
    events = bench.changed(Snapshot, 1, change)
    begin = next(index for index, event in enumerate(events) if isinstance(event, Snapshot) and index > 10)
    found = bench.differences(events[begin:])
    assert found[0].place == 'actions' and found[0].row == 1 and found[0].step == 1, found[0]
    # as a state on the way
    (found,) = bench.differences(events)
    assert found.place == 'state.stepper.policy.recurrent.0' and found.step == 4, found


def test_one_bit_of_a_history_is_found_in_its_term(rich):
    bench = Recorded(rich, every=5, **RICH).begin().live(12)

    def change(snapshot):
        stepper = snapshot.state['stepper']
        past = stepper['observations']['obs']['past']
        history = {**past['history'], 'kept': flipped(past['history']['kept'], (1, 3, 2), bit=20)}
        observations = {'obs': {**stepper['observations']['obs'], 'past': {**past, 'history': history}}}
        return snapshot._replace(state={**snapshot.state, 'stepper': {**stepper, 'observations': observations}})

    events = bench.changed(Snapshot, 1, change)
    begin = next(index for index, event in enumerate(events) if isinstance(event, Snapshot) and index > 10)
    found = bench.differences(events[begin:])[0]
    assert found.place == 'inputs.obs' and found.term == 'past' and found.row == 1, found


def test_one_bit_of_a_recorded_command_is_found_in_it(run):
    bench = Recorded(run).begin().live(6)

    def change(step):
        arm = step.outcome.commands['arm']
        commands = {'arm': {'position': flipped(arm['position'], (1, 2))}}
        return step._replace(outcome=step.outcome._replace(commands=commands))

    (found,) = bench.differences(bench.changed(Step, 4, change))
    assert (found.step, found.place, found.term, found.row, found.element) == (
        5,
        'commands.arm.position',
        'arm',
        1,
        (2,),
    )


def test_a_message_that_is_refused_now_is_named(run):
    bench = Recorded(run).begin().live(6)
    events = bench.changed(Message, 12, lambda message: message._replace(payload=message.payload[:20]))
    found = bench.differences(events)[0]
    assert found.place == 'message of joints' and not found.recorded and 'bytes' in found.replayed, found


def test_without_a_journal_the_core_takes_no_notes(run):
    bench = Recorded(run)
    assert bench.inbox.notes is not None
    bench.wire(bench.tree, bench.policy(), checks=bench.checks())
    bench.begin().live(2)
    assert bench.inbox.notes is None and bench.journal.events == []


def test_a_journal_that_fails_stops_no_robot(run):
    bench = Recorded(run).begin().live(2)
    count = len(bench.sent)

    def fail(event):
        raise OSError('the disk is gone')

    bench.journal.add = fail
    bench.live(3)
    assert len(bench.sent) == count + 3 and 'the disk is gone' in bench.inbox.notes.fault
