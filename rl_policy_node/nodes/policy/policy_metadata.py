# SPDX-License-Identifier: Apache-2.0
"""The description of a policy and its deployment, as JSON: the content of ~/policy/metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import math
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from rl_policy_node.control.distribution import Moments
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.cycle import Cycle
from rl_policy_node.nodes.parameters.conversion import Value
from rl_policy_node.nodes.policy.tracks import row_names, Track, tracks
from rl_policy_node.nodes.self_description import as_json, machine, versions
from rl_policy_node.nodes.topics.ports import Ports
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.options import leaves, stated, value_of
from rl_policy_node.policy import Policy

SCHEMA: Final = 1  # rises when a key changes its meaning
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Deployed:
    """A configured policy. moments: of its training, input → Moments."""

    control: ControlSpec
    policy: Policy
    cycle: Cycle
    sources: Mapping[str, Source]
    ports: Ports
    moments: Mapping[str, Moments]


def describe(deployed: Deployed, parameters: Mapping[str, Value], most_numbers: float = math.inf) -> str:
    """Return the description as JSON text; numbers that JSON lacks are the texts inf, -inf and nan.

    parameters: name → value, all of the node. most_numbers: of an input whose training range is told; those of larger
    ones, such as images, are left out.
    """
    control, policy = deployed.control, deployed.policy
    found, spaces = tracks(control, deployed.cycle), policy.spaces
    checkpoint, train_config = policy.checkpoint, policy.config.path
    content = {
        'schema': SCHEMA,
        'rows': control.rows,
        'robots': row_names(control, range(control.rows)),
        'control_rate': control.timing.control_rate,
        'inputs': {
            name: {'shape': shape, 'dtype': str(spaces.dtype_of(name))} for name, shape in spaces.inputs.items()
        },
        'terms': [_term(each, deployed) for each in found if each.input],
        'actions': [_action(each, control) for each in found if not each.input],
        **_topics(deployed),
        'moments': {
            name: {'mean': each.mean, 'variance': np.square(each.std)}
            for name, each in deployed.moments.items()
            if len(each.mean) <= most_numbers
        },
        'checkpoint': None if checkpoint is None else {'path': str(checkpoint.path), 'sha256': checkpoint.sha256},
        'train_config': {'path': str(train_config), 'sha256': _checksum(train_config)},
        'backend': policy.backend_report,
        'versions': versions('onnxruntime'),
        'machine': machine(),
        'parameters': parameters,
    }
    return as_json(content)


def _term(track: Track, deployed: Deployed) -> Json:
    """Return what an observation term is, where it stands and what its numbers are called.

    unit: of the value before offset and scale, '' where it is not known.
    """
    spec = deployed.control.terms[track.name]
    clips = deployed.control.clips
    units = [deployed.sources[read.source].adapter.units.get(read.field, '') for read in spec.reads]
    return {
        'name': track.name,
        'called': track.called,
        'input': track.input,
        'start': track.start,
        'size': len(track.labels),
        'labels': track.labels,
        'unit': units[0] if spec.kind == 'field' and units else '',
        'offset': spec.offset,
        'scale': spec.scale,
        'clip': list(spec.clip_range) or spec.clip,
        'clip_input': clips.clip_inputs.get(track.input, clips.clip_observations),
        'spec': {'kind': spec.kind, **_stated(spec), **_stated(spec.options)},
    }


def _action(track: Track, control: ControlSpec) -> Json:
    (spec,) = (each for each in control.actions if each.name == track.name)
    return {
        'name': track.name,
        'called': track.called,
        'start': track.start,
        'size': len(track.labels),
        'labels': track.labels,
        'spec': {'kind': spec.kind, **_stated(spec), **_stated(spec.options)},
    }


def _topics(deployed: Deployed) -> Json:
    """Return the topics of sources and commands after namespaces and remapping, in the order of the robots."""
    sources, commands = deployed.ports.sources, (endpoint.topic for _, endpoint in deployed.ports.commands)
    return {
        'sources': {
            name: {'type': source.spec.type, 'topics': [endpoint.topic for endpoint in sources.get(name, ())]}
            for name, source in deployed.sources.items()
        },
        'commands': {
            action.name: {
                'type': action.type,
                'topics': [next(commands) for _ in range(1 if action.rows else deployed.control.rows)],
            }
            for action in deployed.control.actions
        },
    }


def _stated(options: object) -> Json:
    """Return the options that have another value than their default."""
    known = leaves(type(options))
    return {name: value_of(options, name, known[name].default) for name in stated(options)}


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''
