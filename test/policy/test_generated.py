# SPDX-License-Identifier: Apache-2.0
"""Any train config: a policy acts as rl_games' own player bit for bit, or is refused where that cannot play.

Configs are generated over networks, layers, kinds of actions and observations; weights and observations
depend on names alone (golden_rule.py), so that both sides get the same. The player that rl_games builds is
the reference; what it cannot do by itself is stated in terms of what it can (`counterpart`).
"""
from collections import Counter
import copy
from random import Random
from unittest import mock

from hypothesis import given, Phase, settings, strategies
import numpy as np
from policy import golden_rule
import pytest
from rl_games.algos_torch import models, running_mean_std
from rl_games.torch_runner import Runner
import torch
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.rl_games.global_state import preserved
from rl_policy_node.policy.run.train_config import TrainConfig

STEPS, SEED = 3, 5
DEFAULT = {'name': 'default'}
VECTOR, SERIES, IMAGE, CHANNELS_FIRST = (5,), (3, 8), (9, 8, 3), (3, 9, 8)
DICT = {'touch': (2, 2, 3), 'ee_pos': (3,), 'wrist': IMAGE}
CONVOLUTION = {'filters': 3, 'kernel_size': 3, 'strides': 2, 'padding': 0}
MODELS = {'continuous': 'continuous_a2c', 'logstd': 'continuous_a2c_logstd', 'tanh': 'continuous_a2c_tanh',
          'discrete': 'discrete_a2c', 'multi_discrete': 'multi_discrete_a2c'}
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
FLAGS = ('before_mlp', 'layer_norm', 'concat_input', 'concat_output', 'separate', 'd2rl', 'fixed_sigma',
         'normalize_input', 'normalize_value', 'clip_actions', 'deterministic')
OPTIONS = {
    'bounds': [(-1.0, 1.0), (-2.0, 0.5)], 'rnn': ['none', 'lstm', 'gru'], 'layers': [1, 2], 'rows': [1, 4, 9],
    'convolution': ['conv2d', 'conv2d_spatial_softargmax', 'conv2d_flatten', 'coord_conv2d'], 'value_size': [1, 2],
    'activation': ['elu', 'relu', 'swish'], 'mu_activation': ['None', 'tanh'],
    'normalization': [None, 'layer_norm', 'batch_norm'], **dict.fromkeys(FLAGS, [False, True])}
# what rl_games refuses, for the most part
ODD = [None] * 10 + ['activation', 'rnn', 'observation', 'units', 'space']


def kind_of(random, network, action):
    """Return a choice for everything that a config of a network and a kind of actions may vary in."""
    return {'network': network, 'action': action, 'observation': random.choice(NETWORKS[network][2]),
            **{name: random.choice(values) for name, values in OPTIONS.items()}, 'odd': random.choice(ODD)}


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
        kind['network'], 'a2c_discrete' if kind['action'] in CHOICES else 'a2c_continuous')
    model = {'amp': 'continuous_amp', 'soft_actor_critic': 'soft_actor_critic'}.get(
        kind['network'], MODELS.get(kind['action']))
    return {'seed': SEED, 'algo': {'name': algo}, 'model': {'name': model}, 'network': network_of(kind),
            'config': {'env_name': 'none', 'reward_shaper': {}, **{
                name: kind[name] for name in ('normalize_input', 'normalize_value', 'clip_actions')}}}


def network_of(kind):
    activation = 'swoosh' if kind['odd'] == 'activation' else kind['activation']
    network = {'name': kind['network'], 'separate': kind['separate'], 'normalization': kind['normalization'],
               'space': head_of(kind), 'mlp': {'units': [] if kind['odd'] == 'units' else [8, 6], 'd2rl': kind['d2rl'],
                                               'activation': activation, 'initializer': DEFAULT}}
    convolutions = {'activation': kind['activation'], 'initializer': DEFAULT, 'convs': [CONVOLUTION],
                    'type': 'conv1d' if kind['observation'] == 'series' else kind['convolution']}
    if kind['network'] == 'resnet_actor_critic':
        network['cnn'] = {'conv_depths': [3, 2]}
        network.update(dict.fromkeys(['require_rewards', 'require_last_actions'], True)
                       if kind['observation'] == 'last_action' else {})
    elif kind['network'] == 'actor_critic_dict':
        mlp = {'units': [4], 'activation': activation, 'initializer': DEFAULT}
        network['input_preprocessors'] = {'touch': {'mlp': mlp}, 'ee_pos': {},
                                          'wrist': {'cnn': convolutions, 'mlp': mlp}}
    elif kind['observation'] != 'vector':
        network['cnn'] = {**convolutions, 'permute_input': kind['observation'] != 'channels_first'}
    if kind['rnn'] != 'none' and kind['network'] not in ('amp', 'soft_actor_critic'):
        network['rnn'] = {'name': 'rnn' if kind['odd'] == 'rnn' else kind['rnn'], 'units': 5, **{
            name: kind[name] for name in ('layers', 'before_mlp', 'layer_norm', 'concat_input', 'concat_output')}}
    return {**network, 'log_std_bounds': [-5, 2]}


def head_of(kind):
    if kind['odd'] == 'space':
        return {}
    if kind['action'] in CHOICES:
        return {kind['action']: {}}
    return {'continuous': {'mu_activation': kind['mu_activation'], 'sigma_activation': 'None', 'mu_init': DEFAULT,
                           'sigma_init': {'name': 'const_initializer', 'val': 0}, 'learn_sigma': kind['fixed_sigma'],
                           'fixed_sigma': kind['fixed_sigma']}}


def counterpart(params):
    """Return the config in terms of what rl_games itself can play, with the same weights and means."""
    params = copy.deepcopy(params)
    if params['network']['name'] == 'amp':
        params['network']['name'], params['algo']['name'] = 'actor_critic', 'a2c_continuous'
        for space in params['network']['space'].values():
            space['fixed_sigma'] = True         # generated so that sigma is either fixed or not learned
    if params['model']['name'] in ('continuous_amp', 'continuous_a2c'):
        params['model']['name'] = 'continuous_a2c_logstd'
    return params


def original(params, spaces, rows):
    """Return rl_games' own player, of classes that no other module stands in for."""
    info = spaces.env_info()
    for part in getattr(info['action_space'], 'spaces', [info['action_space']]):
        if spaces.discrete:
            part.n = int(part.n)                # as gym has it, which rl_games was written for
    if params['algo']['name'] == 'sac':
        info['action_space'].low[:], info['action_space'].high[:] = -1, 1
    params['config'].update(env_info=info, device_name='cpu')
    with preserved(), mock.patch.object(models, 'RunningMeanStdObs', running_mean_std.RunningMeanStdObs), \
            mock.patch.object(torch.jit, 'script', lambda module: module):
        runner = Runner()
        runner.load({'params': params})
        player = runner.create_player()
    golden_rule.fill(player.model)
    player.has_batch_dimension, player.batch_size = True, rows
    player.reset()
    return player


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


def answers(kind, spaces):
    """Return rl_games' own player and its actions (steps, rows, actions), or None if it cannot play."""
    params = counterpart(params_of(kind))
    try:
        player = original(params, spaces, kind['rows'])
        torch.manual_seed(SEED)
        actions = [player.get_action(observe(spaces, kind['rows'], step), kind['deterministic'])
                   for step in range(STEPS)]
    except Exception:       # noqa: BLE001 - whatever it is, rl_games cannot play this
        return None
    actions = torch.stack([action.reshape(kind['rows'], -1) for action in actions])
    if params['algo']['name'] == 'sac':
        box = spaces.env_info()['action_space']
        low, high = torch.tensor(box.low), torch.tensor(box.high)
        actions = (actions * ((high - low) / 2) + (high + low) / 2).clamp(low, high)
    return player, actions.detach().numpy()


def check(kind, path):
    """Compare a policy with rl_games' own player; return whether that can play at all."""
    if kind['action'] == 'continuous':
        kind['deterministic'] = True            # rl_games has nothing to sample it with
    path.write_text(yaml.safe_dump({'params': params_of(kind)}, sort_keys=False))
    spaces, rows = spaces_of(kind), kind['rows']
    with preserved():
        answered = answers(kind, spaces)
    options = {'spaces': spaces, 'rows': rows, 'device': 'cpu', 'backend': 'eager'}
    if answered is None:
        with pytest.raises(ConfigurationError) as error:
            Policy.load(path, **options)
        assert '\n' not in str(error.value)
        return False
    policy = Policy.load(path, deterministic=kind['deterministic'], **options)
    golden_rule.fill(policy.player.model)
    found, (player, wanted) = play(policy), answered
    assert policy.player.model.state_dict().keys() == player.model.state_dict().keys()
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == (np.int64 if spaces.discrete else np.float32)
    policy.reset()
    assert not kind['deterministic'] or np.array_equal(play(policy), wanted)
    return True


def play(policy):
    steps = [observe(policy.spaces, policy.rows, step) for step in range(STEPS)]
    return np.stack([policy.act({key: value.numpy() for key, value in each.items()} if policy.spaces.is_dict
                                else each.numpy()) for each in steps])


@pytest.fixture(scope='module')
def seen():
    """Count what was played and what was refused; at the end every option must have been played."""
    seen = {True: Counter(), False: Counter()}
    yield seen
    if sum(seen[True][('head', head)] + seen[False][('head', head)] > 0 for head in HEADS) == len(HEADS):
        lacking = [(name, value) for name, values in OPTIONS.items() for value in values
                   if not seen[True][(name, value)]]
        assert not lacking


@pytest.fixture
def quick(monkeypatch):
    """Take the YAML as it is: what Hydra makes of one is tested elsewhere, and takes most of the time."""
    # networks this small only lose time by waiting for one another's threads
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(TrainConfig, 'read', lambda path, overrides=(): TrainConfig(
        yaml.safe_load(path.read_text())['params'], path))
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize('network, action', HEADS)
def test_policy_acts_as_the_player_of_rl_games(tmp_path, quick, seen, network, action):
    played = []

    @settings(max_examples=NETWORKS[network][0], phases=[Phase.generate], deadline=None, derandomize=True,
              database=None)
    @given(strategies.integers(0, 2**32))
    def run(seed):
        kind = kind_of(Random(f'{seed} {network} {action}'), network, action)
        played.append(check(kind, tmp_path / 'train.yaml'))
        seen[played[-1]].update([*kind.items(), ('head', (network, action))])
    run()
    # rl_games' resnet has no head for several choices
    assert any(played) == ((network, action) != ('resnet_actor_critic', 'multi_discrete'))
