# SPDX-License-Identifier: Apache-2.0
"""What a policy node saw, decided and sent, step by step: on a robot, or on a simulator in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
import json
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.errors import ConfigurationError, unfit, unknown
from rl_policy_node.mismatch.series import Floats, Mask

Array: TypeAlias = NDArray[Any]
_TABLE = 'recording'  # of a file: the JSON of all that is no array
_ARRAYS = ('time', 'actions', 'acted', 'reset')
_NESTED = ('inputs', 'commands', 'measured', 'received', 'moments')


@dataclass(frozen=True, kw_only=True)
class TermTrack:
    """Where the numbers of a term lie: columns `start` to `start + size` of the flat input `input`.

    labels: names of the numbers. spec: options as the parameter file has them, such as kind, source, field, joints,
    convention, history. scale, offset: one for all or one each, () for none. clip: [least, greatest], () for none.
    """

    input: str
    start: int
    size: int
    labels: tuple[str, ...]
    spec: Mapping[str, Any] = field(default_factory=dict)
    scale: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()
    clip: tuple[float, ...] = ()

    @property
    def columns(self) -> slice:
        """The columns of its input."""
        return slice(self.start, self.start + self.size)

    @property
    def source(self) -> str:
        """The source that it reads, '' where it is computed of something else."""
        return str(self.spec.get('source', ''))

    @property
    def history(self) -> int:
        """Samples per step, oldest first."""
        return int(self.spec.get('history', 1))


class Refused(NamedTuple):
    """Why a row did not act, from this step on."""

    step: int
    row: int
    reason: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Recording:
    """T steps of N rows.

    time (T,): s, of each step. rate: Hz, that of the parameter file. inputs: input → (T, N, n), as the network got
    them, flat, float32; NaN where it did not run. terms: name → TermTrack, in the order of the inputs. actions
    (T, N, a): as the network answered. commands: action term → field → (T, N, k), as sent. measured: source → field →
    (T, N, k), as the step read them. received: source → (messages, N), s: when messages came, NaN behind the last.
    acted (T, N): whether the row followed the policy. reset (T, N): whether its recurrent state, histories and tares
    were cleared before the step. reasons: in the order of time. moments: input → (2, n), mean and variance of
    training. about: what it is of, such as checkpoint, file, environment; `memory`: whether a reset changes anything.
    Raises ConfigurationError where the parts do not fit one another.
    """

    time: Floats
    rate: float
    inputs: Mapping[str, Floats]
    terms: Mapping[str, TermTrack]
    actions: Floats
    acted: Mask
    reset: Mask
    commands: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    measured: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    received: Mapping[str, Floats] = field(default_factory=dict)
    reasons: tuple[Refused, ...] = ()
    moments: Mapping[str, Floats] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.acted.shape
        if self.time.shape != shape[:1] or len(shape) != 2:
            raise unfit('recording: time', self.time.shape, f'one number for each step of {shape}')
        parts = {'actions': self.actions, 'reset': self.reset, **{f'inputs.{n}': v for n, v in self.inputs.items()}}
        for name, tree in (('commands', self.commands), ('measured', self.measured)):
            parts |= {f'{name}.{part}.{each}': value for part, one in tree.items() for each, value in one.items()}
        for name, value in parts.items():
            if value.shape[:2] != shape:
                raise unfit(f'recording: {name}', value.shape, f'{shape} and its numbers')
        for name, track in self.terms.items():
            if track.input not in self.inputs:
                raise unknown('input', track.input, self.inputs, f'recording: terms.{name}')
            if track.columns.stop > self.inputs[track.input].shape[2] or len(track.labels) != track.size:
                raise unfit(f'recording: terms.{name}', track, f'columns of the input {track.input}, and their labels')

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.time)

    @property
    def rows(self) -> int:
        """How many robots there are."""
        return int(self.acted.shape[1])

    def values(self, term: str) -> Floats:
        """Return the numbers (T, N, size) of a term, as the network got them."""
        track = self.terms[term]
        return self.inputs[track.input][:, :, track.columns]

    def trained(self, term: str) -> tuple[Floats, Floats] | None:
        """Return mean and standard deviation (size,) of a term in training, None where they are not known."""
        track = self.terms[term]
        if track.input not in self.moments:
            return None
        mean, variance = np.asarray(self.moments[track.input], dtype=np.float64)[:, track.columns]
        return mean, np.sqrt(variance)

    def of_rows(self, rows: slice) -> Recording:
        """Return the recording of some of its rows."""
        kept = range(*rows.indices(self.rows))
        return replace(
            self,
            inputs={name: value[:, rows] for name, value in self.inputs.items()},
            actions=self.actions[:, rows],
            acted=self.acted[:, rows],
            reset=self.reset[:, rows],
            commands=_cut(self.commands, rows),
            measured=_cut(self.measured, rows),
            received={name: times[:, rows] for name, times in self.received.items()},
            reasons=tuple(each._replace(row=kept.index(each.row)) for each in self.reasons if each.row in kept),
        )

    def of_robot(self, name: str) -> Recording:
        """Return the recording of one robot of a fleet; raises ConfigurationError if none has this name."""
        names: list[str] = list(self.about.get('robots', ()))
        if name not in names:
            raise unknown('robot', name, names, str(self.about.get('file', '')))
        row = names.index(name)
        return replace(self.of_rows(slice(row, row + 1)), about={**self.about, 'robots': [name]})

    def save(self, path: str | Path) -> None:
        """Write it to a .npz file."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        for name in _NESTED:
            arrays |= {f'{name}/{key}': value for key, value in _leaves(getattr(self, name)).items()}
        table = {
            'rate': self.rate,
            'terms': {name: asdict(track) for name, track in self.terms.items()},
            'reasons': self.reasons,
            'about': dict(self.about),
        }
        arrays[_TABLE] = np.array(json.dumps(table))
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """Return the recording of such a file; raises ConfigurationError for another file."""
        with np.load(path) as file:
            if _TABLE not in file:
                raise ConfigurationError(
                    f'{path}: no recording of a policy node; expected one that Recording.save wrote'
                )
            table = json.loads(str(file[_TABLE]))
            arrays = {name: file[name] for name in file.files if name != _TABLE}
        nested = {
            name: _tree({key.split('/', 1)[1]: value for key, value in arrays.items() if key.startswith(f'{name}/')})
            for name in _NESTED
        }
        parts: dict[str, Any] = {**{name: arrays[name] for name in _ARRAYS}, **nested}
        return cls(
            rate=table['rate'],
            terms={name: _track(stated) for name, stated in table['terms'].items()},
            reasons=tuple(Refused(*each) for each in table['reasons']),
            about=table['about'],
            **parts,
        )


def _cut(tree: Mapping[str, Mapping[str, Floats]], rows: slice) -> dict[str, dict[str, Floats]]:
    return {name: {field: value[:, rows] for field, value in part.items()} for name, part in tree.items()}


def _leaves(tree: Mapping[str, Any]) -> dict[str, Array]:
    """Return path → array of a tree; a path joins its keys by '/'."""
    found: dict[str, Array] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= {f'{name}/{key}': leaf for key, leaf in _leaves(value).items()}
        else:
            found[name] = np.asarray(value)
    return found


def _tree(leaves: Mapping[str, Array]) -> dict[str, Any]:
    """Return the tree of leaves whose paths have one or two keys."""
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        first, _, second = path.partition('/')
        if second:
            tree.setdefault(first, {})[second] = value
        else:
            tree[first] = value
    return tree


def _track(stated: Mapping[str, Any]) -> TermTrack:
    lists = {name: tuple(stated[name]) for name in ('labels', 'scale', 'offset', 'clip')}
    return TermTrack(**{**stated, **lists})
