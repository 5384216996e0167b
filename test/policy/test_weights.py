# SPDX-License-Identifier: Apache-2.0
"""Weights tell what goes in and what comes out, or say nothing; they never guess."""

import pytest
import torch
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.checkpoint.weights import read_spaces, WeightsSpaces

CONTINUOUS = {
    'mu_activation': 'None',
    'sigma_activation': 'None',
    'mu_init': {'name': 'default'},
    'sigma_init': {'name': 'const_initializer', 'val': 0},
    'fixed_sigma': True,
}
DEFAULT = {'name': 'default'}
CONVS = [{'filters': 2, 'kernel_size': 3, 'strides': 1, 'padding': 0}]


def rnn(name, **options):
    return {'name': name, 'units': 8, 'layers': 2, **options}


def cnn(kind, **options):
    return {'type': kind, 'activation': 'relu', 'initializer': DEFAULT, 'convs': CONVS, **options}


def network(space=('continuous', CONTINUOUS), mlp=(), **options):
    return {
        'name': 'actor_critic',
        'separate': False,
        'space': {space[0]: space[1]},
        'mlp': {'units': [16, 12], 'activation': 'elu', 'initializer': DEFAULT, **dict(mlp)},
        **options,
    }


def state_dict(folder, network, spaces, algo='a2c_continuous', model='continuous_a2c_logstd', **config):
    """Return the weights of a network as rl_games' player builds it."""
    params = {
        'seed': 5,
        'algo': {'name': algo},
        'model': {'name': model},
        'network': network,
        'config': {'normalize_input': False, 'normalize_value': True, **config},
    }
    (folder / 'train.yaml').write_text(yaml.safe_dump({'params': params}))
    return Policy.load(folder / 'train.yaml', spaces=spaces, device='cpu').player.model.state_dict()


MLP, RNN = 'a2c_network.actor_mlp.0.weight', 'a2c_network.rnn.rnn.weight_ih_l0'
FLAT = {
    'mlp': ({}, MLP),
    'separate': ({'separate': True}, MLP),
    'free sigma': ({'space': ('continuous', {**CONTINUOUS, 'fixed_sigma': False})}, MLP),
    'd2rl': ({'mlp': {'d2rl': True}}, 'a2c_network.actor_mlp.linears.0.weight'),
    'layer norm': ({'mlp': {'d2rl': True}, 'normalization': 'layer_norm'}, 'a2c_network.actor_mlp.linears.0.weight'),
    'no layer': ({'mlp': {'units': []}}, 'a2c_network.mu.weight'),
    'no layer but lstm': ({'mlp': {'units': []}, 'rnn': rnn('lstm')}, RNN),
    **{
        f'{name} first{" and last" * more}': (
            {'rnn': rnn(name, before_mlp=True, concat_output=more, layer_norm=True)},
            RNN,
        )
        for name in ('lstm', 'gru')
        for more in (False, True)
    },
    **{
        f'{name} last{" and input" * into}{" and output" * out}': (
            {'rnn': rnn(name, concat_input=into, concat_output=out)},
            MLP,
        )
        for name in ('lstm', 'gru')
        for into in (False, True)
        for out in (False, True)
    },
    'separate lstm': ({'separate': True, 'rnn': rnn('lstm', before_mlp=True)}, 'a2c_network.a_rnn.rnn.weight_ih_l0'),
    'separate gru last': ({'separate': True, 'rnn': rnn('gru')}, MLP),
    'd2rl and lstm': ({'mlp': {'d2rl': True}, 'rnn': rnn('lstm', before_mlp=True)}, RNN),
}


@pytest.mark.parametrize('name', FLAT)
def test_first_layer_tells_a_flat_input(tmp_path, name):
    options, source = FLAT[name]
    weights = state_dict(tmp_path, network(**options), Spaces(5, 3))
    assert read_spaces(weights) == WeightsSpaces((5,), 3, 1, source, 'a2c_network.mu.weight')


@pytest.mark.parametrize('name', FLAT)
def test_statistics_and_first_layer_agree(tmp_path, name):
    weights = state_dict(tmp_path, network(**FLAT[name][0]), Spaces(5, 3), normalize_input=True)
    assert read_spaces(weights) == WeightsSpaces((5,), 3, 1, 'running_mean_std.running_mean', 'a2c_network.mu.weight')


@pytest.mark.parametrize('size', [8, 12, 16, 20, 24])
@pytest.mark.parametrize(
    'options',
    [
        {},
        {'concat_input': True},
        {'concat_output': True},
        {'before_mlp': True},
        {'before_mlp': True, 'concat_output': True},
    ],
)
def test_widths_that_fit_several_ways_are_no_guess(tmp_path, size, options):
    for units in ([8], [12, 8], [16, 12]):
        weights = state_dict(tmp_path, network(mlp={'units': units}, rnn=rnn('lstm', **options)), Spaces(size, 3))
        assert read_spaces(weights).observation in ((size,), None)


IMAGES = {
    'last': ((6, 7, 3), cnn('conv2d')),
    'first': ((3, 6, 7), cnn('conv2d', permute_input=False)),
    'coordinates': ((6, 7, 3), cnn('coord_conv2d')),
    'softargmax': ((6, 7, 3), cnn('conv2d_spatial_softargmax')),
    'signal': ((3, 9), cnn('conv1d')),
}


@pytest.mark.parametrize('name', IMAGES)
def test_only_statistics_tell_an_image(tmp_path, name):
    shape, layers = IMAGES[name]
    for normalize, told in ((True, (shape, 'running_mean_std.running_mean')), (False, (None, ''))):
        spaces = read_spaces(state_dict(tmp_path, network(cnn=layers), Spaces(shape, 3), normalize_input=normalize))
        assert (spaces.observation, spaces.observation_source) == told
        assert spaces.action == 3


def test_residual_network_tells_its_actions(tmp_path):
    layers = network(name='resnet_actor_critic', cnn={'conv_depths': [2]})
    weights = state_dict(tmp_path, layers, Spaces((8, 8, 3), 3))
    assert read_spaces(weights) == WeightsSpaces(None, 3, 1, '', 'a2c_network.mu.weight')
    weights = {**weights, 'running_mean_std.running_mean': torch.zeros(8, 8, 3)}
    assert read_spaces(weights).observation == (8, 8, 3)


def test_dict_policies_tell_their_keys_by_statistics_only(tmp_path):
    layers = network(
        input_preprocessors={'pose': {}, 'touch': {'mlp': {'units': [4], 'activation': 'elu'}}},
        name='actor_critic_dict',
    )
    spaces = Spaces({'pose': 3, 'touch': (2, 2, 3)}, 2)
    assert read_spaces(state_dict(tmp_path, layers, spaces, normalize_input=True)).observation == spaces.observation
    assert read_spaces(state_dict(tmp_path, layers, spaces)).observation is None


@pytest.mark.parametrize(
    'action, kind, model, source',
    [
        ({'discrete': 4}, 'discrete', 'discrete_a2c', 'a2c_network.logits.weight'),
        ({'multi_discrete': [3, 2, 5]}, 'multi_discrete', 'multi_discrete_a2c', 'a2c_network.logits'),
    ],
)
def test_heads_tell_discrete_actions(tmp_path, action, kind, model, source):
    weights = state_dict(tmp_path, network(space=(kind, {})), Spaces(5, action), algo='a2c_discrete', model=model)
    assert read_spaces(weights) == WeightsSpaces((5,), action, 1, MLP, source)


def test_many_heads_keep_their_order():
    heads = {f'a2c_network.logits.{head}.weight': torch.zeros(head + 2, 8) for head in reversed(range(11))}
    assert read_spaces(heads).action == {'multi_discrete': list(range(2, 13))}


@pytest.mark.parametrize(
    'normalize, source', [(True, 'running_mean_std.running_mean'), (False, 'sac_network.actor.trunk.0.weight')]
)
def test_actor_of_sac_tells_both(tmp_path, normalize, source):
    layers = network(name='soft_actor_critic', log_std_bounds=[-5, 2])
    weights = state_dict(
        tmp_path,
        {**layers, 'separate': True},
        Spaces(5, 3),
        algo='sac',
        model='soft_actor_critic',
        normalize_input=normalize,
    )
    assert read_spaces(weights) == WeightsSpaces((5,), 3, 1, source, 'sac_network.actor.trunk.4.weight')


def test_value_size_is_that_of_the_critic(tmp_path):
    assert read_spaces(state_dict(tmp_path, network(), Spaces(5, 3, value_size=2))).value_size == 2


def test_weights_of_nothing_known_tell_nothing():
    assert read_spaces({'encoder.weight': torch.ones(2, 2)}) == WeightsSpaces(None, None)


def test_sigma_tells_where_no_mean_is():
    assert read_spaces({'a2c_network.sigma': torch.zeros(6)}).action == 6


HEAD = {'a2c_network.mu.weight': torch.zeros(6, 8)}
STATISTICS = {'running_mean_std.running_mean': torch.zeros(24)}
SAC = {'sac_network.actor.trunk.0.weight': torch.zeros(8, 5), 'sac_network.actor.trunk.2.weight': torch.zeros(6, 8)}


@pytest.mark.parametrize(
    'weights, told',
    [
        (
            {**HEAD, **STATISTICS, MLP: torch.zeros(8, 12)},
            f'running_mean_std.running_mean has the shape (24,), {MLP} has 12 inputs',
        ),
        (
            {
                **HEAD,
                'running_mean_std.running_mean': torch.zeros(6, 7, 3),
                'a2c_network.actor_cnn.0.weight': torch.zeros(2, 4, 3, 3),
            },
            'has the shape (6, 7, 3), a2c_network.actor_cnn.0.weight has 4 input channels',
        ),
        ({**HEAD, 'a2c_network.sigma': torch.zeros(5)}, 'a2c_network.mu.weight has 6 actions, a2c_network.sigma has 5'),
        ({**HEAD, 'a2c_network.sigma.weight': torch.zeros(5, 8)}, 'a2c_network.sigma.weight has 5'),
        ({'a2c_network.mu.weight': torch.zeros(6)}, 'mu.weight has the shape (6,); expected (outputs, inputs)'),
        ({'a2c_network.mu.weight': torch.zeros(0, 8)}, 'mu.weight has the shape (0, 8); expected'),
        ({**SAC, 'sac_network.actor.trunk.2.weight': torch.zeros(5, 8)}, 'has 5 outputs; expected an even number'),
        (
            {**SAC, 'sac_network.critic.Q1.0.weight': torch.zeros(8, 7)},
            'has 8 observations and actions, sac_network.critic.Q1.0.weight has 7 inputs',
        ),
        ({**SAC, **STATISTICS}, 'sac_network.actor.trunk.0.weight has 5 inputs'),
    ],
)
def test_weights_that_disagree_are_refused_with_both_names(weights, told):
    with pytest.raises(ConfigurationError) as error:
        read_spaces(weights)
    assert told in str(error.value)


@pytest.mark.parametrize(
    'layers, action, lost',
    [
        ({}, 3, 'a2c_network.actor_mlp.0.weight'),
        ({'rnn': rnn('lstm')}, 3, 'a2c_network.rnn.rnn.weight_hh_l0'),
        ({'rnn': rnn('gru', before_mlp=True)}, 3, 'a2c_network.rnn.rnn.weight_ih_l1'),
        ({}, 3, 'a2c_network.mu.weight'),
        ({}, 3, 'running_mean_std.running_mean'),
    ],
)
def test_weight_that_another_cannot_be_without_is_named(tmp_path, layers, action, lost):
    weights = state_dict(tmp_path, network(**layers), Spaces((5,), action), normalize_input=True)
    del weights[lost]
    with pytest.raises(ConfigurationError, match=f'^the checkpoint lacks the weight {lost}; it has [^\n]*$'):
        read_spaces(weights)
