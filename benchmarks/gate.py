"""Walk at random through the gate in front of all commands, and check each command by other arithmetic.

    python benchmarks/gate.py --steps 1000000

Targets, measurements, silences, pauses, resets, limits, dt, robots that act and robots that do not: of a position
nothing may be sent faster than max_velocity, changed faster than max_acceleration, beyond its limits, or outwards from
beyond them, and no hold may depend on a measurement that was stale. Prints the
first command that breaks one of these and ends with 1; else the number of steps.
"""
from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from rl_policy_node.control.action_manager import ActionManager
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ActionSpec, ControlSpec, SourceSpec, TermSpec

ROWS, JOINTS, PERIOD = 4, ('hip', 'knee', 'ankle'), 0.02
CLOSE = 1e-9        # of a command, relative to what may be moved in a step


class Walk:
    """One configuration of limits, drawn at random, and robots that wander under it.

    counts: what happened how often. broken: what was sent and must not have been, '' so far.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.counts = dict.fromkeys(('acted', 'fell back', 'stale', 'captured', 'last', 'beyond', 'paused', 'reset'), 0)
        self.broken = ''
        draw = self._random
        self.velocity = draw.uniform(0.05, 3.0, 3)
        self.acceleration = draw.uniform(0.5, 30.0, 3) if draw.random() < 0.6 else None
        self.lower, self.upper = -draw.uniform(0.1, 1.0, 3), draw.uniform(0.1, 1.0, 3)
        self.error = draw.uniform(0.02, 0.5)
        spec = ActionSpec('arm', 'joint_position', 'commands', '', source='joints', joints=JOINTS,
                          fallback=str(draw.choice(['hold', 'hold', 'keep'])), lower=tuple(self.lower),
                          upper=tuple(self.upper), max_velocity=tuple(self.velocity), max_hold_error=(self.error,),
                          max_acceleration=() if self.acceleration is None else tuple(self.acceleration),
                          smoothing=float(draw.choice([1.0, 0.5])))
        source = SourceSpec('joints', 'joints', '', max_age=0.1)
        self.buffer = SourceBuffer(source, {'position': ((3,), np.float64)}, ROWS)
        control = ControlSpec(tuple('abcd'), 1 / PERIOD, 'timer', 1.0, {'joints': source},
                              {'q': TermSpec('q', source='joints', field='position')}, {'obs': ('q',)}, (spec,),
                              blend_in=float(draw.choice([0.0, 0.1])))
        self._sources = {'joints': self.buffer}
        self._actions = ActionManager(control, 3, self._sources, {'joints': JOINTS})
        self._now, self._silent = 100.0, np.zeros(ROWS, dtype=bool)
        self._wander(1.0)
        self._start()

    def step(self) -> None:
        """Let time go by, robots move or fall silent, and something be sent; check it."""
        draw = self._random
        kind = draw.random()
        if kind < 0.002:
            self.counts['reset'] += 1
            self._start()
            return
        pause = kind < 0.005
        self.counts['paused'] += pause
        self._now += draw.uniform(0.5, 3.0) if pause else draw.choice([1e-5, draw.uniform(0, 2 * PERIOD), PERIOD])
        self._wander(draw.choice([0.0, 0.01, 0.3]))
        fresh = self._now - self.buffer.received <= 0.1
        acting = fresh & (draw.random(ROWS) < draw.choice([0.0, 0.7, 1.0]))
        before = self._actions.sent()
        shown = {'joints': fresh}
        known = self._actions.renew(self._sources, lambda: shown, self._now)
        began = self._actions.sent()
        known = np.ones(ROWS, bool) if known is None else known
        since = self._actions.elapsed(self._now, 0.0)
        # a stale measurement is nobody's business: whatever it shows, the same is sent
        hidden = self.buffer.values['position'][~fresh].copy()
        self.buffer.values['position'][~fresh] = draw.uniform(-9, 9, (int((~fresh).sum()), 3))
        if draw.random() < 0.03:
            self.counts['last'] += 1
            after, sent = self._actions.fallback(began, self._sources, shown, self._now, last=True)
            acting = np.zeros(ROWS, bool)
            self._check_stale(began, after, shown, hidden, fresh)
            self._actions.resume(after)
        else:
            target = draw.normal(0, draw.choice([0.2, 2.0, 100.0]), (ROWS, 3)).astype(np.float32)
            if draw.random() < 0.02:
                target[draw.integers(ROWS)] = draw.choice([np.nan, np.inf, 3e38])
            with np.errstate(invalid='ignore', over='ignore'):
                acting = self._actions.process(target, self._sources, acting & known, PERIOD, since=since)
            idle = fresh & known & ~acting & (draw.random(ROWS) < 0.5)
            self._actions.idle(idle, since)
            resting = ~acting & ~idle
            if resting.any():
                ready = self._actions.sent()
                after, _ = self._actions.fallback(ready, self._sources, shown, self._now, rows=resting)
                self._check_stale(ready, after, shown, hidden, fresh)
                self._actions.rest(self._sources, shown, self._now, resting)
            self._actions.note(known, self._now)
            sent = known
        self.buffer.values['position'][~fresh] = hidden
        self.counts['acted'] += int(acting.sum())
        self.counts['fell back'] += int((sent & ~acting).sum())
        self.counts['stale'] += int((~fresh).sum())
        self._check(before, began, sent, fresh, since)

    def _start(self) -> None:
        fresh = self._now - self.buffer.received <= 0.1
        self._actions.start(self._sources, self._now, {'joints': fresh})

    def _wander(self, far: float) -> None:
        """Let some rows measure: about where they were commanded, elsewhere, or beyond their limits."""
        draw = self._random
        self._silent ^= draw.random(ROWS) < 0.03
        heard = ~self._silent & (draw.random(ROWS) < draw.choice([0.0, 0.5, 1.0, 1.0]))
        for row in np.nonzero(heard)[0].tolist():
            position = self.buffer.values['position'][row] + draw.normal(0, 1, 3) * far
            self.buffer.write(slice(row, row + 1), {'position': np.clip(position, -3, 3)[None]}, 0, self._now)

    def _check_stale(self, before, after, shown, hidden, fresh) -> None:
        """Compare with the fallback of the same moment, had the stale rows shown something else."""
        seen = self.buffer.values['position'][~fresh].copy()
        self.buffer.values['position'][~fresh] = hidden
        again, _ = self._actions.fallback(before, self._sources, shown, self._now)
        self.buffer.values['position'][~fresh] = seen
        one, other = (each.motions['arm'] for each in (after, again))
        if (one.sent['position'] != other.sent['position'])[~fresh].any() and self.broken == '':
            self.broken = 'a fallback followed a stale measurement'

    def _check(self, before, began, sent, fresh, since) -> None:
        old, start, new = (each.motions['arm'] for each in (before, began, self._actions.sent()))
        q0, q1 = start.sent['position'], new.sent['position']
        anew = (old.sent['position'] != q0).any(axis=1)
        self.counts['captured'] += int((new.captured & ~start.captured).sum())
        self.counts['beyond'] += int(((q0 < self.lower) | (q0 > self.upper)).any(axis=1).sum())
        rate, moved = (q1 - q0) / since, np.abs(q1 - q0)
        told = {
            'is not finite': ~np.isfinite(q1.astype(np.float32)),
            'is faster than max_velocity': moved > self.velocity * since * (1 + CLOSE) + CLOSE * 1e-3,
            'is beyond its limits': (q1 > np.maximum(self.upper, q0)) | (q1 < np.minimum(self.lower, q0)),
            'began anew from a stale measurement': np.broadcast_to((anew & ~fresh)[:, None], q1.shape)}
        if self.acceleration is not None:
            change = np.abs(rate - start.speed['position'])
            told['changes faster than max_acceleration'] = (
                change > self.acceleration * since * (1 + 1e-6) + 1e-12 / since)
        for what, where in told.items():
            where = where & sent[:, None] if what != 'is beyond its limits' else where
            if where.any() and not self.broken:
                row, axis = np.argwhere(where)[0]
                self.broken = (f'{JOINTS[axis]} of row {row} {what}: {q0[row, axis]!r} → {q1[row, axis]!r} in '
                               f'{np.broadcast_to(since, (ROWS, 1))[row, 0]:g} s')


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
        total = {name: total.get(name, 0) + count for name, count in made.counts.items()}
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
