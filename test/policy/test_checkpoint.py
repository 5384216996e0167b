# SPDX-License-Identifier: Apache-2.0
"""What a checkpoint holds, brought into the form of the player's model."""

import hashlib
from pathlib import Path

import numpy as np
from policy.checkpoints import MODEL, refusal, save
import pytest
import torch

from rl_policy_node.policy.checkpoint.checkpoint import load_checkpoint

STATISTICS = {'running_mean': torch.full((3,), 5.0), 'running_var': torch.ones(3), 'count': torch.tensor(9.0)}
ACTOR = {'trunk.0.weight': torch.ones(8, 3), 'trunk.2.weight': torch.ones(2, 8)}
CRITIC = {f'{twin}.0.weight': torch.ones(8, 4) for twin in ('Q1', 'Q2')}
ONE = torch.ones(1)
FACTORY = {
    'encoder.encoders.obs.mlp_head.0.weight': ONE,
    'critic_linear.weight': ONE,
    'action_parameterization.distribution_linear.weight': ONE,
}
SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance' / 'checkpoints'


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'policy.pth'


def test_model_and_what_the_file_says_of_itself_are_read(path):
    save(path, epoch=7, frame=1024, optimizer={'state': {}}, last_mean_rewards=3.5)
    checkpoint = load_checkpoint(str(path))
    assert (checkpoint.path, checkpoint.epoch, checkpoint.frame) == (path, 7, 1024)
    assert (checkpoint.mean_reward, checkpoint.algorithm, checkpoint.executed) == (3.5, 'ppo', False)
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert checkpoint.size == path.stat().st_size
    assert list(checkpoint.model) == list(MODEL)
    for name, tensor in MODEL.items():
        assert torch.equal(checkpoint.model[name], tensor)


def test_epoch_frame_and_reward_may_be_missing(path):
    checkpoint = load_checkpoint(save(path))
    assert checkpoint.epoch is None and checkpoint.frame is None and checkpoint.mean_reward is None
    assert checkpoint.extras == () and checkpoint.beside_model == ()


@pytest.mark.parametrize(
    'number', [7, 7.0, np.int64(7), np.float32(7), torch.tensor(7), torch.tensor([7.0]), np.array(7), np.array([7.0])]
)
def test_numbers_are_taken_in_every_form(path, number):
    checkpoint = load_checkpoint(save(path, epoch=number, frame=number, last_mean_rewards=number))
    assert (checkpoint.epoch, checkpoint.frame, checkpoint.mean_reward) == (7, 7, 7.0)
    assert isinstance(checkpoint.epoch, int)


@pytest.mark.parametrize('name', ['epoch', 'frame', 'last_mean_rewards'])
@pytest.mark.parametrize('value', ['last', '7', [7], {'a': 1}, torch.ones(2), np.ones(2)])
def test_what_is_no_number_is_refused_by_name(path, name, value):
    assert f'{name} is ' in refusal(save(path, **{name: value}))


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_epoch_is_finite(path, value):
    assert f'epoch is {value}; expected a whole number' in refusal(save(path, epoch=value))


@pytest.mark.parametrize('prefix', ['_orig_mod.{}', 'a2c_network._orig_mod.{}', '_orig_mod._orig_mod.{}'])
def test_prefix_of_a_compiled_network_is_taken_away(path, prefix):
    torch.save(
        {
            'model': {prefix.format(name): tensor for name, tensor in MODEL.items()},
            'running_mean_std': {f'_orig_mod.{name}': tensor for name, tensor in STATISTICS.items()},
        },
        path,
    )
    names = load_checkpoint(path).model
    assert list(names) == [
        *(prefix.replace('_orig_mod.', '').format(name) for name in MODEL),
        *(f'running_mean_std.{name}' for name in STATISTICS),
    ]


def test_statistics_beside_the_model_take_the_place_of_those_in_it(path):
    inside = {'running_mean_std.running_mean': torch.zeros(3), 'running_mean_std.count': torch.tensor(1.0)}
    torch.save({'model': {**MODEL, **inside}, 'running_mean_std': STATISTICS}, path)
    checkpoint = load_checkpoint(path)
    assert set(checkpoint.model) == {*MODEL, *(f'running_mean_std.{name}' for name in STATISTICS)}
    assert set(checkpoint.beside_model) == {f'running_mean_std.{name}' for name in STATISTICS}
    for name, tensor in STATISTICS.items():
        assert torch.equal(checkpoint.model[f'running_mean_std.{name}'], tensor)


def test_value_statistics_beside_the_model_go_where_the_player_has_them(path):
    checkpoint = load_checkpoint(save(path, reward_mean_std={'running_mean': torch.zeros(1)}))
    assert checkpoint.beside_model == ('value_mean_std.running_mean',)
    assert checkpoint.beside_model[0] in checkpoint.model


def test_what_acting_does_not_need_is_set_aside_and_named(path):
    save(
        path,
        optimizer={'state': {0: torch.ones(1)}},
        assymetric_vf_nets={'model._orig_mod.x': torch.ones(1)},
        assymetric_vf_optimizer={'state': {0: 1}},
        central_val_stats={},
        scaler={'scale': 1.0},
        env_state=None,
        amp_input_mean_std={'running_mean': torch.ones(3)},
        curriculum={'level': np.float32(2)},
    )
    checkpoint = load_checkpoint(path)
    assert list(checkpoint.model) == list(MODEL)
    assert checkpoint.extras == ('optimizer', 'central value', 'scaler', 'AMP input statistics', 'curriculum')


def test_state_of_an_environment_may_hold_numpy(path):
    state = {'adr': {'range': np.array([[0.1, 0.2]]), 'names': ['a'], 'on': np.bool_(True), 'n': np.int32(3)}}
    assert load_checkpoint(save(path, env_state=state)).extras == ('env_state',)


def test_keys_of_other_frameworks_beside_a_model_of_rl_games_are_set_aside(path):
    checkpoint = load_checkpoint(save(path, train_step=1, env_steps=2, policy={'name': 'mine'}, state_dicts={'a': 1}))
    assert list(checkpoint.model) == list(MODEL)
    assert checkpoint.extras == ('train_step', 'env_steps', 'policy', 'state_dicts')


def test_parts_of_sac_become_one_model_with_the_players_names(path):
    torch.save(
        {
            'actor': ACTOR,
            'critic': CRITIC,
            'critic_target': CRITIC,
            'running_mean_std': STATISTICS,
            'epoch': 50,
            'actor_optimizer': {'state': {0: 1}},
            'critic_optimizer': {'state': {0: 1}},
        },
        path,
    )
    checkpoint = load_checkpoint(path)
    assert (checkpoint.algorithm, checkpoint.epoch, checkpoint.extras) == ('sac', 50, ('optimizer',))
    assert list(checkpoint.model) == [
        'sac_network.actor.trunk.0.weight',
        'sac_network.actor.trunk.2.weight',
        'sac_network.critic.Q1.0.weight',
        'sac_network.critic.Q2.0.weight',
        'sac_network.critic_target.Q1.0.weight',
        'sac_network.critic_target.Q2.0.weight',
        *(f'running_mean_std.{name}' for name in STATISTICS),
    ]


def test_sac_may_be_compiled_and_stripped_of_its_critics(path):
    torch.save({'actor': {f'_orig_mod.{name}': tensor for name, tensor in ACTOR.items()}}, path)
    checkpoint = load_checkpoint(path)
    assert list(checkpoint.model) == [f'sac_network.actor.{name}' for name in ACTOR]


@pytest.mark.parametrize(
    'content, told',
    [
        ([1, 2], "holds one list; expected one that rl_games wrote, with 'model' (PPO) or 'actor' and 'critic' (SAC)"),
        (torch.ones(3), 'holds one Tensor; expected'),
        ({'actor': MODEL, 'epoch': 3}, "no 'model' in it; it has ['actor', 'epoch']; expected"),
        ({}, "no 'model' in it; it has []; expected"),
        (
            {'model_state_dict': MODEL, 'optimizer_state_dict': {}, 'iter': 1, 'infos': None},
            "looks like a file of rsl_rl; it has ['infos', 'iter', 'model_state_dict', 'optimizer_state_dict']"
            '; this package deploys policies of rl_games: expected one that rl_games wrote',
        ),
        ({'actor_state_dict': {}}, 'looks like a file of rsl_rl'),
        ({'actor.0.weight': ONE, 'critic.0.weight': ONE, 'std': ONE}, 'looks like a file of rsl_rl'),
        ({'policy': {}, 'value': {}}, 'looks like a file of skrl'),
        ({'net_container.0.weight': ONE, 'log_std_parameter': ONE}, 'looks like a file of skrl'),
        (
            {'train_step': 9, 'env_steps': 99, 'best_performance': 1.0, 'model': FACTORY, 'optimizer': {}},
            "looks like a file of Sample Factory; it has ['best_performance', 'env_steps', 'model', 'optimizer', "
            "'train_step']; this package deploys policies of rl_games: expected",
        ),
        ({'model': FACTORY}, 'looks like a file of Sample Factory'),
        ({'state_dict': {}, 'pytorch-lightning_version': '2'}, 'looks like a file of Lightning'),
        ({'actor_mean.0.weight': torch.ones(1)}, 'looks like a file of CleanRL'),
        (MODEL, "looks like a file of rl_games' model without the rest of the file"),
        ({str(number): 1 for number in range(99)}, ', …]; expected'),
        ({'model': {}}, 'model is empty; expected a dict of tensors'),
        ({'model': torch.ones(3)}, 'model is a Tensor; expected a dict of tensors'),
        ({'model': {'a2c_network.mu.weight': 3}}, "'a2c_network.mu.weight' in model is a int; expected a tensor"),
        ({'model': {'nets': MODEL}}, "'nets' in model is a dict; expected a tensor"),
        ({'model': {1: torch.ones(1)}}, 'model has the key 1; expected names'),
        ({'model': MODEL, 'running_mean_std': torch.ones(3)}, 'running_mean_std is a Tensor; expected'),
        ({'model': MODEL, 'running_mean_std': [1]}, 'running_mean_std is a list; expected'),
        ({'actor': ACTOR, 'critic': 3}, 'critic is a int; expected'),
        ({'two\nlines': 1}, r"'two\\nlines'"),
    ],
)
def test_file_with_something_else_says_what_is_in_it(path, content, told):
    torch.save(content, path)
    assert told.replace('\\\\', '\\') in refusal(path)


FOUND = {
    'attitude_policy': (233, 122159104, ()),
    'morphy_policy_for_rigid_airframe': (366, 23986176, ()),
    'vel_control_lmf2_direct': (198, 25952256, ()),
    'compiled': (4, 4096, ('central value',)),
    'discrete': (1, 1024, ()),
    'lstm': (4, 4096, ()),
    'mlp_cv': (4, 4096, ('central value',)),
    'sac': (50, 800, ()),
    'tanh': (4, 4096, ()),
}


@pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')
@pytest.mark.parametrize('name', FOUND)
def test_checkpoint_of_the_set_is_read(name):
    (file,) = SET.glob(f'*/{name}.pth')
    checkpoint = load_checkpoint(file)
    assert (checkpoint.epoch, checkpoint.frame, checkpoint.extras) == (*FOUND[name][:2], ('optimizer', *FOUND[name][2]))
    assert checkpoint.algorithm == ('sac' if name == 'sac' else 'ppo')
    assert (checkpoint.mean_reward is None) == (name == 'sac')
    assert all(tensor.device.type == 'cpu' and '_orig_mod' not in key for key, tensor in checkpoint.model.items())


@pytest.mark.parametrize('ranks', [1, 2])
def test_state_of_the_first_rank_is_taken_of_a_file_of_sapg(path, ranks):
    torch.save(
        {rank: {'model': {name: t + rank for name, t in MODEL.items()}, 'epoch': 7} for rank in range(ranks)}, path
    )
    checkpoint = load_checkpoint(path)
    assert checkpoint.epoch == 7
    assert all(torch.equal(checkpoint.model[name], tensor) for name, tensor in MODEL.items())


def test_number_of_a_rank_that_leads_to_no_state_is_refused(path):
    torch.save({0: 5}, path)
    assert "no 'model' in it" in refusal(path)
