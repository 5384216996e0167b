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
from policy.generated_runs import HEADS, kind_of, NETWORKS, observe, OPTIONS, params_of, SEED, spaces_of, STEPS
import pytest
from rl_games.algos_torch import models, running_mean_std
from rl_games.torch_runner import Runner
import torch
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy
from rl_policy_node.policy.rl_games.global_state import preserved


def counterpart(params):
    """Return the config in terms of what rl_games itself can play, with the same weights and means."""
    params = copy.deepcopy(params)
    if params['network']['name'] == 'amp':
        params['network']['name'], params['algo']['name'] = 'actor_critic', 'a2c_continuous'
        for space in params['network']['space'].values():
            space['fixed_sigma'] = True  # generated so that sigma is either fixed or not learned
    if params['model']['name'] in ('continuous_amp', 'continuous_a2c'):
        params['model']['name'] = 'continuous_a2c_logstd'
    return params


def original(params, spaces, rows):
    """Return rl_games' own player, of classes that no other module stands in for."""
    info = spaces.env_info()
    for part in getattr(info['action_space'], 'spaces', [info['action_space']]):
        if spaces.discrete:
            part.n = int(part.n)  # as gym has it, which rl_games was written for
    if params['algo']['name'] == 'sac':
        info['action_space'].low[:], info['action_space'].high[:] = -1, 1
    params['config'].update(env_info=info, device_name='cpu')
    with (
        preserved(),
        mock.patch.object(models, 'RunningMeanStdObs', running_mean_std.RunningMeanStdObs),
        mock.patch.object(torch.jit, 'script', lambda module: module),
    ):
        runner = Runner()
        runner.load({'params': params})
        player = runner.create_player()
    golden_rule.fill(player.model)
    player.has_batch_dimension, player.batch_size = True, rows
    player.reset()
    return player


def answers(kind, spaces):
    """Return rl_games' own player and its actions (steps, rows, actions), or None if it cannot play."""
    params = counterpart(params_of(kind))
    try:
        player = original(params, spaces, kind['rows'])
        torch.manual_seed(SEED)
        actions = [
            player.get_action(observe(spaces, kind['rows'], step), kind['deterministic']) for step in range(STEPS)
        ]
    except Exception:  # noqa: BLE001 - whatever it is, rl_games cannot play this
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
        kind['deterministic'] = True  # rl_games has nothing to sample it with
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
    return np.stack(
        [
            policy.act({key: value.numpy() for key, value in each.items()} if policy.spaces.is_dict else each.numpy())
            for each in steps
        ]
    )


@pytest.fixture(scope='module')
def seen():
    """Count what was played and what was refused; at the end every option must have been played."""
    seen = {True: Counter(), False: Counter()}
    yield seen
    if sum(seen[True][('head', head)] + seen[False][('head', head)] > 0 for head in HEADS) == len(HEADS):
        lacking = [
            (name, value) for name, values in OPTIONS.items() for value in values if not seen[True][(name, value)]
        ]
        assert not lacking


@pytest.mark.parametrize('network, action', HEADS)
def test_policy_acts_as_the_player_of_rl_games(tmp_path, quick, seen, network, action):
    played = []

    @settings(
        max_examples=NETWORKS[network][0], phases=[Phase.generate], deadline=None, derandomize=True, database=None
    )
    @given(strategies.integers(0, 2**32))
    def run(seed):
        kind = kind_of(Random(f'{seed} {network} {action}'), network, action)
        played.append(check(kind, tmp_path / 'train.yaml'))
        seen[played[-1]].update([*kind.items(), ('head', (network, action))])

    run()
    # rl_games' resnet has no head for several choices
    assert any(played) == ((network, action) != ('resnet_actor_critic', 'multi_discrete'))
