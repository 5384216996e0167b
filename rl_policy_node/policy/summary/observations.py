# SPDX-License-Identifier: Apache-2.0
"""The observations of a policy: sizes, make-up, normalisation, clip."""
import math

from rl_policy_node.policy.contract.agreement import joined_keys
from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.summary.normalizer import read_statistics
from rl_policy_node.policy.summary.record import Observation, Term


def observations(reading):
    """Return the Observation of every input, in the order of the spaces."""
    shapes = input_shapes(reading)
    normalized = _normalized(reading)
    statistics = _statistics(reading, {name: shape.value for name, shape in shapes.items()}) if normalized.value else {}
    return tuple(Observation(
        name=name, shape=shape, dtype=str(reading.spaces.dtype_of(name)) if reading.spaces else 'float32',
        normalized=normalized, statistics=statistics[name].summary() if name in statistics else None,
        clip=_clip(reading, name), terms=_terms(reading, name, statistics.get(name))) for name, shape in shapes.items())


def input_shapes(reading):
    """Return input name → Fact of its shape, None in it where nobody tells."""
    if reading.spaces is not None:
        known = reading.spaces.inputs
    else:
        told = reading.facts.value('observation') or reading.weights and reading.weights.observation
        told = told or (reading.layout.shapes if reading.layout else {'obs': None})
        known = told if isinstance(told, dict) else {'obs': told}
    return {name: Fact(shape, _source(reading, name, shape)) for name, shape in known.items()}


def _source(reading, name, shape):
    """Return who tells a shape: the run before the weights before the environment as published."""
    if shape is None:
        return 'said nowhere'
    told = [(reading.facts.value('observation'), lambda: reading.facts.observation.source)]
    if reading.weights is not None:
        told.append((reading.weights.observation, lambda: f'weights: {reading.weights.observation_source}'))
    for value, source in told:
        if value is not None and (not isinstance(value, dict) or value.get(name) is not None):
            return source()
    return published(reading)


def published(reading):
    """Return the source of what is known of the environment by its name."""
    return f"{reading.layout.task}'s environment as published" if reading.layout else ''


def _normalized(reading):
    config = reading.config.params['config']
    return Fact(bool(config.get('normalize_input', False)), stated(reading, config, 'config', 'normalize_input'))


def stated(reading, node, place, name):
    """Return where a value of params stands, or that it does not."""
    return f'params.{place}.{name} in {reading.config.path.name}' if name in node else "rl_games' default"


def _statistics(reading, shapes):
    if reading.checkpoint is None or reading.player is None and reading.spaces is not None:
        return {}
    joined = joined_keys(reading.config.params['network'], reading.spaces) if reading.spaces else ()
    return read_statistics(reading.checkpoint.model, shapes, joined)


def _clip(reading, name):
    """Return what the environment clipped an input to, ± math.inf for nothing, None where not known."""
    each = reading.facts.clip_inputs
    if each is not None:
        return Fact(each.value[name], each.source) if name in each.value else None
    if reading.facts.clip_observations is not None:
        return reading.facts.clip_observations
    if reading.layout is not None and math.isfinite(reading.layout.clip_observations):
        return Fact(reading.layout.clip_observations, published(reading))
    if reading.config.task or reading.config.environment:
        return Fact(math.inf, 'the run states no clip')
    return None


def _terms(reading, name, statistics):
    """Return the terms of an input with the part of the statistics that is theirs."""
    terms, start, found = reading.layout.inputs.get(name, ()) if reading.layout else (), 0, []
    for term in terms:
        part = None
        if statistics is not None and start is not None and term.size:
            part = statistics.part(start, term.size)
        found.append(Term(**vars(term), start=start, statistics=part.summary() if part is not None else None))
        start = None if start is None or term.size is None else start + term.size
    return tuple(found)
