# SPDX-License-Identifier: Apache-2.0
"""Players of every algorithm: they act as they were trained to, and say so where they cannot."""

from pathlib import Path

import numpy as np
from policy import golden_rule
from policy.golden_set import assert_golden
import pytest
from rl_games.algos_torch import model_builder
import torch
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.checkpoint.checkpoint import Checkpoint
from rl_policy_node.policy.rl_games.player import check_names, restore
from rl_policy_node.policy.run.train_config import TrainConfig

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance'
needs_set = pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')
ROWS, FLAT, INFINITE = 4, Spaces((5,), 3), Spaces((5,), 3, action_low=-np.inf, action_high=[1, np.inf, 1])
DEFAULT = {'name': 'default'}
CONTINUOUS = {
    'mu_activation': 'None',
    'sigma_activation': 'None',
    'mu_init': DEFAULT,
    'sigma_init': {'name': 'const_initializer', 'val': -1},
    'fixed_sigma': True,
}
LSTM = {'name': 'lstm', 'units': 6, 'layers': 2, 'before_mlp': True, 'layer_norm': True}
GRU = {'name': 'gru', 'units': 6, 'layers': 1, 'concat_input': True, 'concat_output': True}
SAC = {'algo': 'sac', 'model': 'soft_actor_critic', 'network': {'name': 'soft_actor_critic', 'log_std_bounds': [-5, 2]}}
AMP = {
    'algo': 'amp_continuous',
    'model': 'continuous_amp',
    'network': {
        'name': 'amp',
        'separate': True,
        'disc': {'units': [4]},
        'space': {'continuous': {**CONTINUOUS, 'fixed_sigma': True, 'learn_sigma': False}},
    },
}


@pytest.fixture
def make(tmp_path):
    """Return a function that builds a policy with the weights of golden_rule.py."""

    def make(spaces=FLAT, algo='a2c_continuous', model='continuous_a2c_logstd', network=None, config=None, **options):
        network = {
            'name': 'actor_critic',
            'space': {'continuous': CONTINUOUS},
            'mlp': {'units': [8, 8], 'activation': 'elu', 'initializer': DEFAULT},
            **(network or {}),
        }
        params = {
            'seed': 5,
            'algo': {'name': algo},
            'model': {'name': model},
            'network': network,
            'config': {'normalize_input': True, **(config or {})},
        }
        path = tmp_path / 'train.yaml'
        path.write_text(yaml.safe_dump({'params': params}, sort_keys=False))
        policy = Policy.load(path, spaces=spaces, **{'rows': ROWS, 'device': 'cpu', **options})
        golden_rule.fill(policy.player.model)
        return policy

    return make


def observe(spaces, step=0, rows=ROWS):
    draw = np.random.default_rng(step).normal
    values = {key: draw(size=(rows, *shape)).astype(np.float32) for key, shape in spaces.inputs.items()}
    return values if spaces.is_dict else values['obs']


def entries(*networks):
    if not SET.is_dir():
        return []
    listed = yaml.safe_load((SET / 'entries.yaml').read_text())
    return [pytest.param(entry, id=entry['id']) for entry in listed if entry['network'] in networks]


@needs_set
@pytest.mark.parametrize('entry', entries('amp', 'soft_actor_critic'))
def test_entry_of_the_set_acts_as_the_original(entry):
    spaces = Spaces(tuple(entry['obs']), entry['actions'][0])
    policy = Policy.load(SET / entry['resolved'], spaces=spaces, rows=ROWS, device='cpu')
    golden_rule.fill(policy.player.model)
    found = [policy.act(golden_rule.observations(spaces.inputs, step)['obs']) for step in range(golden_rule.STEPS)]
    assert_golden(np.stack(found), entry)


def test_amp_sigma_that_is_not_learned_is_a_parameter_as_initialized(make):
    network = make(**AMP).player.model.a2c_network
    assert network.sigma.shape == (3,) and not network.sigma.requires_grad
    assert make(**AMP, sigma=-2.0).player.model.a2c_network.sigma.shape == (3,)


def test_amp_learns_sigma_unless_told(make):
    space = {'continuous': {**CONTINUOUS, 'fixed_sigma': False}}
    network = make(**{**AMP, 'network': {**AMP['network'], 'space': space}}).player.model.a2c_network
    assert network.sigma.weight.shape == (3, 8)


def test_amp_discriminator_of_a_checkpoint_is_set_aside(make):
    policy = make(**AMP)
    weights = {name: tensor + 1 for name, tensor in policy.player.model.state_dict().items()}
    disc = {f'a2c_network.{name}': torch.zeros(2) for name in ('_disc_mlp.0.weight', '_disc_logits.bias')}
    restore(policy.player, Checkpoint({**weights, **disc}, Path('amp.pth'), ''))
    assert all(torch.equal(tensor, weights[name]) for name, tensor in policy.player.model.state_dict().items())


@pytest.mark.parametrize('name', ['a2c_network._disc_extra.weight', '_disc_mlp.0.weight'])
def test_nothing_else_is_set_aside(make, name):
    policy, plain = make(**AMP), make()
    weights = policy.player.model.state_dict()
    with pytest.raises(ConfigurationError, match=f'1 are unknown, first {name}'):
        restore(policy.player, Checkpoint({**weights, name: torch.zeros(1)}, Path('amp.pth'), ''))
    disc = {'a2c_network._disc_logits.bias': torch.zeros(1)}
    with pytest.raises(ConfigurationError, match='1 are unknown, first a2c_network._disc_logits.bias'):
        restore(plain.player, Checkpoint({**plain.player.model.state_dict(), **disc}, Path('a2c.pth'), ''))


def test_statistics_beside_a_model_that_has_none_are_not_looked_at(make):
    player = make(config={'normalize_input': False}).player
    name = 'running_mean_std.count'
    weights = {**player.model.state_dict(), name: torch.zeros(())}
    restore(player, Checkpoint(weights, Path('a2c.pth'), '', beside_model=(name,)))
    with pytest.raises(ConfigurationError, match='normalize_input may differ'):
        restore(player, Checkpoint(weights, Path('a2c.pth'), ''))


@pytest.mark.parametrize('rows', [1, ROWS])
def test_sac_rescales_to_the_action_space_as_its_training_does(make, rows):
    narrow, wide = (
        make(**SAC, rows=rows),
        make(Spaces((5,), 3, action_low=[-2, 0, -1], action_high=[2, 4, 1]), **SAC, rows=rows),
    )
    action = narrow.act(observe(FLAT, rows=rows))
    np.testing.assert_array_equal(
        wide.act(observe(FLAT, rows=rows)), action * np.float32([2, 2, 1]) + np.float32([0, 2, 0])
    )


def test_sac_samples_within_the_action_space(make):
    policy = make(Spaces((5,), 3, action_low=-2, action_high=2), **SAC, deterministic=False)
    actions = np.stack([policy.act(observe(FLAT)) for _ in range(50)])
    assert np.abs(actions).max() <= 2 and np.abs(actions).max() > 1 and actions.std(axis=0).min() > 0
    policy.reset()
    policy.reset([0])
    assert not policy.recurrent


@pytest.mark.parametrize('kind', [{}, SAC, AMP, {'model': 'continuous_a2c_tanh'}], ids=['ppo', 'sac', 'amp', 'tanh'])
@pytest.mark.parametrize('bound', [np.inf, 3.4e38])
def test_actions_rescaled_to_infinite_bounds_are_refused(make, kind, bound):
    with pytest.raises(ConfigurationError, match=r'bounds, which must be finite; got .*State the bounds') as error:
        make(Spaces((5,), 3, action_low=-bound, action_high=bound), **kind)
    assert ('clip_actions=false' in str(error.value)) == (kind is not SAC) and '\n' not in str(error.value)


def test_bound_that_is_no_number_is_refused(make):
    with pytest.raises(ConfigurationError, match='spaces: .*nan'):
        make(Spaces((5,), 3, action_low=np.nan))


def test_infinite_bounds_are_fine_where_nothing_is_rescaled(make):
    actions = make(INFINITE, config={'clip_actions': False}).act(observe(FLAT))
    np.testing.assert_allclose(np.clip(actions, -1, 1), make().act(observe(FLAT)), rtol=1e-6)


def test_continuous_a2c_plays_the_distribution_it_was_trained_with(make):
    plain = make().act(observe(FLAT))
    assert isinstance(make(model='continuous_a2c').player.model, model_builder.models.ModelA2CContinuous.Network)
    np.testing.assert_array_equal(make(model='continuous_a2c').act(observe(FLAT)), plain)
    model_builder.ModelBuilder()
    policy = make(model='continuous_a2c', deterministic=False, config={'clip_actions': False})
    with torch.no_grad():
        policy.player.model.a2c_network.sigma.copy_(torch.tensor([0.0, 0.5, 2.0]))  # the deviation, not its log
    noise = np.stack([policy.act(observe(FLAT)) for _ in range(300)]) - make(
        model='continuous_a2c', config={'clip_actions': False}
    ).act(observe(FLAT))
    np.testing.assert_allclose(noise.std(axis=(0, 1)), [0, 0.5, 2], atol=0.1)
    np.testing.assert_allclose(noise.mean(axis=(0, 1)), 0, atol=0.15)


@pytest.mark.parametrize('deterministic', [True, False])
@pytest.mark.parametrize('actions', [1, 3])
def test_continuous_a2c_plays_a_single_row_and_action(make, actions, deterministic):
    policy = make(Spaces((5,), actions), model='continuous_a2c', rows=1, deterministic=deterministic)
    with torch.no_grad():
        policy.player.model.a2c_network.sigma.fill_(-1.0)  # which torch.normal refuses
    assert policy.act(observe(FLAT, rows=1)).shape == (1, actions)


def test_tanh_model_gives_its_clamped_mean_but_samples_through_tanh(make):
    """As rl_games' player does: the deterministic action is not the most likely one of training."""
    space = {'continuous': {**CONTINUOUS, 'mu_activation': 'None'}}
    options = {'model': 'continuous_a2c_tanh', 'network': {'space': space}}
    mean, sampled = make(**options), make(**options, deterministic=False)
    logstd = make(network={'space': space})
    with torch.no_grad():
        for policy in (mean, sampled, logstd):
            policy.player.model.a2c_network.mu.bias.fill_(0.5)
            policy.player.model.a2c_network.sigma.fill_(-30)  # leaves a deviation of 0.001
    found = mean.act(observe(FLAT))
    np.testing.assert_array_equal(found, logstd.act(observe(FLAT)))
    inside = np.abs(found) < 1
    assert inside.any()
    np.testing.assert_allclose(sampled.act(observe(FLAT))[inside], np.tanh(found[inside]), atol=0.01)


@pytest.mark.parametrize('rows', [1, ROWS])
@pytest.mark.parametrize('deterministic', [True, False])
@pytest.mark.parametrize('sizes', [4, [4], [2, 3]])
def test_choices_keep_their_shape(make, rows, deterministic, sizes):
    kind = 'discrete' if sizes == 4 else 'multi_discrete'
    policy = make(
        Spaces((5,), {kind: sizes}),
        'a2c_discrete',
        f'{kind}_a2c',
        {'space': {kind: None}},
        rows=rows,
        deterministic=deterministic,
    )
    for step in range(3):
        actions = policy.act(observe(FLAT, step, rows))
        assert actions.shape == (rows, np.size(sizes)) and actions.dtype == np.int64
        assert (actions >= 0).all() and (actions < sizes).all()


@pytest.mark.parametrize('action, last', [({'discrete': 4}, ()), (3, (3,))])
def test_resnet_takes_rewards_and_last_actions(make, action, last):
    spaces = Spaces({'observation': (8, 8, 3), 'reward': (), 'last_action': last}, action)
    kind = (
        ('a2c_discrete', 'discrete_a2c', {'discrete': None})
        if last == ()
        else ('a2c_continuous', 'continuous_a2c_logstd', {'continuous': CONTINUOUS})
    )
    policy = make(
        spaces,
        *kind[:2],
        {
            'name': 'resnet_actor_critic',
            'cnn': {'conv_depths': [2]},
            'require_rewards': True,
            'space': kind[2],
            'require_last_actions': True,
            'rnn': {'name': 'lstm', 'units': 4, 'layers': 1},
        },
    )
    observations = {**observe(spaces), 'last_action': np.ones((ROWS, *last), np.float32)}
    assert policy.recurrent and policy.act(observations).shape == (ROWS, 1 if last == () else 3)


def test_null_is_no_activation(make):
    null = {**CONTINUOUS, 'mu_activation': None, 'sigma_activation': None}
    found = make(network={'space': {'continuous': null}, 'value_activation': None}).act(observe(FLAT))
    np.testing.assert_array_equal(found, make().act(observe(FLAT)))


@pytest.mark.parametrize(
    'config',
    [
        {'player': {'evaluation': True, 'dir_to_monitor': 'watched', 'env_config': {'seed': 3}, 'use_vecenv': True}},
        {'env_config': None},
        {'env_config': {'gid': 'Pendulum-v1'}},
        {'player': None},
        {'reward_shaper': {'odd': 1}},
        {'vec_env': 'none'},
        {'normalize_input': None},
        {'reward_shaper': None},
        {'multi_gpu': True},
    ],
    ids=str,
)
def test_settings_of_training_start_nothing(make, tmp_path, monkeypatch, config):
    monkeypatch.chdir(tmp_path)
    policy = make(config=config)
    assert np.isfinite(policy.act(observe(FLAT))).all()
    assert not (tmp_path / 'watched').exists() and not hasattr(policy.player, 'file_observer')
    assert policy.player.env is None


@pytest.mark.parametrize(
    'network, told',
    [
        (
            {'mlp': {'units': [8], 'activation': 'swoosh', 'initializer': DEFAULT}},
            r"it knows no 'swoosh' \(params\.network\.mlp\.activation\)",
        ),
        (
            {'mlp': {'units': [8], 'activation': 'elu', 'initializer': {'name': 'xavier'}}},
            r"it knows no 'xavier' \(params\.network\.mlp\.initializer\.name\)",
        ),
        ({'mlp': {}}, "KeyError: 'units'"),
        ({'rnn': {'name': 'rnn', 'units': 4, 'layers': 1}}, "TypeError: 'NoneType' object is not callable"),
        ({'space': {}}, 'cannot build its player for the observation'),
        ({'central_value': True}, 'cannot build its player'),
    ],
)
def test_what_rl_games_cannot_build_or_play_is_refused_in_a_line(make, network, told):
    with pytest.raises(ConfigurationError, match=told) as error:
        make(network=network)
    assert '\n' not in str(error.value)


@needs_set
def test_network_that_is_defined_nowhere_is_named_before_its_spaces_are_asked_for():
    config = TrainConfig.read(SET / 'resolved' / 'isaacgymenvs__train__AllegroHandLSTM_BigPPO.yaml')
    with pytest.raises(ConfigurationError, match=r"params\.network\.name 'complex_net'; valid: actor_critic, .*amp,"):
        check_names(config)


@pytest.mark.parametrize(
    'kind',
    [
        SAC,
        {
            'spaces': Spaces((5,), {'discrete': 2}),
            'algo': 'a2c_discrete',
            'model': 'discrete_a2c',
            'network': {'space': {'discrete': None}},
        },
    ],
)
def test_sigma_of_a_policy_that_has_none_is_refused(make, kind):
    with pytest.raises(ConfigurationError, match='sigma: cannot be set, the network has none'):
        make(**kind, sigma=0.0)


RECURRENT = {
    'lstm': {'rnn': LSTM},
    'gru': {'rnn': GRU},
    'separate lstm': {'rnn': LSTM, 'separate': True},
    'separate gru': {'rnn': GRU, 'separate': True},
}
DICT = Spaces({'ee_pos': (3,), 'touch': (2, 2)}, 3)
RECURRENT['dict'] = {'rnn': LSTM, 'name': 'actor_critic_dict', 'input_preprocessors': {'touch': {}, 'ee_pos': {}}}
RECURRENT['separate dict'] = {**RECURRENT['dict'], 'separate': True}


def episode(policy, others, steps=4, reset=None):
    """Return the actions of row 1, which always observes the same, among others."""
    actions = []
    for step in range(steps):
        observations, own = observe(policy.spaces, 100 * others + step), observe(policy.spaces, 7 + step)
        for key in policy.spaces.inputs:
            values, mine = (each[key] if policy.spaces.is_dict else each for each in (observations, own))
            values[1] = mine[1]
        if step == reset:
            policy.reset([0, 3])
        actions.append(policy.act(observations)[1])
    return np.stack(actions)


@pytest.mark.parametrize('name', RECURRENT)
def test_sequence_of_a_row_does_not_depend_on_the_others(make, name):
    spaces = DICT if 'dict' in name else FLAT
    alone = episode(make(spaces, network=RECURRENT[name]), 1)
    np.testing.assert_array_equal(episode(make(spaces, network=RECURRENT[name]), 2, reset=2), alone)
    assert (np.diff(alone, axis=0) != 0).all()


@pytest.mark.parametrize('name', RECURRENT)
def test_reset_zeroes_exactly_the_given_rows(make, name):
    policy = make(DICT if 'dict' in name else FLAT, network=RECURRENT[name])
    for step in range(2):
        policy.act(observe(policy.spaces, step))
    before = [state.clone() for state in policy.player.states]
    policy.reset([2, 0])
    assert len(before) == (2 if 'gru' not in name else 1) * (2 if 'separate' in name else 1)
    for state, old in zip(policy.player.states, before):
        assert not state[:, [0, 2]].any() and torch.equal(state[:, [1, 3]], old[:, [1, 3]]) and old.any()


def test_policies_of_a_process_do_not_disturb_one_another(make):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, other, steady = (make(deterministic=deterministic) for deterministic in (False, False, True))
    first, _, _, second = (policy.act(observe(FLAT)) for policy in (one, steady, other, one))
    alone = make(deterministic=False)
    np.testing.assert_array_equal([alone.act(observe(FLAT)) for _ in range(2)], [first, second])
    assert not np.array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize('given, dtype', [(np.uint8, 'float32'), (np.float32, 'uint8')])
def test_bytes_and_numbers_are_not_taken_for_one_another(make, given, dtype):
    policy = make(Spaces((5,), 3, dtype=dtype))
    with pytest.raises(ValueError, match=f"observation 'obs' is torch.*; expected torch.{dtype}"):
        policy.act(np.zeros((ROWS, 5), given))
    if dtype == 'float32':
        np.testing.assert_array_equal(policy.act(observe(FLAT).astype(np.float64)), policy.act(observe(FLAT)))
