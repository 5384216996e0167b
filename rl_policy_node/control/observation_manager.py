# SPDX-License-Identifier: Apache-2.0
"""Turns the values of sources into the inputs of the network, in the order of training, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Array, JointNames, Mask, Shape, Sources, Values
from rl_policy_node.control.context import Context
from rl_policy_node.control.distribution import Piece
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.control.terms.kind import Setting
from rl_policy_node.control.terms.term import Term
from rl_policy_node.control.terms.term_spec import TermSpec
from rl_policy_node.errors import ConfigurationError


class ObservationManager:
    """Computes one float32 array (rows, *shape) per input of the network.

    Terms of one input are flattened and concatenated in the order of `inputs.<name>`. The constructor resolves all
    names; if terms do not fit a trained shape, its error names the input. tares, timed: whether any term has a tare,
    and whether any reads the time of a Context.
    """

    def __init__(
        self, spec: ControlSpec, shapes: Mapping[str, Shape], buffers: Sources, joints: JointNames, num_actions: int
    ) -> None:
        if set(spec.inputs) != set(shapes):
            raise ConfigurationError(f'inputs are {sorted(spec.inputs)}; the policy was trained with {sorted(shapes)}')
        setting = Setting(buffers, joints, spec.rows, num_actions)
        clips = {name: spec.clips.clip_inputs.get(name, spec.clips.clip_observations) for name in shapes}
        self._clips = {name: clip for name, clip in clips.items() if clip not in (None, np.inf)}
        self._terms = {name: [Term(spec.terms[term], setting) for term in terms] for name, terms in spec.inputs.items()}
        self._flat: dict[str, Array] = {}
        self._inputs: dict[str, Array] = {}
        for name, terms in self._terms.items():
            _check_size(name, terms, shapes[name])
            self._flat[name] = np.zeros((spec.rows, sum(term.size for term in terms)), dtype=np.float32)
            self._inputs[name] = self._flat[name].reshape(spec.rows, *shapes[name])
            for term, columns in _slices(terms):
                term.write_into(self._flat[name][:, columns])
        self._taring = [(term, term.kind.tare) for term in self._all() if term.kind.tare is not None]
        self.tares, self.timed = bool(self._taring), any(term.kind.timed for term in self._all())

    def pieces(self) -> list[Piece]:
        """Return the place of each term in its input, in order."""
        return [
            Piece(
                term.spec.name,
                name,
                columns,
                () if term.spec.history > 1 else tuple(term.shape),
                self._clips.get(name, np.inf),
            )
            for name, terms in self._terms.items()
            for term, columns in _slices(terms)
        ]

    def _all(self) -> list[Term]:
        return [term for terms in self._terms.values() for term in terms]

    def compute(self, sources: Sources, context: Context) -> dict[str, Array]:
        """Return input → (rows, *shape), clipped to ±clip_observations or its own bound, as the environment did.

        The arrays belong to the manager, and are valid until the next call.
        """
        for name, terms in self._terms.items():
            for term in terms:
                term.compute(sources, context)
            clip = self._clips.get(name)
            if clip is not None:
                flat = self._flat[name]
                np.minimum(np.maximum(flat, -clip, out=flat), clip, out=flat)
        return dict(self._inputs)

    def reset(self, rows: Mask) -> None:
        """Clear the histories of rows (mask), which begin with the next sample. Tares stay."""
        for term in self._all():
            term.reset(rows)

    def tare(self, rows: Mask, activating: bool = False) -> None:
        """Take the zero of rows (mask) anew, from their next messages; until then they are `untared`.

        activating: only for terms that take their zero on activation.
        """
        for _, tare in self._taring:
            if tare.on_activate or not activating:
                tare.start(rows)

    def feed_tare(self, sources: Sources, rows: Mask) -> None:
        """Count the messages of rows (mask, those whose sources are healthy) for their tare, each once."""
        for term, _ in self._taring:
            term.kind.feed_tare(sources, rows)

    def untared(self) -> dict[int, str]:
        """Return row → a reason that names a term without a zero; the row may not act until it has one."""
        reasons: dict[int, str] = {}
        for term, tare in self._taring:
            for row in np.nonzero(tare.unknown())[0].tolist():
                reasons.setdefault(row, f"term '{term.spec.name}': {tare.missing(row)}")
        return reasons

    def scatter(self, inputs: Values, sources: Sources) -> None:
        """Write into `sources` the values that lead to `inputs`; the inverse, for simulators.

        Terms that cannot be inverted are left out; `unfed` returns the fields that are then missing.
        """
        for name, terms in self._terms.items():
            flat = np.asarray(inputs[name]).reshape(len(inputs[name]), -1)
            for term, columns in _slices(terms):
                if term.kind.invertible:
                    term.scatter(flat[:, columns].reshape(len(flat), *term.shape), sources)

    def fields(self) -> set[tuple[str, str]]:
        """Return the set of (source, field) that `scatter` writes."""
        return {(read.source, read.field) for term in self._all() if term.kind.invertible for read in term.spec.reads}

    def unfed(self) -> dict[tuple[str, str], TermSpec]:
        """Return (source, field) → the term that reads it, for the fields that `scatter` cannot write."""
        fed = self.fields()
        return {
            (read.source, read.field): term.spec
            for term in self._all()
            for read in term.spec.reads
            if (read.source, read.field) not in fed
        }

    def state(self) -> State:
        """Return the histories and tares: input → term → its state."""
        return {name: {term.spec.name: term.state() for term in terms} for name, terms in self._terms.items()}

    def restore(self, state: State) -> None:
        """Go on from a state of the same terms."""
        for name, terms in self._terms.items():
            for term in terms:
                term.restore(cast(State, cast(State, state[name])[term.spec.name]))


def _slices(terms: Sequence[Term]) -> Iterator[tuple[Term, slice]]:
    """Yield each term with its slice of the input's numbers."""
    start = 0
    for term in terms:
        yield term, slice(start, start + term.size)
        start += term.size


def _check_size(name: str, terms: Sequence[Term], shape: Shape) -> None:
    sizes = {term.spec.name: term.size for term in terms}
    wanted = int(np.prod(shape))
    if sum(sizes.values()) != wanted:
        listed = ', '.join(f'{term} {size}' for term, size in sizes.items())
        raise ConfigurationError(
            f"input '{name}': its terms have {sum(sizes.values())} numbers ({listed}); "
            f'the policy was trained with {wanted} (shape {shape})'
        )
    if len(terms) != 1:
        return
    # the only term of an input has the input's shape, except for axes of length 1; a history may be flat
    (term,) = terms
    flat = len(term.shape) == 1 or (term.spec.history > 1 and len(shape) == 1)
    if not flat and [n for n in term.shape if n != 1] != [n for n in shape if n != 1]:
        raise ConfigurationError(
            f"input '{name}': its term has the shape {term.shape}; the policy was trained with {shape}"
        )
