# SPDX-License-Identifier: Apache-2.0
"""The numbers of the original: what rl_games' own player, and TacSL's and AMP's own networks, answer.

Weights and observations are functions of names (golden_rule.py); goldens.npz holds the deterministic
actions (steps, rows, actions) that the originals gave for them. Where a whole set of published train
configs lies beside this checkout, all of its entries are tested, too.
"""

import numpy as np
from policy import golden_rule
from policy.conformance_set import answers, built, GOLDENS, HERE, load, needs_set, overrides, SHAPES
from policy.golden_set import answers_of, assert_golden, entries, golden, original, SET, TOLERANCE
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy


@pytest.mark.parametrize('name', SHAPES)
def test_actions_are_those_of_the_original(name):
    golden = GOLDENS[name]
    found = answers(HERE / f'{name}.yaml', SHAPES[name], golden.shape[2])
    np.testing.assert_allclose(found, golden, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    'override',
    [
        'params.network.mlp.activation=relu',
        'params.config.normalize_input=false',
        '+params.network.rnn.concat_output=true',
    ],
)
def test_original_actions_tell_another_network_apart(override):
    found = answers(HERE / 'tacsl_state.yaml', SHAPES['tacsl_state'], 6, overrides=[override])
    assert np.abs(found - GOLDENS['tacsl_state']).max() > 1000 * TOLERANCE


def test_order_of_the_inputs_is_that_of_the_yaml_not_of_the_space():
    turned = dict(reversed(SHAPES['tacsl_state'].items()))
    found = answers(HERE / 'tacsl_state.yaml', turned, 6)
    np.testing.assert_allclose(found, GOLDENS['tacsl_state'], rtol=0, atol=TOLERANCE)


@needs_set
def test_set_has_the_entries_that_are_looked_for():
    assert len(built()) == 51 and len(built('actor_critic_dict')) == 5 and len(built('amp')) == 2


@needs_set
@pytest.mark.parametrize('entry', built())
def test_published_config_acts_as_the_original(entry):
    found = answers(SET / entry['file'], entry['obs'], entry['actions'][0], overrides=overrides(entry))
    if entry['network'] in ('actor_critic_dict', 'amp'):
        np.testing.assert_allclose(found, golden(entry), rtol=0, atol=TOLERANCE)
    else:
        assert_golden(found, entry)
        np.testing.assert_array_equal(found, answers_of(original(entry, golden_rule.ROWS), entry))


@needs_set
@pytest.mark.parametrize('entry', built('actor_critic', 'soft_actor_critic'))
def test_published_config_acts_as_rl_games_player_at_every_batch_size(entry):
    shape, actions = tuple(entry['obs']), entry['actions'][0]
    policies = {
        rows: load(SET / entry['file'], shape, actions, rows=rows, overrides=overrides(entry)) for rows in (1, 256)
    }
    for rows, policy in policies.items():
        player = original(entry, rows)
        for step in range(golden_rule.STEPS):
            observation = torch.randn(rows, *shape, generator=torch.Generator().manual_seed(step))
            wanted = player.get_action(observation, is_deterministic=True).detach().numpy()
            np.testing.assert_array_equal(policy.act(observation), wanted.reshape(rows, -1))


@needs_set
@pytest.mark.parametrize('entry', [pytest.param(e, id=e['id']) for e in entries() if not e['reference']['builds']])
def test_network_that_is_public_nowhere_is_named(entry):
    with pytest.raises(ConfigurationError, match=f"unknown params.network.name '{entry['network']}'; valid: "):
        Policy.load(SET / entry['file'], overrides=overrides(entry), device='cpu')
