# SPDX-License-Identifier: Apache-2.0
"""The messages that show what a policy saw and answered: ~/policy/observation/<input>, ~/policy/action, ~/policy/terms.

They are the same live and in a recording: `PolicyStreams` builds them from a `Cut` of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
import re
from typing import Any, cast, Final, NamedTuple

import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float32MultiArray, MultiArrayDimension, MultiArrayLayout

from rl_policy_node.adapters.adapter import set_stamp
from rl_policy_node.control.arrays import Array, Floats, Mask, Shape
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.protocols import PolicySpaces
from rl_policy_node.errors import unfit
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.policy.tracks import number_name, row_names, Track
from rl_policy_node.nodes.topics.serialized import template
from rl_policy_node.options import option

OBSERVATION, ACTION, TERMS = 'observation', 'action', 'terms'
PREFIX: Final = '~/policy/'
METADATA: Final = f'{PREFIX}metadata'
ACTING: Final = 'acting'  # a number in ~/policy/terms: 1 while a robot follows the policy
MOST_ROWS: Final = 16  # rows that are streamed where none are named
SUMMARY: Final = ('least', 'mean', 'greatest')  # of a term with too many numbers for a name each


@dataclass(frozen=True)
class StreamSpec:
    """What the node shows of each step: nothing by default."""

    enabled: bool = option(
        False,
        'publish what the policy sees and answers on ~/policy/observation/<input>, ~/policy/action, ~/policy/terms and '
        '~/policy/metadata; off, they do not exist',
        live=True,
    )
    topics: tuple[str, ...] = option(
        (OBSERVATION, ACTION, TERMS), 'which of them, besides the metadata', choices=(OBSERVATION, ACTION, TERMS)
    )
    every: int = option(1, 'publish each n-th step', unit='steps', low=1, high=100000)
    rows: tuple[int, ...] = option(
        (),
        f'rows of the batch, from 0: robots in the order of robots; empty: all, of more than {MOST_ROWS} the first '
        f'{MOST_ROWS}',
        low=0,
    )
    most_numbers: int = option(
        4096, 'an input with more numbers for each robot, such as an image, is left out', low=1, high=100_000_000
    )
    most_names: int = option(
        64, f'a term with more numbers appears in ~/policy/terms by {", ".join(SUMMARY)} alone', low=3, high=100_000
    )

    def rows_of(self, count: int) -> list[int]:
        """Return the rows to show, of `count`; raises ConfigurationError for one that does not exist."""
        beyond = [row for row in self.rows if row >= count]
        if beyond:
            raise unfit('stream.rows', beyond, f'rows from 0 to {count - 1}')
        return list(self.rows) or list(range(min(count, MOST_ROWS)))


class Cut(NamedTuple):
    """What the streams need of a step, of the rows that they show.

    stamp: ns, ROS time of the step. inputs: input → (rows, ...), as the network got it; actions: (rows, n), as it
    answered; acting (rows,): whether the answer was followed: the inputs of the others are zeros.
    """

    stamp: int
    inputs: Mapping[str, Array]
    actions: Array
    acting: Mask


class StreamMessage(NamedTuple):
    """A serialized message, and its topic, relative to the node."""

    topic: str
    message_type: type
    payload: bytes


class PolicyStreams:
    """Builds the messages of a step. inputs: those that are shown; rows: of the batch.

    spaces: of the policy. found: its Tracks. The first use takes some ms, later ones some µs.
    """

    def __init__(self, spec: StreamSpec, control: ControlSpec, spaces: PolicySpaces, found: Sequence[Track]) -> None:
        self.spec, self.rows = spec, spec.rows_of(control.rows)
        small = {name: shape for name, shape in spaces.inputs.items() if np.prod(shape, dtype=int) <= spec.most_numbers}
        self.inputs: Mapping[str, Shape] = small
        self.num_actions = spaces.num_actions
        # terms are float32; a network takes an image of bytes as bytes
        self._types = {name: np.dtype(cast(str, spaces.dtype_of(name))) for name in small}
        names = row_names(control, self.rows)
        self._numbers = NamedNumbers([each for each in found if not each.input or each.input in small], names, spec)
        self._writers = dict(self._made_writers(names))

    @property
    def topics(self) -> dict[str, type]:
        """Topic, relative to the node → message type."""
        return {topic: writer.message_type for topic, writer in self._writers.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names in ~/policy/terms, in order."""
        return self._numbers.names

    def messages(self, cut: Cut) -> Iterator[StreamMessage]:
        """Yield the messages of a step."""
        for topic, writer in self._writers.items():
            yield StreamMessage(topic, writer.message_type, writer.payload(cut))

    def _made_writers(self, names: Sequence[str]) -> Iterator[tuple[str, _Writer]]:
        rows, topics = f'rows: {", ".join(names)}' if any(names) else 'rows', self.spec.topics
        for name, token in _tokens(self.inputs if OBSERVATION in topics else ()).items():
            sizes = self.inputs[name] or (1,)
            # the first dimension bears the name of the input
            dimensions = [(rows, len(names)), *zip((name, *map(str, range(1, len(sizes)))), sizes)]
            yield f'{PREFIX}{OBSERVATION}/{token}', _ArrayWriter(dimensions, _input_of(name, self._types[name]))
        if ACTION in topics:
            dimensions = [(rows, len(names)), (ACTION, self.num_actions)]
            yield f'{PREFIX}{ACTION}', _ArrayWriter(dimensions, lambda cut: cut.actions)
        if TERMS in topics:
            yield f'{PREFIX}{TERMS}', _NamesWriter(self._numbers)


class NamedNumbers:
    """Picks from a step the numbers that have a name, and names them: <robot>/<term>/<label>.

    Besides the terms and the action, `action/<term>/<label>`, there is `acting` of each robot, 1 or 0.
    """

    def __init__(self, found: Sequence[Track], rows: Sequence[str], spec: StreamSpec) -> None:
        self._tracks = [(each, len(each.labels) > spec.most_names) for each in found]
        of_one = [ACTING]
        for track, large in self._tracks:
            of_one += [number_name(track.called, label) for label in (SUMMARY if large else track.labels)]
        self.names = tuple(number_name(row, name) for row in rows for name in of_one)
        self._values: Floats = np.zeros((len(rows), len(of_one)))

    def values(self, cut: Cut) -> Floats:
        """Return the numbers (names,) of a step."""
        values, at = self._values, 1
        values[:, 0] = cut.acting
        for track, large in self._tracks:
            whole = cut.inputs[track.input] if track.input else cut.actions
            part = whole.reshape(len(whole), -1)[:, track.columns]
            if large:
                part = np.stack((part.min(axis=1), part.mean(axis=1), part.max(axis=1)), axis=1)
            values[:, at : at + part.shape[1]] = part
            at += part.shape[1]
        return values.reshape(-1)


class _Writer:
    """Serializes one message of a step: by copying numbers into prepared bytes."""

    message_type: type

    def __init__(self, size: int, dtype: type[np.floating[Any]]) -> None:
        self._template = template(lambda arrays, stamp: self._message(arrays['data'], stamp), {'data': (size,)}, dtype)

    def payload(self, cut: Cut) -> bytes:
        """Return the bytes of the message."""
        numbers = self._numbers(cut)
        if self._template is not None:
            return self._template.filled({'data': numbers}, cut.stamp)
        payload: bytes = serialize_message(self._message(numbers, cut.stamp))
        return payload

    def _numbers(self, cut: Cut) -> Array:
        raise NotImplementedError

    def _message(self, numbers: Array, stamp: int) -> Message:
        raise NotImplementedError


class _ArrayWriter(_Writer):
    """A Float32MultiArray. dimensions: (label, size), the rows first. pick: returns the array of a step."""

    message_type = Float32MultiArray

    def __init__(self, dimensions: Sequence[tuple[str, int]], pick: Callable[[Cut], Array]) -> None:
        sizes = [size for _, size in dimensions]
        self._layout = MultiArrayLayout(
            dim=[
                MultiArrayDimension(label=label, size=size, stride=int(np.prod(sizes[axis:])))
                for axis, (label, size) in enumerate(dimensions)
            ]
        )
        self._pick = pick
        super().__init__(int(np.prod(sizes)), np.float32)

    def _numbers(self, cut: Cut) -> Array:
        return self._pick(cut).astype(np.float32, copy=False).reshape(-1)

    def _message(self, numbers: Array, stamp: int) -> Message:
        return Float32MultiArray(layout=self._layout, data=numbers.astype(np.float32).tolist())


class _NamesWriter(_Writer):
    """A JointState: name[i] → position[i], with the time of the step."""

    message_type = JointState

    def __init__(self, numbers: NamedNumbers) -> None:
        self._named = numbers
        super().__init__(len(numbers.names), np.float64)

    def _numbers(self, cut: Cut) -> Array:
        return self._named.values(cut)

    def _message(self, numbers: Array, stamp: int) -> Message:
        message = JointState(name=list(self._named.names), position=numbers.tolist())
        set_stamp(message.header.stamp, stamp)
        return message


def _input_of(name: str, dtype: np.dtype[Any]) -> Callable[[Cut], Array]:
    return lambda cut: cut.inputs[name].astype(dtype, copy=False)


def _tokens(inputs: Iterable[str]) -> dict[str, str]:
    """Return input → what stands for it in a topic, which has no other signs than letters, digits and _."""
    found: dict[str, str] = {}
    for name in inputs:
        token = re.sub(r'\W', '_', name, flags=re.ASCII)
        token = f'_{token}' if token[:1].isdigit() else token
        while token in found.values():
            token += '_'
        found[name] = token
    return found
