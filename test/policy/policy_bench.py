# SPDX-License-Identifier: Apache-2.0
"""Train configurations of each kind of network, and their checkpoints."""

import torch
import yaml

from rl_policy_node.policy import Spaces

FLAT = Spaces((5,), 3)
DICT = Spaces({'ee_pos': (3,), 'touch': (2, 2, 3), 'wrist': (10, 10, 3)}, 2)
CONTINUOUS = {
    'continuous': {
        'mu_activation': 'None',
        'sigma_activation': 'None',
        'mu_init': {'name': 'default'},
        'sigma_init': {'name': 'const_initializer', 'val': 0},
        'fixed_sigma': True,
    }
}
DEFAULT = {'initializer': {'name': 'default'}}
LSTM = {'name': 'lstm', 'units': 8, 'layers': 2, 'before_mlp': True}
GRU = {'name': 'gru', 'units': 8, 'layers': 1, 'before_mlp': False, 'layer_norm': True}
BRANCHES = {
    'ee_pos': {},
    'touch': {'mlp': {'units': [4], 'activation': 'elu', **DEFAULT}},
    'wrist': {
        'cnn': {
            'type': 'conv2d_spatial_softargmax',
            'activation': 'relu',
            **DEFAULT,
            'convs': [{'filters': 4, 'kernel_size': 4, 'strides': 2, 'padding': 0}],
        }
    },
}


def train_config(folder, network, algo='a2c_continuous', model='continuous_a2c_logstd', **config):
    """Write a small train YAML and return its path; its seed gives the same weights every time."""
    network = {
        'name': 'actor_critic',
        'separate': False,
        'space': CONTINUOUS,
        'mlp': {'units': [16], 'activation': 'elu', **DEFAULT},
        **network,
    }
    params = {
        'seed': 5,
        'algo': {'name': algo},
        'model': {'name': model},
        'network': network,
        'config': {'normalize_input': True, 'normalize_value': True, **config},
    }
    path = folder / 'train.yaml'
    path.write_text(yaml.safe_dump({'params': params}))
    return path


NETWORKS = {
    'mlp': (FLAT, {}),
    'lstm': (FLAT, {'rnn': LSTM}),
    'gru': (FLAT, {'rnn': GRU}),
    'dict': (DICT, {'name': 'actor_critic_dict', 'input_preprocessors': BRANCHES, 'rnn': LSTM}),
}


def save(policy, path):
    torch.save({'model': policy.player.model.state_dict()}, path)
    return path


# What rl_games changes in a process, read before and after; set first to values that it would not choose.
LOADING = """
import random, sys
import numpy as np
import torch

def state():
    backends = torch.backends
    return {'random': random.getstate(), 'numpy': repr(np.random.get_state()), 'torch': torch.get_rng_state().tolist(),
            'threads': torch.get_num_threads(), 'precision': torch.get_float32_matmul_precision(),
            'matmul': backends.cuda.matmul.allow_tf32, 'tf32': backends.cudnn.allow_tf32,
            'benchmark': backends.cudnn.benchmark, 'printing': vars(torch._tensor_str.PRINT_OPTS).copy()}

torch.set_num_threads(3)
torch.set_float32_matmul_precision('highest')
torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = False
torch.set_printoptions(precision=7, linewidth=77)
before = state()
from rl_policy_node.policy import Policy, Spaces
imported = state()
Policy.load(sys.argv[1], spaces=Spaces((5,), 3), device='cpu', overrides=['+params.torch_threads=2'])
sys.exit(' '.join(f'{when}: {name}' for when, now in (('import', imported), ('load', state()))
                  for name in before if now[name] != before[name]) or 0)
"""
