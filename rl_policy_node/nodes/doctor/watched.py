# SPDX-License-Identifier: Apache-2.0
"""What each step of the policy saw and wanted, while nothing was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rl_policy_node.control.action_sizes import columns_of
from rl_policy_node.control.action_terms import build_action
from rl_policy_node.control.arrays import Array, Floats, Mask
from rl_policy_node.control.context import Context
from rl_policy_node.control.gate import Gate
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.terms.kind import Setting
from rl_policy_node.control.terms.term import Term
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.nodes.topics.source import Source


@dataclass(frozen=True)
class Seen:
    """A term as the policy sees it. input, columns: the place of its newest sample. tared: it has a zero of its own."""

    term: Term
    input: str
    columns: slice
    tared: bool


class Wish(NamedTuple):
    """What the policy wants of an action term in a step, from the measured state: arrays (rows, n).

    base: the command that keeps the robot as it is; target: of the policy, before limits; sent: after the limits, one
    period later.
    """

    base: Floats
    target: Floats
    sent: Floats


class Watched:
    """Keeps a sample of each term at each step, and what the policy wants.

    seen: name → Seen of each term that reads a source. samples: name → samples (rows, n), NaN for rows whose sources
    have sent nothing. wishes: action term → Wish of each step in which every row acted that ever does; actions: the
    outputs of the policy in these steps. reasons: why rows did not act → number of steps. steps: number of steps.
    """

    def __init__(self, control: ControlSpec, sources: Mapping[str, Source], num_actions: int) -> None:
        buffers = {name: source.buffer for name, source in sources.items()}
        joints = {name: source.joints for name, source in sources.items()}
        self._period, self._rows = 1.0 / control.rate, control.rows
        self._context = Context.at_reset(control.rows, num_actions)
        self.seen = dict(_seen(control, Setting(buffers, joints, control.rows, num_actions)))
        made = {action.name: build_action(action, buffers, joints) for action in control.actions}
        self.laws = {
            name: (term, columns, Gate(term, control.rows))
            for (name, term), columns in zip(made.items(), columns_of(made.values()))
        }
        self.samples: dict[str, list[Array]] = {name: [] for name in self.seen}
        self.wishes: dict[str, list[Wish]] = {name: [] for name in self.laws}
        self.actions: list[Array] = []
        self.acted: list[Mask] = []
        self.reasons: Counter[str] = Counter()
        self.steps = 0

    def note(self, frame: Frame, outcome: Outcome | None) -> None:
        """Keep what is known after a step or, without an outcome, of a look."""
        inputs = outcome.inputs if outcome is not None and outcome.inputs is not None else None
        for name, seen in self.seen.items():
            sample = _sample(seen, frame.sources, self._context, inputs)
            if sample is not None:
                self.samples[name].append(sample)
        if outcome is None or not outcome.stepped:
            return
        self.steps += 1
        self.reasons.update(set(outcome.reasons.values()))
        if outcome.actions is None:
            return
        self.actions.append(outcome.actions.copy())
        self.acted.append(outcome.acted.copy())
        for name, (term, columns, gate) in self.laws.items():
            with np.errstate(invalid='ignore'):  # of rows that were never measured
                begin = gate.begin(frame.sources)
                target = term.command(outcome.actions[:, columns], frame.sources, begin.sent)
                moved = gate.move(begin, target, self._period)
            self.wishes[name].append(Wish(*map(_flat, (begin.sent, target, moved.sent))))


def _seen(control: ControlSpec, setting: Setting) -> Iterator[tuple[str, Seen]]:
    for name, terms in control.inputs.items():
        start = 0
        for each in terms:
            spec = control.terms[each]
            whole, newest = Term(spec, setting), Term(dataclasses.replace(spec, history=1, history_stride=1), setting)
            end = start + whole.size
            if spec.reads:
                yield each, Seen(newest, name, slice(end - newest.size, end), newest.kind.tare is not None)
            start = end


def _sample(
    seen: Seen, sources: Mapping[str, SourceBuffer], context: Context, inputs: Mapping[str, Array] | None
) -> Array | None:
    """Return the term's sample (rows, n); None if it is not known yet."""
    if seen.tared:
        # the cycle takes the zero, and only the inputs of the policy have it
        return None if inputs is None else inputs[seen.input].reshape(len(context.acting), -1)[:, seen.columns].copy()
    heard: Mask = np.logical_and.reduce([np.isfinite(sources[read.source].received) for read in seen.term.spec.reads])
    if not heard.any():
        return None
    out = np.zeros((len(heard), seen.term.size), dtype=np.float32)
    seen.term.write_into(out)
    with np.errstate(invalid='ignore', divide='ignore'):
        seen.term.compute(sources, context)
    out[~heard] = np.nan
    return out


def _flat(command: Mapping[str, Floats]) -> Floats:
    return np.concatenate([value.reshape(len(value), -1) for value in command.values()], axis=1)
