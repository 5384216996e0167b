# SPDX-License-Identifier: Apache-2.0
"""Random train configurations that rl_games can play."""

import numpy as np
from policy import golden_rule
import torch

from rl_policy_node.policy import Spaces

STEPS, SEED = 3, 5
DEFAULT = {'name': 'default'}
VECTOR, SERIES, IMAGE, CHANNELS_FIRST = (5,), (3, 8), (9, 8, 3), (3, 9, 8)
DICT = {'touch': (2, 2, 3), 'ee_pos': (3,), 'wrist': IMAGE}
CONVOLUTION = {'filters': 3, 'kernel_size': 3, 'strides': 2, 'padding': 0}
MODELS = {
    'continuous': 'continuous_a2c',
    'logstd': 'continuous_a2c_logstd',
    'tanh': 'continuous_a2c_tanh',
    'discrete': 'discrete_a2c',
    'multi_discrete': 'multi_discrete_a2c',
}
CHOICES = {'discrete': {'discrete': 4}, 'multi_discrete': {'multi_discrete': [2, 3]}}
# network → configs per kind of action, and its observations
NETWORKS = {
    'actor_critic': (16, MODELS, ['vector', 'vector', 'image', 'bytes', 'channels_first', 'series']),
    'actor_critic_dict': (6, MODELS, ['dict']),
    'resnet_actor_critic': (8, MODELS, ['image', 'bytes', 'last_action']),
    'amp': (6, ['logstd'], ['vector']),
    'soft_actor_critic': (10, ['sac'], ['vector']),
}
HEADS = [(network, action) for network, (_, actions, _) in NETWORKS.items() for action in actions]
FLAGS = (
    'before_mlp',
    'layer_norm',
    'concat_input',
    'concat_output',
    'separate',
    'd2rl',
    'fixed_sigma',
    'normalize_input',
    'normalize_value',
    'clip_actions',
    'deterministic',
)
OPTIONS = {
    'bounds': [(-1.0, 1.0), (-2.0, 0.5)],
    'rnn': ['none', 'lstm', 'gru'],
    'layers': [1, 2],
    'rows': [1, 4, 9],
    'convolution': ['conv2d', 'conv2d_spatial_softargmax', 'conv2d_flatten', 'coord_conv2d'],
    'value_size': [1, 2],
    'activation': ['elu', 'relu', 'swish'],
    'mu_activation': ['None', 'tanh'],
    'normalization': [None, 'layer_norm', 'batch_norm'],
    **dict.fromkeys(FLAGS, [False, True]),
}
# what rl_games refuses, for the most part
ODD = [None] * 10 + ['activation', 'rnn', 'observation', 'units', 'space']


def kind_of(random, network, action):
    """Return a choice for everything that a config of a network and a kind of actions may vary in."""
    return {
        'network': network,
        'action': action,
        'observation': random.choice(NETWORKS[network][2]),
        **{name: random.choice(values) for name, values in OPTIONS.items()},
        'odd': random.choice(ODD),
    }


def spaces_of(kind):
    """Return the Spaces of a generated config."""
    last = {'observation': IMAGE, 'reward': (), 'last_action': () if kind['action'] in CHOICES else (3,)}
    shape = {'vector': VECTOR, 'series': SERIES, 'dict': DICT, 'channels_first': CHANNELS_FIRST, 'last_action': last}
    observation = shape.get(kind['observation'], IMAGE)
    dtype = {'bytes': 'uint8', 'dict': {'wrist': 'uint8'}}.get(kind['observation'], 'float32')
    if kind['odd'] == 'observation':
        observation, dtype = VECTOR if observation != VECTOR else IMAGE, 'float32'
    low, high = kind['bounds']
    bounds = {} if kind['action'] in CHOICES else {'action_low': low, 'action_high': [high, high, 1.5]}
    return Spaces(observation, CHOICES.get(kind['action'], 3), dtype=dtype, value_size=kind['value_size'], **bounds)


def params_of(kind):
    """Return the `params` of a generated config."""
    algo = {'amp': 'amp_continuous', 'soft_actor_critic': 'sac'}.get(
        kind['network'], 'a2c_discrete' if kind['action'] in CHOICES else 'a2c_continuous'
    )
    model = {'amp': 'continuous_amp', 'soft_actor_critic': 'soft_actor_critic'}.get(
        kind['network'], MODELS.get(kind['action'])
    )
    return {
        'seed': SEED,
        'algo': {'name': algo},
        'model': {'name': model},
        'network': network_of(kind),
        'config': {
            'env_name': 'none',
            'reward_shaper': {},
            **{name: kind[name] for name in ('normalize_input', 'normalize_value', 'clip_actions')},
        },
    }


def network_of(kind):
    activation = 'swoosh' if kind['odd'] == 'activation' else kind['activation']
    network = {
        'name': kind['network'],
        'separate': kind['separate'],
        'normalization': kind['normalization'],
        'space': head_of(kind),
        'mlp': {
            'units': [] if kind['odd'] == 'units' else [8, 6],
            'd2rl': kind['d2rl'],
            'activation': activation,
            'initializer': DEFAULT,
        },
    }
    convolutions = {
        'activation': kind['activation'],
        'initializer': DEFAULT,
        'convs': [CONVOLUTION],
        'type': 'conv1d' if kind['observation'] == 'series' else kind['convolution'],
    }
    if kind['network'] == 'resnet_actor_critic':
        network['cnn'] = {'conv_depths': [3, 2]}
        network.update(
            dict.fromkeys(['require_rewards', 'require_last_actions'], True)
            if kind['observation'] == 'last_action'
            else {}
        )
    elif kind['network'] == 'actor_critic_dict':
        mlp = {'units': [4], 'activation': activation, 'initializer': DEFAULT}
        network['input_preprocessors'] = {
            'touch': {'mlp': mlp},
            'ee_pos': {},
            'wrist': {'cnn': convolutions, 'mlp': mlp},
        }
    elif kind['observation'] != 'vector':
        network['cnn'] = {**convolutions, 'permute_input': kind['observation'] != 'channels_first'}
    if kind['rnn'] != 'none' and kind['network'] not in ('amp', 'soft_actor_critic'):
        network['rnn'] = {
            'name': 'rnn' if kind['odd'] == 'rnn' else kind['rnn'],
            'units': 5,
            **{name: kind[name] for name in ('layers', 'before_mlp', 'layer_norm', 'concat_input', 'concat_output')},
        }
    return {**network, 'log_std_bounds': [-5, 2]}


def head_of(kind):
    if kind['odd'] == 'space':
        return {}
    if kind['action'] in CHOICES:
        return {kind['action']: {}}
    return {
        'continuous': {
            'mu_activation': kind['mu_activation'],
            'sigma_activation': 'None',
            'mu_init': DEFAULT,
            'sigma_init': {'name': 'const_initializer', 'val': 0},
            'learn_sigma': kind['fixed_sigma'],
            'fixed_sigma': kind['fixed_sigma'],
        }
    }


def observe(spaces, rows, step):
    """Return the observations of one step, as tensors, in the types of the spaces."""

    def draw(key, shape):
        generator = golden_rule._generator(f'{key}/{step}')
        if spaces.dtype_of(key) == np.uint8:
            return torch.randint(0, 256, (rows, *shape), generator=generator, dtype=torch.uint8)
        if key == 'last_action' and spaces.discrete:
            return torch.randint(0, 2, (rows, *shape), generator=generator).float()
        return torch.randn((rows, *shape), generator=generator)

    values = {key: draw(key, shape) for key, shape in spaces.inputs.items()}
    return values if spaces.is_dict else values['obs']
