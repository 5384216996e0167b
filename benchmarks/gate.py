# SPDX-License-Identifier: Apache-2.0
"""Walk at random through the gate in front of all commands, and check each command by other arithmetic.

    python benchmarks/gate.py --steps 1000000

Joint positions (some of joints that turn without end), steps of them, poses, grippers, joint velocities, efforts,
twists and wrenches; random targets, measurements, silences, pauses, resets, limits, dt, robots that act and robots that
do not. Nothing may be sent faster than the greatest velocity, changed faster than the greatest acceleration or rate, be
beyond its limits, or go outwards from beyond them, and no hold may depend on a measurement that was stale. Prints the
first command that breaks one of these and ends with 1; else the number of steps, and what happened how often.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from rl_policy_node.control.action_manager import ActionManager
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import action_spec, ActionSpec, control_spec, SourceSpec, term_spec
from rl_policy_node.options import value_of

ROWS, JOINTS, PERIOD = 4, ('hip', 'knee', 'ankle'), 0.02
PLACES = ('joint_position', 'joint_position', 'continuous', 'joint_delta', 'pose_delta', 'gripper')
ACTS = ('joint_velocity', 'effort', 'twist', 'wrench')
NUMBERS = {'pose_delta': 6, 'twist': 6, 'wrench': 6, 'gripper': 1}
CLOSE = 1e-9  # of a command, relative to what may be moved in a step
EVENTS = ('acted', 'fell back', 'stale', 'captured', 'last', 'beyond', 'paused', 'reset')


def drawn(kind: str, draw: np.random.Generator) -> ActionSpec:
    """Return the ActionSpec of a kind with limits at random."""

    def three(low: float, high: float) -> tuple[float, ...]:
        return tuple(draw.uniform(low, high, 3))

    lower, upper = tuple(-number for number in three(0.1, 1.0)), three(0.1, 1.0)
    bounds = {'lower': lower, 'upper': upper} if draw.random() < 0.8 else {}
    some = draw.random() < 0.6
    options = {'smoothing': float(draw.choice([1.0, 0.5]))}
    if kind in ('joint_position', 'continuous', 'joint_delta'):
        options |= {
            'joints': JOINTS,
            'source': 'place',
            'max_velocity': three(0.05, 3.0),
            **bounds,
            'max_hold_error': (draw.uniform(0.02, 0.5),),
            'fallback': str(draw.choice(['hold', 'keep'])),
        }
        options |= {'max_acceleration': three(0.5, 30.0)} if some else {}
    if kind == 'continuous':
        kind, endless = 'joint_position', (*JOINTS[draw.integers(2) : 2], 'ankle')
        options |= {'continuous': endless} | {
            name: tuple(far if joint in endless else number for joint, number in zip(JOINTS, numbers))
            for name, numbers, far in (('lower', lower, -np.inf), ('upper', upper, np.inf))
        }
    if kind == 'joint_delta':
        options |= {'integrate': str(draw.choice(['observed', 'target', 'leaky'])), 'scale': (0.3,)}
        options |= {'max_error': (0.2,)} if options['integrate'] == 'leaky' else {}
    if kind == 'pose_delta':
        options |= {
            'source': 'place',
            'max_velocity': (draw.uniform(0.05, 1.0),),
            **bounds,
            'position_scale': (0.2,),
            'fallback': str(draw.choice(['hold', 'hold', 'keep'])),
            'rotation_scale': (0.5,),
            'max_hold_error': (draw.uniform(0.01, 0.3),),
            'max_hold_rotation_error': draw.uniform(0.05, 0.5),
            'max_angular_velocity': draw.uniform(0.1, 5.0),
            'integrate': str(draw.choice(['observed', 'target'])),
        }
    if kind == 'gripper':
        options |= {
            'source': 'place',
            'joints': JOINTS[:2],
            'open': upper[:2],
            'closed': lower[:2],
            'max_velocity': three(0.05, 3.0)[:2],
            'max_hold_error': (draw.uniform(0.02, 0.5),),
            'fallback': str(draw.choice(['hold', 'keep'])),
        }
    if kind == 'joint_velocity':
        options |= {'joints': JOINTS, 'max_velocity': three(0.1, 2.0), **bounds, 'max_acceleration': three(0.5, 30.0)}
    if kind == 'effort':
        options |= {'joints': JOINTS, 'max_effort': three(1.0, 50.0), 'max_effort_rate': three(10.0, 500.0)}
    if kind == 'twist':
        options |= {
            **bounds,
            'max_velocity': (draw.uniform(0.1, 1.0),),
            'max_angular_velocity': draw.uniform(0.1, 2.0),
            'max_acceleration': (draw.uniform(0.5, 9.0),),
            'max_angular_acceleration': draw.uniform(0.5, 9.0),
        }
        options |= {'lower': 2 * lower, 'upper': 2 * upper} if bounds else {}
    if kind == 'wrench':
        options |= {
            'max_force': draw.uniform(1.0, 50.0),
            'max_torque': draw.uniform(0.1, 5.0),
            'max_force_rate': draw.uniform(10.0, 500.0),
            'max_torque_rate': draw.uniform(1.0, 50.0),
        }
    return action_spec(kind, kind, 'commands', '', **options)


def option_of(spec: ActionSpec, name: str) -> np.ndarray:
    """Return the numbers of an option, of which a kind that has none returns none."""
    return np.asarray(value_of(spec.options, name, ()))


def bounds_of(spec: ActionSpec, field: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper (size,) of a field, infinite where it has none."""
    if spec.kind == 'gripper':
        opened, closed = option_of(spec, 'open'), option_of(spec, 'closed')
        return np.minimum(opened, closed), np.maximum(opened, closed)
    first = 3 if field == 'angular_velocity' else 0
    lower, upper = (
        option_of(spec, name)[first : first + size]
        if option_of(spec, name).size and field != 'orientation'
        else np.full(size, far)
        for name, far in (('lower', -np.inf), ('upper', np.inf))
    )
    if spec.kind in ('joint_velocity', 'effort'):
        most = option_of(spec, 'max_velocity' if spec.kind == 'joint_velocity' else 'max_effort')
        return np.maximum(lower, -most), np.minimum(upper, most)
    return lower, upper


def length(vector: np.ndarray) -> np.ndarray:
    """Return the length (rows, 1) of vectors (rows, n)."""
    return np.sqrt(np.square(vector).sum(axis=1, keepdims=True))


def moved(spec: ActionSpec, field: str, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, object, str]:
    """Return how far a field went, (rows, 1) or (rows, n), how fast it may, and the name of that limit."""
    if field == 'orientation':
        chord = np.minimum(length(before - after), length(before + after))
        name = 'max_angular_velocity'
        return 4 * np.arcsin(np.minimum(chord / 2, 1.0)), option_of(spec, name), name
    if spec.kind in ('pose_delta', 'twist', 'wrench'):
        name = {
            'position': 'max_velocity',
            'linear_velocity': 'max_acceleration',
            'force': 'max_force_rate',
            'angular_velocity': 'max_angular_acceleration',
            'torque': 'max_torque_rate',
        }[field]
        return length(after - before), option_of(spec, name), name
    name = {'joint_velocity': 'max_acceleration', 'effort': 'max_effort_rate'}.get(spec.kind, 'max_velocity')
    return np.abs(after - before), option_of(spec, name), name


def told(
    spec: ActionSpec, field: str, before: np.ndarray, after: np.ndarray, speed: np.ndarray | None, since: object
) -> dict[str, np.ndarray]:
    """Return what is wrong with a field (rows, n) that follows another one `since` s later: what → where."""
    lower, upper = bounds_of(spec, field, after.shape[1])
    far, rate, name = moved(spec, field, before, after)
    # of a quaternion the last bits of four numbers
    close = 1e-7 if field == 'orientation' else CLOSE * 1e-3
    found = {
        'is not finite': ~np.isfinite(after.astype(np.float32)),
        f'goes beyond {name}': far > rate * since * (1 + 1e-6) + close,
        'is beyond its limits': (after > np.maximum(upper, before)) | (after < np.minimum(lower, before)),
    }
    longest = {
        'linear_velocity': 'max_velocity',
        'angular_velocity': 'max_angular_velocity',
        'force': 'max_force',
        'torque': 'max_torque',
    }.get(field)
    if longest is not None:
        found['is longer than its limit'] = length(after) > option_of(spec, longest) * (1 + 1e-9)
    if field == 'orientation':
        found['is no rotation'] = np.abs(length(after) - 1) > 1e-6
    if speed is not None:
        change = np.abs((after - before) / since - speed)
        found['changes faster than max_acceleration'] = (
            change > option_of(spec, 'max_acceleration') * since * (1 + 1e-6) + 1e-12 / since
        )
    return found


class Walk:
    """One configuration of limits, drawn at random, and robots that wander under it.

    counts: what happened how often. broken: what was sent and must not have been, '' so far.
    """

    def __init__(self, seed: int) -> None:
        draw = self._random = np.random.default_rng(seed)
        self.counts = dict.fromkeys(EVENTS, 0)
        self.broken = ''
        kinds = [str(draw.choice(PLACES))] if draw.random() < 0.8 else []
        kinds += [str(draw.choice(ACTS))] if not kinds or draw.random() < 0.5 else []
        specs = tuple(drawn(kind, draw) for kind in kinds)
        self.counts |= dict.fromkeys(kinds, 0)
        self._kinds, self._specs = kinds, {spec.name: spec for spec in specs}
        source = SourceSpec('place', 'place', '', max_age=0.1)
        shapes = {'position': ((3,), np.float64), 'orientation': ((4,), np.float64)}
        self.buffer = SourceBuffer(source, shapes, ROWS)
        control = control_spec(
            tuple('abcd'),
            1 / PERIOD,
            'timer',
            1.0,
            {'place': source},
            {'q': term_spec('q', source='place', field='position')},
            {'obs': ('q',)},
            specs,
            blend_in=float(draw.choice([0.0, 0.1])),
        )
        self._size = sum(NUMBERS.get(spec.kind, 3) for spec in specs)
        self._sources = {'place': self.buffer}
        self._actions = ActionManager(control, self._size, self._sources, {'place': JOINTS})
        self._now, self._silent = 100.0, np.zeros(ROWS, dtype=bool)
        self._wander(1.0)
        self._start()

    def step(self) -> None:
        """Let time go by, robots move or fall silent, and something be sent; check it."""
        draw = self._random
        kind = draw.random()
        if kind < 0.004:
            self.counts['reset'] += 1
            self._start()
            return
        pause = kind < 0.008
        self.counts['paused'] += pause
        self._now += draw.uniform(0.5, 3.0) if pause else draw.choice([1e-5, draw.uniform(0, 2 * PERIOD), PERIOD])
        self._wander(draw.choice([0.0, 0.01, 0.3]))
        fresh = self._now - self.buffer.received <= 0.1
        acting = fresh & (draw.random(ROWS) < draw.choice([0.0, 0.7, 1.0]))
        before, shown = self._actions.sent(), {'place': fresh}
        known = self._actions.renew(self._sources, lambda: shown, self._now)
        began = self._actions.sent()
        known = np.ones(ROWS, bool) if known is None else known
        since = self._actions.elapsed(self._now, 0.0)
        # a stale measurement is nobody's business: whatever it shows, the same is sent
        hidden = {field: value[~fresh].copy() for field, value in self.buffer.values.items()}
        self._show({field: draw.uniform(-9, 9, value.shape) for field, value in hidden.items()}, ~fresh)
        last = draw.random() < 0.03
        if last:
            self.counts['last'] += 1
            after, sent = self._actions.fallback(began, self._sources, shown, self._now, last=True)
            acting = np.zeros(ROWS, bool)
            self._check_stale(began, after, shown, hidden, fresh, last=True)
            self._actions.resume(after)
        else:
            acting = self._act(acting & known, since)
            idle = fresh & known & ~acting & (draw.random(ROWS) < 0.5)
            self._actions.idle(idle, since)
            resting = ~acting & ~idle
            if resting.any():
                ready = self._actions.sent()
                after, _ = self._actions.fallback(ready, self._sources, shown, self._now, rows=resting)
                self._check_stale(ready, after, shown, hidden, fresh)
                self._actions.take_fallback(self._sources, shown, self._now, resting)
            self._actions.note(known, self._now)
            sent = known
        self._show(hidden, ~fresh)
        self.counts['acted'] += int(acting.sum())
        self.counts['fell back'] += int((sent & ~acting).sum())
        self.counts['stale'] += int((~fresh).sum())
        since = np.clip(self._now - began.at, 1e-6, 2 * PERIOD)[:, None]
        for kind, name in zip(self._kinds, self._specs):
            self.counts[kind] += 1
            self._check(name, (before, began), sent, fresh, since, last)

    def _act(self, rows: np.ndarray, since: object) -> np.ndarray:
        draw = self._random
        target = draw.normal(0, draw.choice([0.2, 2.0, 100.0]), (ROWS, self._size)).astype(np.float32)
        if draw.random() < 0.02:
            target[draw.integers(ROWS)] = draw.choice([np.nan, np.inf, 3e38])
        with np.errstate(invalid='ignore', over='ignore'):
            return self._actions.process(target, self._sources, rows, PERIOD, since=since)

    def _start(self) -> None:
        self._actions.start(self._sources, self._now, {'place': self._now - self.buffer.received <= 0.1})

    def _wander(self, far: float) -> None:
        """Let some rows measure: about where they were commanded, elsewhere, or beyond their limits."""
        draw = self._random
        self._silent ^= draw.random(ROWS) < 0.03
        heard = ~self._silent & (draw.random(ROWS) < draw.choice([0.0, 0.5, 1.0, 1.0]))
        for row in np.nonzero(heard)[0].tolist():
            values = {
                field: value[row] + draw.normal(0, 1, value.shape[1:]) * far
                for field, value in self.buffer.values.items()
            }
            turned = values['orientation'] + [0, 0, 0, 1e-3]
            self.buffer.write(
                slice(row, row + 1),
                {
                    'position': np.clip(values['position'], -3.2, 3.2)[None],
                    'orientation': turned[None] / np.linalg.norm(turned),
                },
                0,
                self._now,
            )

    def _show(self, values: dict[str, np.ndarray], rows: np.ndarray) -> None:
        for field, value in values.items():
            self.buffer.values[field][rows] = value

    def _check_stale(self, before, after, shown, hidden, fresh, last=False) -> None:
        """Compare with the fallback of the same moment, had the stale rows shown something else."""
        seen = {field: value[~fresh].copy() for field, value in self.buffer.values.items()}
        self._show(hidden, ~fresh)
        again, _ = self._actions.fallback(before, self._sources, shown, self._now, last=last)
        self._show(seen, ~fresh)
        for name, command in after.commands.items():
            for field, value in command.items():
                same = np.array_equal(value[~fresh], again.commands[name][field][~fresh], equal_nan=True)
                if not same and not self.broken:
                    self.broken = f'{name}: a fallback followed a stale measurement'

    def _check(self, name, earlier, sent, fresh, since, last) -> None:
        spec = self._specs[name]
        old, start, new = (each.motions[name] for each in (*earlier, self._actions.sent()))
        self.counts['captured'] += int((new.captured & ~start.captured).sum())
        for field, after in new.sent.items():
            before, places = start.sent[field], name not in ACTS
            lower, upper = bounds_of(spec, field, after.shape[1])
            self.counts['beyond'] += int(((before < lower) | (before > upper)).any(axis=1).sum())
            anew = (old.sent[field] != before).any(axis=1)
            if last and not places:
                found = {'does not end at zero': after != 0}
            else:
                found = told(spec, field, before, after, start.speed.get(field), since)
            found['began anew from a stale measurement'] = (anew & ~fresh & places)[:, None]
            for what, where in found.items():
                where = where & sent[:, None]
                if where.any() and not self.broken:
                    row, axis = np.argwhere(where)[0]
                    self.broken = (
                        f'{name} {field} {axis} of row {row} {what}: {before[row]} → {after[row]} in '
                        f'{since[row, 0]:g} s'
                    )


def walk(steps: int, seed: int = 0, each: int = 500, told=lambda done: None) -> dict[str, int]:
    """Take so many steps, under new limits after `each`; return what happened how often.

    Raises AssertionError at the first command that must not have been sent.
    """
    total: dict[str, int] = {}
    for number in range(-(-steps // each)):
        made = Walk(seed * 1_000_003 + number)
        for count in range(min(each, steps - number * each)):
            made.step()
            assert not made.broken, f'seed {seed}, limits {number}, step {count}: {made.broken}'
        total |= {name: total.get(name, 0) + count for name, count in made.counts.items()}
        told(number * each + each)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=int, default=20_000)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    began = last = time.monotonic()

    def told(done: int) -> None:
        nonlocal last
        if time.monotonic() - last > 5.0:
            last = time.monotonic()
            print(f'{min(done, options.steps):,} of {options.steps:,} steps, {last - began:.0f} s', flush=True)

    try:
        counts = walk(options.steps, options.seed, told=told)
    except AssertionError as error:
        print(error)
        return 1
    print(f'{options.steps:,} steps of {ROWS} rows in {time.monotonic() - began:.0f} s, nothing beyond:', counts)
    return 0


if __name__ == '__main__':
    sys.exit(main())
