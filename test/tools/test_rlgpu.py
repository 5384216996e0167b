# SPDX-License-Identifier: Apache-2.0
"""rl_games makes and plays a hosted environment by itself, and its actions are those of Policy.act."""

import gymnasium
import numpy as np
from policy import small_runs
import pytest
from rl_games.common import env_configurations, vecenv
from rl_games.torch_runner import Runner
import torch
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.rl_games.global_state import preserved
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.tools.evaluate.play import play
from rl_policy_node.tools.evaluate.rlgpu import create_rlgpu_player, registered, RlgpuEnvironment

ROWS, EPISODES = 3, 12
LSTM = {'rnn': {**small_runs.LSTM, 'concat_input': False}}
BOX = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)


def box(*shape, dtype=np.float32):
    return gymnasium.spaces.Box(0, 255, shape, dtype)


class Plant:
    """Rows of five numbers that actions drive; row i's episodes last 4 + i steps, and begin at random."""

    FORMS = {
        'flat': box(5),
        'dict': gymnasium.spaces.Dict({'position': box(3), 'image': box(2, 2, 1, dtype=np.uint8), 'of_no_use': box(4)}),
    }

    def __init__(self, rows=ROWS, form='flat', action_space=BOX):
        self.observation_space, self.action_space = self.FORMS[form], action_space
        self._random, self._form = np.random.default_rng(3), form
        self._state, self._steps = np.zeros((rows, 5)), np.zeros(rows, dtype=int)
        self.resets = 0

    def reset(self):
        self.resets += 1
        self._begin(np.full(len(self._state), True))
        return self._observe()

    def step(self, actions):
        drive = np.asarray(actions, dtype=np.float64).reshape(len(self._state), -1).mean(1, keepdims=True)
        self._state = 0.8 * np.roll(self._state, 1, axis=1) + 0.2 * drive
        rewards = self._state.sum(1)
        self._steps += 1
        done = self._steps >= 4 + np.arange(len(self._steps))
        self._begin(done)
        return self._observe(), torch.tensor(rewards, dtype=torch.float32), torch.tensor(done), {}

    def _begin(self, rows):
        self._state[rows] = self._random.normal(size=(int(rows.sum()), 5))
        self._steps[rows] = 0

    def _observe(self):
        state = torch.tensor(self._state, dtype=torch.float32)
        if self._form == 'flat':
            return {'obs': state, 'states': state}
        image = (state[:, :4] * 40 + 128).clip(0, 255).to(torch.uint8).reshape(-1, 2, 2, 1)
        return {'obs': {'of_no_use': state[:, :4], 'image': image, 'position': state[:, :3]}}


DICT = {'name': 'actor_critic_dict', 'input_preprocessors': {'image': {}, 'position': {}}}
KINDS = {
    'flat': (Plant, small_runs.params(), Spaces((5,), 3)),
    'recurrent': (Plant, small_runs.params(network=LSTM), Spaces((5,), 3)),
    'dict': (
        lambda: Plant(form='dict'),
        small_runs.params(network={**DICT, **LSTM}),
        Spaces({'position': (3,), 'image': (2, 2, 1)}, 3, dtype={'image': 'uint8'}),
    ),
    'discrete': (
        lambda: Plant(action_space=gymnasium.spaces.Discrete(4)),
        small_runs.params(
            algo={'name': 'a2c_discrete'}, model={'name': 'discrete_a2c'}, network={'space': {'discrete': {}}}
        ),
        Spaces((5,), {'discrete': 4}),
    ),
    'choices': (
        lambda: Plant(action_space=gymnasium.spaces.Tuple([gymnasium.spaces.Discrete(n) for n in (2, 5)])),
        small_runs.params(
            algo={'name': 'a2c_discrete'},
            model={'name': 'multi_discrete_a2c'},
            network={'space': {'multi_discrete': {}}},
        ),
        Spaces((5,), {'multi_discrete': [2, 5]}),
    ),
    'wide': (
        lambda: Plant(action_space=gymnasium.spaces.Box(-2.0, 3.0, (3,), np.float32)),
        small_runs.params(),
        Spaces((5,), 3, action_low=-2.0, action_high=3.0),
    ),
}


def stir(model):
    """Make the initial weights those of a policy that does something."""
    torch.manual_seed(2)
    for name, tensor in model.items():
        if tensor.is_floating_point() and 'running' not in name:
            tensor += 0.3 * torch.randn_like(tensor)


def load(folder, params, spaces, rows=ROWS):
    config = small_runs.write(folder / 'train.yaml', {'params': params})
    checkpoint = small_runs.save(folder / 'Mine.pth', config, spaces, stir)
    return Policy.load(config, checkpoint, spaces=spaces, rows=rows, device='cpu')


def by_hand(policy, environment, steps):
    """Play with Policy.act; return the actions (steps, rows, ...) and the rewards (steps, rows)."""
    actions, rewards, observations = [], [], environment.reset()
    for _ in range(steps):
        seen = {name: observations[name] for name in policy.spaces.inputs}
        actions.append(policy.act(seen if policy.spaces.is_dict else seen['obs']))
        observations, reward, dones, _ = environment.step(actions[-1])
        rewards.append(reward)
        policy.reset(dones)
    return np.array(actions), np.array(rewards)


def check_equal(kept, policy, environment):
    actions, rewards = by_hand(policy, environment, len(kept))
    assert np.array_equal(np.array([step[1] for step in kept]), actions)
    assert np.array_equal(np.array([step[2] for step in kept]), rewards)
    assert len(np.unique(actions)) > 2, 'a policy that always does the same shows nothing'


@pytest.mark.parametrize('kind', KINDS)
def test_the_loop_of_rl_games_acts_as_the_policy(tmp_path, kind):
    """Without env_info: rl_games asks the environment for its spaces; the actions are equal bit for bit."""
    make, params, spaces = KINDS[kind]
    policy, kept = load(tmp_path, params, spaces), []
    play(policy, HostedEnvironment(make()), EPISODES, lambda *step: kept.append(step))
    assert sum(int(step[3].sum()) for step in kept) >= EPISODES
    check_equal(kept, policy, HostedEnvironment(make()))


@pytest.mark.parametrize('player', [{}, {'use_vecenv': True}], ids=['env_creator', 'vecenv'])
def test_a_runner_of_rl_games_finds_the_registered_environment(tmp_path, player):
    """Nothing of this package builds, restores or plays: a train YAML that says env_name: rlgpu."""
    policy, kept = load(tmp_path, *KINDS['recurrent'][1:]), []
    params = yaml.safe_load((tmp_path / 'train.yaml').read_text())['params']
    params['config'] |= {
        'env_name': 'rlgpu',
        'num_actors': ROWS,
        'reward_shaper': {},
        'device_name': 'cpu',
        'player': {'games_num': EPISODES, 'print_stats': False, **player},
    }
    environment = RlgpuEnvironment(HostedEnvironment(Plant()), on_step=lambda *step: kept.append(step))
    with preserved(), registered(environment):
        runner = Runner()
        runner.load({'params': params})
        runner.run({'train': False, 'play': True, 'checkpoint': str(tmp_path / 'Mine.pth')})
    check_equal(kept, policy, HostedEnvironment(Plant()))


def test_a_single_row_is_not_reset_twice(tmp_path):
    """rl_games' loop resets a single row after each episode, although it came back already reset."""
    plant, kept = Plant(rows=1), []
    policy = load(tmp_path, *KINDS['recurrent'][1:], rows=1)
    play(policy, HostedEnvironment(plant), 5, lambda *step: kept.append(step))
    assert plant.resets == 1 and len(kept) == 5 * 4
    check_equal(kept, policy, HostedEnvironment(Plant(rows=1)))


def test_a_long_run_goes_on_where_the_loop_begins_anew(tmp_path):
    """rl_games' loop asks for a reset every `max_steps`, in the midst of episodes."""
    plant, kept = Plant(), []
    policy = load(tmp_path, *KINDS['recurrent'][1:])
    player = create_rlgpu_player(policy, HostedEnvironment(plant), on_step=lambda *step: kept.append(step))
    player.games_num, player.max_steps = EPISODES, 7
    with preserved():
        player.run()
    assert plant.resets == 1 and len(kept) > 2 * player.max_steps
    check_equal(kept, policy, HostedEnvironment(Plant()))


def test_registration_ends_with_the_block():
    before = dict(env_configurations.configurations), dict(vecenv.vecenv_config)
    with registered(RlgpuEnvironment(HostedEnvironment(Plant()))):
        assert vecenv.create_vec_env('rlgpu', ROWS).get_number_of_agents() == 1
        assert env_configurations.configurations['rlgpu']['vecenv_type'] == 'RLGPU'
    assert (env_configurations.configurations, vecenv.vecenv_config) == before


@pytest.mark.parametrize(
    'kind, make, message',
    [
        ('flat', lambda: Plant(form='dict'), "inputs ['obs'] are not observations of the environment; it has ['image'"),
        (
            'flat',
            lambda: Plant(action_space=gymnasium.spaces.Box(-1, 1, (2,), np.float32)),
            "the environment's action is 2; the policy was trained with 3",
        ),
        ('discrete', Plant, "the environment's action is 3; the policy was trained with {'discrete': 4}"),
    ],
)
def test_another_environment_than_the_policys_is_refused(tmp_path, kind, make, message):
    policy = load(tmp_path, *KINDS[kind][1:])
    with pytest.raises(ConfigurationError) as refused:
        play(policy, HostedEnvironment(make()), 1, lambda *step: None)
    assert message in str(refused.value) and '\n' not in str(refused.value)
