# SPDX-License-Identifier: Apache-2.0
"""The diagnostics that the node publishes once per second, and the figures in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
import math
import platform
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np
from std_msgs.msg import Header

from rl_policy_node.control.arrays import Array, Mask, Stamps
from rl_policy_node.control.distribution import Distribution
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.control.unlimited import missing_limits
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.core.outlet import Outlet
from rl_policy_node.core.protocols import Logger, Observations, Policy, PolicySpaces
from rl_policy_node.core.trigger import Trigger
from rl_policy_node.nodes.topics.row_names import by_name, counted, lines
from rl_policy_node.nodes.topics.source import Source


def percentiles(latencies: Iterable[float]) -> dict[str, float]:
    """Return {'p50', 'p99', 'max'} in ms of latencies in s; zeros if there are none."""
    values = np.asarray(list(latencies), dtype=np.float64)
    values = values[np.isfinite(values)] * 1e3
    if not values.size:
        return {'p50': 0.0, 'p99': 0.0, 'max': 0.0}
    p50, p99 = np.percentile(values, [50, 99])
    return {'p50': float(p50), 'p99': float(p99), 'max': float(values.max())}


def diagnostic_array(
    header: Header, name: str, level: bytes, message: str, values: Mapping[str, object]
) -> DiagnosticArray:
    """Return a DiagnosticArray of one status of this machine. values: key → any object, written as its str."""
    status = DiagnosticStatus(level=level, name=name, hardware_id=platform.node(), message=message)
    status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticArray(header=header, status=[status])


class Figures:
    """Counts steps and times them: a StepObserver.

    steps; resets: of recurrent states, counted by rows; latencies: s from the last message to the commands, of the last
    steps. stepped: s, steady, when the last step began, −inf: none did. reasons: row → why it does not act; warnings:
    row → a warning. frame: of the last step or look, None: none yet; the next one overwrites its arrays.
    clock(): s, steady.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.steps = self.resets = 0
        self.stepped = -math.inf
        self.latencies: deque[float] = deque(maxlen=2000)
        self.reasons: Mapping[int, str] = {}
        self.warnings: Mapping[int, str] = {}
        self._counted: dict[str, tuple[float, Stamps]] = {}
        self.frame: Frame | None = None

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Count a step."""
        if outcome.stepped:
            self.latencies.append(self._clock() - frame.arrived)
            self.steps += 1
            self.stepped = frame.steady
            self.resets += int(np.count_nonzero(outcome.reset))
            self.warnings = outcome.warnings
        self.reasons, self.frame = outcome.reasons, frame

    def age(self) -> float:
        """Return the time, s, since the last step began; infinite before the first."""
        return self._clock() - self.stepped

    def rates(self, sources: Mapping[str, Source]) -> dict[str, str]:
        """Return source → the lowest and highest message rate (Hz) of its rows since the last call."""
        rates, now = {}, self._clock()
        for name, source in sources.items():
            since, before = self._counted.get(name, (now, source.buffer.counts))
            self._counted[name] = now, source.buffer.counts.copy()
            if now > since:
                each = (self._counted[name][1] - before) / (now - since)
                low, high = f'{each.min():.1f}', f'{each.max():.1f}'
                rates[name] = low if low == high else f'{low} to {high}'
        return rates


class RowLog:
    """A StepObserver that logs warnings, which rows stop acting and why, and which act again."""

    def __init__(self, control: ControlSpec, log: Logger) -> None:
        self._control, self._log = control, log
        self._warned: Mapping[int, str] = {}
        # of thousands of simulated rows some may fall out in every step
        self._throttle = {'throttle_duration_sec': 1.0} if control.shared_rows else {}

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Log the changes."""
        if outcome.stepped and outcome.warnings is not self._warned:
            self._warned = outcome.warnings
            if outcome.warnings:
                self._log.warning('; '.join(lines(self._control, outcome.warnings)), throttle_duration_sec=10.0)
        for change in outcome.changes:
            if change.lost:
                for line in lines(self._control, change.lost):
                    self._log.warning(f'{line}; sending the fallback', **self._throttle)
            found = np.nonzero(change.found)[0].tolist()
            if found:
                for line in lines(self._control, dict.fromkeys(found, 'recovered; recurrent state reset')):
                    self._log.info(line, **self._throttle)


class TimedPolicy:
    """A policy whose steps are timed. seconds: s, the durations of the last steps."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.seconds: deque[float] = deque(maxlen=2000)

    @property
    def spaces(self) -> PolicySpaces:
        """The inputs and outputs of the policy."""
        return self._policy.spaces

    def act(self, observations: Observations, hold: Mask | None = None) -> Array:
        """Act, and note the duration."""
        began = time.monotonic()
        actions = self._policy.act(observations, hold)
        self.seconds.append(time.monotonic() - began)
        return actions

    def reset(self, rows: Mask) -> None:
        """Clear the recurrent state of rows."""
        self._policy.reset(rows)

    def state(self) -> State:
        """Return the state of the policy."""
        return self._policy.state()

    def restore(self, state: State) -> None:
        """Restore the state of the policy."""
        self._policy.restore(state)


def tracking_report(figures: Figures, outlet: Outlet, control: ControlSpec) -> dict[str, object]:
    """Return the largest tracking error of each measured action; the measurement may mix two messages."""
    found = outlet.tracking(figures.frame) if figures.frame is not None else {}
    several = len(control.robots) > 1
    return {
        f'tracking error of actions.{name}': f'{error:.4f} ({axis}{f", {control.robots[row]}" if several else ""})'
        for name, (error, axis, row) in found.items()
    }


def unlimited(control: ControlSpec) -> list[str]:
    """Return a line for each action that lacks a limit."""
    missing = {action.name: missing_limits(action) for action in control.actions}
    return [f'actions.{name}, without limits: {text}' for name, text in missing.items() if text]


def policy_report(
    figures: Figures, policy: TimedPolicy, trigger: Trigger, sources: Mapping[str, Source], control: ControlSpec
) -> tuple[bytes, str, dict[str, object]]:
    """Return level, message and values for the policy node."""
    values: dict[str, object] = {
        'steps': figures.steps,
        'recurrent resets': figures.resets,
        'missed deadlines': trigger.missed,
    }
    age = figures.age()
    values['age of the last step [s]'] = f'{age:.3f}' if math.isfinite(age) else 'no step yet'
    values |= {f'latency {name} [ms]': f'{value:.3f}' for name, value in percentiles(figures.latencies).items()}
    values['policy p50 [ms]'] = f'{percentiles(policy.seconds)["p50"]:.3f}'
    if trigger.late:
        late = percentiles(trigger.late)
        values |= {'late start p99 [ms]': f'{late["p99"]:.3f}', 'late start max [ms]': f'{late["max"]:.3f}'}
    values |= dict(line.split(': ', 1) for line in unlimited(control))
    values |= {f'rate of {name} [Hz]': rate for name, rate in figures.rates(sources).items()}
    for name, source in sources.items():
        rejected = int(source.buffer.rejected.sum())
        if rejected:
            last = next(filter(None, reversed(source.buffer.last_fault)))
            values[f'rejected from {name}'] = f'{rejected} (last: {last})'
        foreign = int(source.foreign.sum())
        if foreign:
            values[f'ignored on the topic of {name}'] = f'{foreign} (they name none of its joints)'
    reasons, warnings = (
        dict(figures.reasons),
        {row: text for row, text in figures.warnings.items() if row not in figures.reasons},
    )
    values |= {f'pace of {who}': warning for who, warning in by_name(control, warnings)}
    values.update(
        by_name(control, reasons)
        if control.shared_rows
        else {control.robots[row] or 'robot': reason for row, reason in reasons.items()}
    )
    if reasons:
        return DiagnosticStatus.WARN, f'{len(reasons)} of {counted(control, control.rows)} on the fallback', values
    if warnings:
        return DiagnosticStatus.WARN, f'{len(warnings)} of {counted(control, control.rows)} too slow', values
    return DiagnosticStatus.OK, f'acting for {counted(control, control.rows)}', values


def distribution_report(distribution: Distribution, control: ControlSpec) -> tuple[list[str], dict[str, object]]:
    """Return lines about rows outside the distribution of training since the last report, and diagnostic values."""
    if not distribution.terms:
        return [], {'out of distribution': 'unavailable: no running mean and variance of the inputs in the checkpoint'}
    found, peak, smoothed = distribution.report()
    values: dict[str, object] = {
        f'|z| of {term}': f'largest {most:.1f}, smoothed {now:.1f}'
        for term, most, now in zip(distribution.terms, peak.tolist(), smoothed.tolist())
    }
    return lines(control, found) if found else [], values
