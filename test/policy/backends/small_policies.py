# SPDX-License-Identifier: Apache-2.0
"""Small policies of every kind that a backend has to stand for, and what happens to them."""

from unittest import mock

import numpy as np
from policy import golden_rule
from policy.policy_bench import CONTINUOUS, DEFAULT, DICT, FLAT, GRU, LSTM, NETWORKS, train_config
import torch
import yaml

from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.static import StaticStep
from rl_policy_node.policy.run.train_config import TrainConfig

ROWS = 3
CONVOLUTION = {
    'type': 'conv2d',
    'activation': 'relu',
    **DEFAULT,
    'convs': [{'filters': 3, 'kernel_size': 3, 'strides': 2, 'padding': 0}],
}
COMPUTED_SIGMA = {'continuous': {**CONTINUOUS['continuous'], 'fixed_sigma': False}}
LEARNED_NOT = {'continuous': {**CONTINUOUS['continuous'], 'learn_sigma': False}}
JOINED = {'wrist': (4, 4, 3), 'ee_pos': (3,), 'dof_pos': (2,)}
LAST = Spaces({'observation': (8, 8, 3), 'reward': (), 'last_action': (3,)}, 3)
RESNET = {
    'name': 'resnet_actor_critic',
    'cnn': {'conv_depths': [2]},
    'require_rewards': True,
    'require_last_actions': True,
    'rnn': {'name': 'lstm', 'units': 4, 'layers': 1},
}
# a critic with inputs of its own, which is not played
CENTRAL = {
    'central_value_config': {
        'network': {
            'name': 'actor_critic',
            'central_value': True,
            'mlp': {'units': [8], 'activation': 'elu', **DEFAULT},
        }
    }
}

# name → spaces, network, and what else train_config() takes
KINDS = {
    **{name: (*each, {}) for name, each in NETWORKS.items()},
    'bytes in a dict': (Spaces(DICT.observation, 2, dtype={'wrist': 'uint8'}), NETWORKS['dict'][1], {}),
    'bytes': (Spaces((9, 8, 3), 2, dtype='uint8'), {'cnn': {**CONVOLUTION, 'permute_input': True}}, {}),
    'joined': (Spaces(JOINED, 2), {'inputs': dict.fromkeys(JOINED), 'rnn': LSTM}, {}),
    'joined bytes': (Spaces(JOINED, 2, dtype={'wrist': 'uint8'}), {'inputs': dict.fromkeys(JOINED)}, {}),
    'last action': (LAST, RESNET, {}),
    'discrete': (
        Spaces((5,), {'discrete': 4}),
        {'space': {'discrete': None}, 'rnn': LSTM},
        {'algo': 'a2c_discrete', 'model': 'discrete_a2c'},
    ),
    'multi-discrete': (
        Spaces((5,), {'multi_discrete': [2, 7]}),
        {'space': {'multi_discrete': None}},
        {'algo': 'a2c_discrete', 'model': 'multi_discrete_a2c'},
    ),
    'sac': (
        Spaces((5,), 3, action_low=-2, action_high=[1, 2, 3]),
        {'name': 'soft_actor_critic', 'log_std_bounds': [-5, 2]},
        {'algo': 'sac', 'model': 'soft_actor_critic'},
    ),
    'amp': (
        FLAT,
        {'name': 'amp', 'separate': True, 'disc': {'units': [4]}, 'space': LEARNED_NOT},
        {'algo': 'amp_continuous', 'model': 'continuous_amp'},
    ),
    'continuous_a2c': (FLAT, {}, {'model': 'continuous_a2c'}),
    'tanh': (FLAT, {'rnn': GRU}, {'model': 'continuous_a2c_tanh'}),
    'computed sigma': (FLAT, {'space': COMPUTED_SIGMA}, {}),
    'bounds': (Spaces((5,), 3, action_low=[-2, 0, -1], action_high=[2, 4, 1]), {}, {}),
    'not clipped': (FLAT, {}, {'clip_actions': False}),
    'not normalized': (FLAT, {'rnn': LSTM}, {'normalize_input': False, 'normalize_value': False}),
    'asymmetric': (FLAT, {'rnn': LSTM}, CENTRAL),
    'separate': (FLAT, {'separate': True}, {}),
    'separate lstm': (FLAT, {'separate': True, 'rnn': LSTM}, {}),
    'separate gru': (FLAT, {'separate': True, 'rnn': GRU}, {}),
    'separate dict': (DICT, {**NETWORKS['dict'][1], 'separate': True}, {}),
}
RECURRENT = [name for name, (_, network, _) in KINDS.items() if 'rnn' in network]


def load(folder, name, **options):
    """Return a policy of KINDS that acts by eager, with the weights of the rule."""
    spaces, network, config = KINDS[name]
    # the YAML as it is: what Hydra makes of one is tested elsewhere, and takes most of the time
    with mock.patch.object(
        TrainConfig, 'read', lambda path, overrides: TrainConfig(yaml.safe_load(path.read_text())['params'], path)
    ):
        policy = Policy.load(
            train_config(folder, network, **config), **{'spaces': spaces, 'rows': ROWS, 'device': 'cpu', **options}
        )
    golden_rule.fill(policy.player.model)
    return policy


def drawn(spaces, rows, random):
    """Return observations from a random generator, in the form and the types that the policy takes."""
    values = {
        key: random.integers(0, 256, (rows, *shape), np.uint8)
        if spaces.dtype_of(key) == np.uint8
        else random.standard_normal((rows, *shape), np.float32)
        for key, shape in spaces.inputs.items()
    }
    return values if spaces.is_dict else values['obs']


def play(backends, spaces, rows, steps, seed=0):
    """Yield the actions of each backend in every step; rows are held and reset at random on the way."""
    random = np.random.default_rng(seed)
    for _ in range(steps):
        observations, hold, reset = drawn(spaces, rows, random), *(random.random((2, rows)) < [[0.1], [0.03]])
        yield [backend.act(observations, hold) for backend in backends]
        for backend in backends:
            backend.reset(reset)


class StaticBackend(Backend):
    """A StaticStep without a graph around it: what CudaGraphBackend replays, on any device."""

    name = 'static'

    def __init__(self, step, inputs, seed=0):
        super().__init__(inputs)
        self.static, self._seed = StaticStep(step, inputs, step.device), seed
        self.restart()

    @property
    def recurrent(self):
        return bool(self.static.states)

    def act(self, observations, hold=None):
        self.static.stage(observations, hold)
        self.static.draw(self._generator)
        self.static.upload()
        self.static.compute()
        self.static.download()
        return self.actions(self.static.actions.copy())

    def reset(self, rows=slice(None)):
        self.static.reset(rows if isinstance(rows, slice) else torch.from_numpy(self.indices(rows)))

    def restart(self):
        self._generator = torch.Generator().manual_seed(self._seed)
        self.reset()

    def state(self):
        return {'recurrent': self.static.kept(), 'random': self._generator.get_state().numpy().copy()}

    def restore(self, state):
        self.static.restore(state['recurrent'])
        self._generator.set_state(torch.from_numpy(state['random'].copy()))
