# SPDX-License-Identifier: Apache-2.0
"""Where the numbers of each term of a configuration lie, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable
import math

import numpy as np

from rl_policy_node.control.distribution import Piece
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.terms.term_spec import TermSpec
from rl_policy_node.core.assemble import build_managers
from rl_policy_node.core.protocols import PolicySpaces, Source
from rl_policy_node.mismatch.recording import TermTrack
from rl_policy_node.options import leaves, value_of

_AXES = ('x', 'y', 'z')


def term_tracks(control: ControlSpec, sources: dict[str, Source], spaces: PolicySpaces) -> dict[str, TermTrack]:
    """Return term → TermTrack, in the order of the inputs; a term that two inputs have counts where it is first."""
    managers = build_managers(control, sources, spaces.inputs, spaces.action, spaces.num_actions)
    return tracks_of(control, managers.observations.pieces())


def tracks_of(control: ControlSpec, pieces: Iterable[Piece]) -> dict[str, TermTrack]:
    """Return term → TermTrack of the Pieces of the inputs."""
    tracks: dict[str, TermTrack] = {}
    for piece in pieces:
        tracks.setdefault(piece.term, _track(control.terms[piece.term], piece))
    return tracks


def _track(spec: TermSpec, piece: Piece) -> TermTrack:
    size = piece.columns.stop - piece.columns.start
    bound = spec.clip_range or ((-spec.clip, spec.clip) if math.isfinite(spec.clip) else ())
    return TermTrack(
        input=piece.input,
        start=piece.columns.start,
        size=size,
        labels=_labels(spec, size, piece.shape),
        spec=_plain(spec),
        scale=spec.scale,
        offset=spec.offset,
        clip=tuple(bound),
    )


def _plain(spec: TermSpec) -> dict[str, object]:
    """Return the options of a term that differ from their default, and what it reads."""
    found: dict[str, object] = {'kind': spec.kind, 'history': spec.history, 'history_stride': spec.history_stride}
    for name, leaf in leaves(type(spec.options)).items():
        value = value_of(spec.options, name, leaf.default)
        if value != leaf.default:
            found[name] = list(value) if isinstance(value, tuple) else value
    if spec.reads:
        found |= {'source': spec.reads[0].source, 'field': spec.reads[0].field}
    return found


def _labels(spec: TermSpec, size: int, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return what the numbers are called: joints, axes, or places in an array; samples of a history by their age."""
    count = size // spec.history
    joints = value_of(spec.options, 'joints', tuple[str, ...]())
    names = [str(number) for number in range(count)]
    if len(joints) == count:
        names = list(joints)
    elif count == 3:
        names = list(_AXES)
    elif count == 4 and spec.reads and spec.reads[0].field == 'orientation':
        names = list(value_of(spec.options, 'convention', 'xyzw'))
    elif len(shape) > 1 and math.prod(shape) == count:
        names = [','.join(map(str, place)) for place in np.ndindex(*shape)]
    ages = range((spec.history - 1) * spec.history_stride, -1, -spec.history_stride)
    return tuple(f'{name} t−{age}' if age else name for age in ages for name in names)
