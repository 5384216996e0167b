# SPDX-License-Identifier: Apache-2.0
"""What a journal keeps of a run replays bit for bit, from any state on; whatever differs is found where it is."""

from nodes.replay_bench import flipped, Message, PERIOD, Recorded, Snapshot, Step
import numpy as np
import pytest
from std_msgs.msg import Float64MultiArray
import torch

FLEET = tuple(f'robot_{row}' for row in range(5))
BACKENDS = {
    'eager': {},
    'eager, sampled': {'deterministic': False},
    'onnx': {'backend': 'onnx'},
    'onnx, sampled': {'backend': 'onnx', 'deterministic': False},
}
MEMORY = {
    'terms.force.difference_to_tare': True,
    'terms.force.tare_frames': 3,
    'terms.force.history': 3,
    'actions.arm.max_velocity': [0.4],
    'actions.arm.max_acceleration': [3.0],
    'actions.arm.smoothing': 0.7,
    'actions.arm.scale_limit': 2.0,
    'actions.arm.limits': 'checked',
    'blend_in': 0.3,
}


def eventful(bench):
    """Let robots go and come back, be stopped, be reset; messages that do not fit, and parameters that change."""
    cycle, inbox = bench.cycle, bench.inbox
    bench.begin().live(5)
    bench.live(15, rows=range(1, len(bench.robots)))  # the first is silent
    bench.live(10)
    inbox.request_reset(slice(0, 1))
    bench.live(2)
    bench.measure(stamp=bench.now - 10**9)  # late
    bench.measure(stamp=bench.now + 10**10)  # ahead
    bench.receive('joints', 0, b'\0\1\0\0garbled')
    bench.live(2)
    bench.live(2, force=(np.nan, 0.0, 0.0))
    bench.live(3)
    cycle.change(('actions.arm.scale', (0.7,)), ('blend', 0.6))
    bench.live(5)
    cycle.latch(slice(1, 2), 'a person said so')
    bench.live(3)
    cycle.resume(slice(1, 2))
    bench.live(3)
    cycle.latch(slice(None), 'all of them')
    bench.live(2)
    cycle.resume(slice(None))
    bench.live(3)
    inbox.request_tare(slice(None))
    bench.live(5)
    bench.pass_by(0.3)  # nothing comes: a look
    bench.look()
    cycle.give_up(None)
    bench.live(4)
    bench.pass_by(2.0)  # a pause of the process
    bench.live(3)
    cycle.resume(slice(None))
    bench.live(5)
    bench.now -= 5 * 10**9
    inbox.clock_went_back()
    bench.live(8)
    cycle.stop()
    return bench


@pytest.mark.parametrize('options', BACKENDS.values(), ids=BACKENDS)
def test_a_run_with_everything_in_it_replays_bit_for_bit(run, options):
    if options.get('backend'):
        pytest.importorskip('onnxruntime')
    bench = eventful(Recorded(run, options=options, every=20))
    assert bench.differences() == []
    stepped = [step for step in bench.journal.steps if step.outcome and step.outcome.stepped]
    assert bench.player.steps == len(stepped) > 60 and bench.player.skipped == 0
    reasons = ' '.join(str(dict(step.outcome.reasons)) for step in stepped)
    for word in ('stale', 'a person said so', 'all of them', 'the process paused', 'refused'):
        assert word in reasons, word


@pytest.mark.parametrize('trigger', ['timer', 'observation', 'lockstep'])
def test_every_trigger_replays(run, trigger):
    assert eventful(Recorded(run, trigger=trigger, robots=FLEET, lockstep_timeout=10.0)).differences() == []


def test_histories_tares_limits_and_filters_replay_from_any_state(run):
    pytest.skip('needs the terms of a larger policy')
