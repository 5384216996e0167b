"""The numbers of the original: what TacSL's own networks, and rl_games' own player, answer.

Weights and observations are functions of names (golden_rule.py); goldens.npz holds the deterministic
actions (steps, rows, actions) that the original networks gave for them. Where the checkout of a whole
set of published train configs lies beside this one, all of its TacSL entries and checkpoints are tested.
"""
import copy
from pathlib import Path

import gymnasium
import numpy as np
from policy import golden_rule
import pytest
from rl_games.torch_runner import Runner
import torch
import yaml

from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.global_state import preserved

HERE = Path(__file__).resolve().parent
GOLDENS = np.load(HERE / 'goldens.npz')
POSES = {'ee_pos': 3, 'ee_quat': 4, 'socket_pos': 3, 'socket_quat': 4, 'dof_pos': 9}
SHAPES = {
    'tacsl_state': {**POSES, 'plug_pos': 3, 'plug_quat': 4, 'plug_socket_force': 3,
                    'plug_left_elastomer_force': 3, 'plug_right_elastomer_force': 3},
    'tacsl_tactile': {**POSES, 'left_tactile_camera_taxim': (80, 60, 3), 'right_tactile_camera_taxim': (80, 60, 3)},
}
TOLERANCE = 1e-6

SET = HERE.parents[2] / 'shared' / 'conformance'
needs_set = pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')


def answers(train_config, shapes, actions, **options):
    """Return the actions (steps, rows, actions) of a policy under the rule."""
    policy = Policy.load(train_config, spaces=Spaces(shapes, actions), rows=golden_rule.ROWS, device='cpu', **options)
    golden_rule.fill(policy.player.model)
    return np.stack([policy.act(golden_rule.observations(policy.spaces.inputs, step))
                     for step in range(golden_rule.STEPS)])


@pytest.mark.parametrize('name', SHAPES)
def test_actions_are_those_of_the_original_network(name):
    found = answers(HERE / f'{name}.yaml', SHAPES[name], 6)
    np.testing.assert_allclose(found, GOLDENS[name], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize('override', ['params.network.mlp.activation=relu', 'params.config.normalize_input=false',
                                      '+params.network.rnn.concat_output=true'])
def test_original_actions_tell_another_network_apart(override):
    found = answers(HERE / 'tacsl_state.yaml', SHAPES['tacsl_state'], 6, overrides=[override])
    assert np.abs(found - GOLDENS['tacsl_state']).max() > 1000 * TOLERANCE


def test_order_of_the_inputs_is_that_of_the_yaml_not_of_the_space():
    turned = dict(reversed(SHAPES['tacsl_state'].items()))
    found = answers(HERE / 'tacsl_state.yaml', turned, 6)
    np.testing.assert_allclose(found, GOLDENS['tacsl_state'], rtol=0, atol=TOLERANCE)


def entries():
    if not SET.is_dir():
        return []
    listed = yaml.safe_load((SET / 'entries.yaml').read_text())
    return [pytest.param(entry, id=entry['id']) for entry in listed if entry['network'] == 'actor_critic_dict']


@needs_set
def test_set_has_the_entries_that_are_looked_for():
    assert len(entries()) == 5


@needs_set
@pytest.mark.parametrize('entry', entries())
def test_entry_of_the_set_acts_as_the_original(entry):
    golden = np.load(SET / 'golden.npz')[entry['id']]
    found = answers(SET / entry['resolved'], entry['obs'], entry['actions'][0])
    np.testing.assert_allclose(found, golden, rtol=0, atol=TOLERANCE)


def original_player(train_config, spaces, rows):
    """Return rl_games' own player of a train YAML, built as its documentation says."""
    params = copy.deepcopy(yaml.safe_load(train_config.read_text())['params'])
    params['config'].update(env_info=spaces, device_name='cpu')
    with preserved():                                    # the tests that follow
        runner = Runner()
        runner.load({'params': params})
        player = runner.create_player()
    player.has_batch_dimension, player.batch_size = True, rows
    return player


def box(size, bound):
    return gymnasium.spaces.Box(-bound, bound, (size,), np.float32)


CHECKPOINTS = {name: (box(3, np.inf), box(1, 1.0)) for name in ('lstm', 'mlp_cv', 'compiled', 'tanh')}
CHECKPOINTS['discrete'] = box(4, np.inf), gymnasium.spaces.Discrete(2)


@needs_set
@pytest.mark.parametrize('name', CHECKPOINTS)
def test_checkpoint_acts_as_in_the_player_that_rl_games_builds(name):
    observation, action = CHECKPOINTS[name]
    folder = SET / 'checkpoints' / name
    policy = Policy.load(folder / 'train.yaml', folder / f'{name}.pth', rows=golden_rule.ROWS, device='cpu')
    player = original_player(folder / 'train.yaml', {'observation_space': observation, 'action_space': action},
                             golden_rule.ROWS)
    weights = torch.load(folder / f'{name}.pth', weights_only=False)['model']
    player.model.load_state_dict({key.removeprefix('_orig_mod.').replace('._orig_mod.', '.'): value
                                  for key, value in weights.items()})
    player.reset()
    for step in range(golden_rule.STEPS):
        observations = golden_rule.observations({'obs': observation.shape}, step)['obs']
        wanted = player.get_action(observations, is_deterministic=True).numpy()
        np.testing.assert_array_equal(policy.act(observations), wanted.reshape(golden_rule.ROWS, -1))
    assert np.ptp(wanted) > 0
