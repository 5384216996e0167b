# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime gives the numbers of the original: the actions that rl_games' own player gave for published networks."""

import numpy as np
from policy import golden_rule
from policy.conformance_set import built, GOLDENS, HERE, load, needs_set, observed, overrides, SHAPES
from policy.golden_set import SET
import pytest

TOLERANCE = 1e-5


def check(policy, golden):
    policy.choose_backend('onnx')
    assert not policy.fell_back, policy.backend_report
    found = [policy.act(observed(policy.spaces, step)) for step in range(golden_rule.STEPS)]
    np.testing.assert_allclose(found, golden, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize('name', SHAPES)
def test_actions_are_those_of_the_original(name):
    golden = GOLDENS[name]
    check(load(HERE / f'{name}.yaml', SHAPES[name], golden.shape[2]), golden)


def spread():
    """Return the networks that are unlike the others, one for each kind of recurrence, and every fifth of the rest."""
    entries = [each.values[0] for each in built()]
    odd = [entry for entry in entries if entry['network'] != 'actor_critic']
    recurrent = {str(entry['rnn']): entry for entry in entries if entry['rnn'] and entry not in odd}
    plain = [entry for entry in entries if not entry['rnn'] and entry not in odd]
    return [pytest.param(entry, id=entry['id']) for entry in [*odd, *recurrent.values(), *plain[::5]]]


@needs_set
def test_spread_is_one():
    assert len(spread()) == 9 + 6 + 6


@needs_set
@pytest.mark.parametrize('entry', spread())
def test_published_config_acts_as_the_original(entry):
    golden = np.load(SET / 'golden.npz')[entry['id']]
    check(load(SET / entry['file'], entry['obs'], entry['actions'][0], overrides=overrides(entry)), golden)
