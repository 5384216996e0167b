# SPDX-License-Identifier: Apache-2.0
"""The frames of a run, fed to another stepper, give the same outcomes to the last bit; nothing of ROS is there."""

import subprocess
import sys

from core.core_bench import Bench, control_of, Keeper, PERIOD, policy_of
import numpy as np
import pytest

STEPS = 40
LIMITED = {'max_velocity': (0.4,), 'max_acceleration': (3.0,), 'smoothing': 0.7, 'scale_limit': 2.0}
FLEET = tuple(f'robot_{row}' for row in range(16))


def same(left, right):
    """Whether two outcomes are the same in all their arrays and words."""
    for one, other in zip(tree(left), tree(right)):
        np.testing.assert_array_equal(one, other)


def tree(outcome):
    commands = [value for command in outcome.commands.values() for value in command.values()]
    inputs = [] if outcome.inputs is None else list(outcome.inputs.values())
    changes = [part for change in outcome.changes for part in (sorted(change.lost.items()), change.found)]
    return [
        *commands,
        outcome.send,
        outcome.answers,
        outcome.acted,
        outcome.reset,
        *changes,
        sorted(outcome.reasons.items()),
        *inputs,
        outcome.actions is None,
        0 if outcome.actions is None else outcome.actions,
    ]


def play(bench, steps=STEPS):
    """Let robots drop out, come back, be reset, be tared, and parameters change."""
    robots, random = range(bench.control.rows), np.random.default_rng(1)
    for step in range(steps):
        silent = {0} if 8 <= step < 24 else set()
        if step == 12:
            bench.inbox.request_reset(slice(1, 2))
        if step == 17:
            bench.inbox.request_tare(slice(None))
        if step == 20:
            bench.cycle.change(('actions.arm.scale', (0.8,)))
            bench.cycle.change(('blend', 0.6))
        if step in (26, 29):  # the watch gave the step before up
            bench.cycle.give_up(None)
        if step == 26:
            bench.cycle.look()
        if step % 7 == 3:
            bench.now += 0.5 * PERIOD * random.random()
            bench.cycle.look()
        bench.step(step, [row for row in robots if row not in silent])


@pytest.mark.parametrize(
    'options',
    [{}, {'deterministic': False}, {'backend': 'onnx'}, {'backend': 'onnx', 'deterministic': False}],
    ids=['eager', 'eager, sampled', 'onnx', 'onnx, sampled'],
)
@pytest.mark.parametrize(
    'robots, trigger', [(('left', 'right'), 'timer'), (FLEET, 'lockstep'), (('left', 'right'), 'observation')]
)
def test_frames_of_a_run_give_the_same_outcomes_again(folder, options, robots, trigger):
    """Recurrent, with histories, a tare, limits, a filter, blending, and robots that drop out and come back."""
    if options.get('backend'):
        pytest.importorskip('onnxruntime')
    control = control_of('rich', robots, trigger, LIMITED, blend_in=0.3)
    first, again = (Bench(policy_of(folder, 'rich', len(robots), **options), control) for _ in range(2))
    first.measure()
    first.cycle.start()
    begun = first.cycle.stepper.state()
    play(first)
    assert sum(outcome.stepped for outcome in first.keeper.outcomes) == STEPS
    assert any(change.lost for outcome in first.keeper.outcomes for change in outcome.changes) or trigger == 'lockstep'
    again.cycle.stepper.restore(begun)
    assert sum(frame.overruled is not None for frame in first.keeper.frames) == 2
    for frame, outcome in zip(first.keeper.frames, first.keeper.outcomes):
        same(again.cycle.stepper.step(frame) if outcome.stepped else again.cycle.stepper.look(frame), outcome)
    assert np.ptp([outcome.commands['arm']['position'] for outcome in first.keeper.outcomes], axis=0).max() > 0.1


def test_it_goes_on_from_a_state_taken_in_between(folder):
    control = control_of('rich', action=LIMITED, blend_in=0.3)
    first, again = (Bench(policy_of(folder, 'rich', deterministic=False), control) for _ in range(2))
    first.measure()
    first.cycle.start()
    for step in range(10):
        first.step(step)
    kept = first.cycle.stepper.state()
    later = len(first.keeper.frames)
    for step in range(10, 25):
        first.step(step)
    again.cycle.stepper.restore(kept)
    for frame, outcome in list(zip(first.keeper.frames, first.keeper.outcomes))[later:]:
        same(again.cycle.stepper.step(frame), outcome)


def test_a_state_stays_as_it_was_taken(folder):
    bench = Bench(policy_of(folder, 'rich'), control_of('rich', action=LIMITED, blend_in=0.3))
    bench.measure()
    bench.cycle.start()
    bench.step(1)
    kept = bench.cycle.stepper.state()
    before = flat(kept)
    for step in range(5):
        bench.step(step)
    for name, value in flat(kept).items():
        np.testing.assert_array_equal(value, before[name], name)
    changed = flat(bench.cycle.stepper.state())
    moved = {name.split('.')[0] for name, value in changed.items() if not np.array_equal(value, before[name])}
    assert moved >= {'policy', 'observations', 'actions', 'last_action'}


def flat(state, prefix=''):
    """Return dotted name → copied array of a state."""
    leaves = {}
    for name, value in state.items():
        nested = hasattr(value, 'items')
        leaves |= flat(value, f'{prefix}{name}.') if nested else {prefix + name: np.copy(value)}
    return leaves


WITHOUT_ROS = """
import sys
for name in ('rclpy', 'std_msgs', 'sensor_msgs', 'geometry_msgs', 'torch'):
    sys.modules[name] = None
import rl_policy_node.core
print(sorted(rl_policy_node.core.__all__)[0])
"""


def test_the_core_imports_without_ros_and_without_torch():
    done = subprocess.run([sys.executable, '-c', WITHOUT_ROS], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == 'Attention', done.stderr


def test_a_kept_frame_does_not_change_with_the_next(policy):
    keeper = Keeper()
    bench = Bench(policy, observers=[keeper])
    bench.measure()
    bench.cycle.start()
    bench.step(1)
    frame = keeper.frames[0]
    before = {
        name: source.values['force' if name == 'wrench' else 'position'].copy()
        for name, source in frame.sources.items()
    }
    bench.step(2)
    for name, value in before.items():
        np.testing.assert_array_equal(frame.sources[name].values['force' if name == 'wrench' else 'position'], value)
