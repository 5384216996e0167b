# SPDX-License-Identifier: Apache-2.0
"""What the weights of published policies tell, and that they act as in rl_games' own player.

Where the checkout of a whole set of published train configs lies beside this one, all of it is tested.
"""

import functools
from pathlib import Path

import numpy as np
from policy import golden_rule
from policy.originals import original_player
import pytest
import torch
import yaml

from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.checkpoint.checkpoint import load_checkpoint
from rl_policy_node.policy.checkpoint.weights import read_spaces

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance'
needs_set = pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')


def entries():
    listed = yaml.safe_load((SET / 'entries.yaml').read_text()) if SET.is_dir() else []
    # one names a network that is nowhere to be had
    return [
        pytest.param(entry, id=entry['id'])
        for entry in listed
        if entry['reference']['builds'] is not False and entry['obs'] != 'unknown'
    ]


@needs_set
@pytest.mark.parametrize('entry', entries())
def test_weights_of_an_entry_tell_its_spaces(entry):
    spaces = Spaces(entry['obs'], entry['actions'][0])
    weights = Policy.load(SET / entry['resolved'], spaces=spaces, device='cpu').player.model.state_dict()
    read = read_spaces(weights)
    assert (read.observation, read.action, read.value_size) == (spaces.observation, spaces.action, entry['value_size'])
    without = {name: tensor for name, tensor in weights.items() if not name.startswith('running_mean_std')}
    read = read_spaces(without)
    size = sum(map(np.prod, spaces.inputs.values()))  # what passes every key on cannot be told from a flat one
    assert read.observation in ((size,), None) and read.action == spaces.action


@needs_set
def test_set_has_the_entries_that_are_looked_for():
    assert len(entries()) == 51


FILES = {
    'lstm': (3, 1),
    'mlp_cv': (3, 1),
    'compiled': (3, 1),
    'tanh': (3, 1),
    'discrete': (4, {'discrete': 2}),
    'sac': (3, 1),
    'aerial_gym/attitude_policy': (13, 4),
    'aerial_gym/morphy_policy_for_rigid_airframe': (17, 4),
    'aerial_gym/vel_control_lmf2_direct': (17, 4),
}
# without input statistics and without a recurrent layer: the other YAML there has both
CONFIGS = {name: 'aerial_gym/ppo_aerial_quad.yaml' for name in FILES if '/' in name}


def files(name):
    """Return the train YAML and the checkpoint of one of FILES."""
    return (
        SET / 'checkpoints' / CONFIGS.get(name, f'{name}/train.yaml'),
        SET / 'checkpoints' / (f'{name}.pth' if '/' in name else f'{name}/{name}.pth'),
    )


@needs_set
@pytest.mark.parametrize('name', FILES)
def test_checkpoint_of_the_set_tells_its_spaces_and_acts_as_the_original(name, monkeypatch):
    spaces = Spaces(*FILES[name])
    config, file = files(name)
    read = read_spaces(load_checkpoint(file).model)
    assert (read.observation, read.action, read.value_size) == (spaces.observation, spaces.action, 1)
    policy = Policy.load(config, file, rows=golden_rule.ROWS, device='cpu')
    player = original_player(config, spaces.env_info(), golden_rule.ROWS)
    # some files were written on CUDA, and rl_games does not map them
    monkeypatch.setattr(torch, 'load', functools.partial(torch.load, map_location='cpu'))
    player.restore(str(file))
    player.reset()
    for step in range(golden_rule.STEPS):
        observations = golden_rule.observations(spaces.inputs, step)['obs']
        wanted = player.get_action(observations, is_deterministic=True).detach().numpy()
        np.testing.assert_array_equal(policy.act(observations), wanted.reshape(golden_rule.ROWS, -1))
    assert np.ptp(wanted) > 0
