# SPDX-License-Identifier: Apache-2.0
"""What the drivers of a robot would measure at each step of a recording, source by source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rl_policy_node.control.arrays import Array, Values
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.raw_scene import Scene
from rl_policy_node.core.raw_state import RawState
from rl_policy_node.core.sensor_spec import SensorSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.tools.verify.played_steps import Recording, stack


@dataclass(frozen=True)
class _Asked:
    """A source that is asked for some of its fields."""

    buffer: SourceBuffer
    joints: tuple[str, ...]


def measure(
    control: ControlSpec, sources: Mapping[str, Source], recording: Recording, stated: Mapping[str, SensorSpec]
) -> tuple[dict[str, dict[str, Array]], dict[str, str]]:
    """Return source → field → (steps, rows, …), and source.field → why raw state does not give it.

    Joints are in the order of the source's. stated: source → the part of the simulator that it measures.
    """
    measured: dict[str, dict[str, Array]] = {}
    lacking: dict[str, str] = {}
    scene = Scene(recording.scene)
    steps = [{name: value[step] for name, value in recording.raw.items()} for step in range(recording.steps)]
    for name, source in sources.items():
        fields = tuple(source.buffer.values)
        # where not all of its fields can be had, each is asked for alone: a lack of one costs only that
        for asked in dict.fromkeys([fields, *((field,) for field in fields)]):
            if name in measured and set(measured[name]) == set(fields):
                break
            try:
                state = RawState(control.sources, {name: _asked(source, asked)}, scene, steps[0], stated)
            except ConfigurationError as error:
                lacking.update({f'{name}.{field}': str(error) for field in asked})
                continue
            values = stack([state.values(name, raw) for raw in steps])
            measured.setdefault(name, {}).update(values)
            lacking = {key: text for key, text in lacking.items() if key not in {f'{name}.{field}' for field in values}}
    return measured, lacking


def _asked(source: Source, fields: Sequence[str]) -> _Asked:
    values = {field: source.buffer.values[field] for field in fields}
    shapes = {field: (value.shape[1:], value.dtype) for field, value in values.items()}
    return _Asked(SourceBuffer(source.spec, shapes, source.buffer.rows, joints=source.joints), source.joints)


def completed(source: Source, values: Values) -> dict[str, Array]:
    """Return the values (rows, …) of a message of a source: what raw state does not give is zero, or not turned."""
    neutral: dict[str, Array] = {
        field: np.zeros((source.buffer.rows, *shape)) for field, shape in source.adapter.fields.items() if shape
    }
    neutral |= {field: np.zeros_like(value) for field, value in source.buffer.values.items()}
    for field, value in neutral.items():
        if source.adapter.fields.get(field) == (4,):
            value[..., 3] = 1.0
    return {**neutral, **values}
