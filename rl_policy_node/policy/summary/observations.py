# SPDX-License-Identifier: Apache-2.0
"""The observations of a policy: sizes, composition, normalisation, clip."""

from collections.abc import Mapping, Sequence
import math
from typing import Any

from rl_policy_node.policy.contract.agreement import joined_keys
from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.layouts import LayoutTerm
from rl_policy_node.policy.shared_types import Shape, YamlTree
from rl_policy_node.policy.summary.normalizer import read_statistics, RunningStatistics
from rl_policy_node.policy.summary.reading import Reading
from rl_policy_node.policy.summary.record import Observation, Term


def observations(reading: Reading) -> tuple[Observation, ...]:
    """Return the Observation of every input, in the order of the spaces."""
    shapes = input_shapes(reading)
    config = reading.run.config.params['config']
    normalized = Fact(bool(config.get('normalize_input', False)), stated(reading, config, 'config', 'normalize_input'))
    statistics = _statistics(reading, {name: shape.value for name, shape in shapes.items()}) if normalized.value else {}
    return tuple(
        Observation(
            name=name,
            shape=shape,
            dtype=str(reading.spaces.dtype_of(name)) if reading.spaces else 'float32',
            normalized=normalized,
            statistics=statistics[name].summary() if name in statistics else None,
            clip=_clip(reading, name),
            terms=_terms(reading, name, statistics.get(name)),
        )
        for name, shape in shapes.items()
    )


def input_shapes(reading: Reading) -> dict[str, Fact]:
    """Return input name → Fact of its shape, which is None where no source states it."""
    if reading.spaces is not None:
        known: Mapping[str, Shape | None] = reading.spaces.inputs
    else:
        found: Any = reading.run.facts.value('observation') or reading.run.weights and reading.run.weights.observation
        found = found or (reading.layout.shapes if reading.layout else {'obs': None})
        known = found if isinstance(found, dict) else {'obs': found}
    return {name: Fact(shape, _source(reading, name, shape)) for name, shape in known.items()}


def _source(reading: Reading, name: str, shape: Shape | None) -> str:
    """Return the source of a shape: the run before the weights before the environment as published."""
    if shape is None:
        return 'said nowhere'
    stating: list[Fact] = []
    if reading.run.facts.observation is not None:
        stating.append(reading.run.facts.observation)
    if reading.run.weights is not None:
        stating.append(Fact(reading.run.weights.observation, f'weights: {reading.run.weights.observation_source}'))
    for fact in stating:
        if fact.value is not None and (not isinstance(fact.value, dict) or fact.value.get(name) is not None):
            return fact.source
    return published(reading)


def published(reading: Reading) -> str:
    """Return the source of the environment's layout, '' where none is known."""
    if reading.layout is None:
        return ''
    return reading.layout.source or f"{reading.layout.task}'s environment as published"


def stated(reading: Reading, node: YamlTree, place: str, name: str) -> str:
    """Return the place of a value in params, or a text that says that it is not stated."""
    return f'params.{place}.{name} in {reading.run.config.path.name}' if name in node else "rl_games' default"


def _statistics(reading: Reading, shapes: Mapping[str, Shape | None]) -> dict[str, RunningStatistics]:
    if reading.run.checkpoint is None or reading.player is None and reading.spaces is not None:
        return {}
    joined = joined_keys(reading.run.config.params['network'], reading.spaces) if reading.spaces else ()
    return read_statistics(reading.run.checkpoint.model, shapes, joined)


def _clip(reading: Reading, name: str) -> Fact | None:
    """Return the environment's clip of an input, ± math.inf for none, None if not known."""
    each = reading.run.facts.clip_inputs
    if each is not None:
        return Fact(each.value[name], each.source) if name in each.value else None
    if reading.run.facts.clip_observations is not None:
        return reading.run.facts.clip_observations
    if reading.layout is not None and math.isfinite(reading.layout.clip_observations):
        return Fact(reading.layout.clip_observations, published(reading))
    if reading.run.config.task or reading.run.config.environment:
        return Fact(math.inf, 'the run states no clip')
    return None


def _terms(reading: Reading, name: str, statistics: RunningStatistics | None) -> tuple[Term, ...]:
    """Return the terms of an input with the part of the statistics that is theirs."""
    terms: Sequence[LayoutTerm] = reading.layout.inputs.get(name, ()) if reading.layout else ()
    start: int | None = 0
    found: list[Term] = []
    for term in terms:
        part = None
        if statistics is not None and start is not None and term.size:
            part = statistics.part(start, term.size)
        found.append(Term(**vars(term), start=start, statistics=part.summary() if part is not None else None))
        start = None if start is None or term.size is None else start + term.size
    return tuple(found)
