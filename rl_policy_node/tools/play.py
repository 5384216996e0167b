"""rl_games' own play loop in one process, recorded: what the two nodes are measured against."""
import copy

import numpy as np

from rl_policy_node.policy.global_state import preserved
from rl_policy_node.policy.policy import Policy


class RecordingEnvironment:
    """Passes everything through to an environment and keeps what went by."""

    def __init__(self, environment):
        self._environment = environment
        self.observations, self.actions, self.rewards, self.dones, self.successes = [], [], [], [], []

    def __getattr__(self, name):
        return getattr(self._environment, name)

    def reset(self):
        """Reset and keep the observation."""
        return self._keep(self._environment.reset())

    def step(self, actions):
        """Step and keep the action, the reward, and what comes of it."""
        self.actions.append(actions.numpy().copy())
        observations, rewards, dones, infos = self._environment.step(actions)
        self.rewards.append(rewards.numpy().copy())
        self.dones.append(dones.numpy().copy())
        self.successes.append(infos['successes'].numpy().copy())
        return self._keep(observations), rewards, dones, infos

    def _keep(self, observations):
        self.observations.append(copy.deepcopy(observations['obs']))
        return observations

    def record(self):
        """Return what the bridge records: name → (steps, rows, ...)."""
        steps = len(self.actions)
        keys = self.observations[0]
        return {**{f'obs/{key}': np.stack([o[key].numpy() for o in self.observations[:steps]]) for key in keys},
                'actions': np.stack(self.actions), 'rewards': np.stack(self.rewards),
                'dones': np.stack(self.dones), 'successes': np.stack(self.successes)}


def play(train_config, checkpoint, environment, episodes, device='cpu'):
    """Play with `player.run()` of rl_games, unchanged, until `episodes` have ended; return the record."""
    policy = Policy.load(train_config, checkpoint, rows=environment.num_envs, device=device)
    player = policy.player
    recording = RecordingEnvironment(environment)
    player.env = recording
    player.games_num, player.n_game_life, player.print_stats = episodes, 1, False
    player.is_deterministic = True
    with preserved():
        player.run()
    return recording.record()


def success_rate(record, episodes=0):
    """Return the share of a record's first `episodes` episodes (0: all) that ended in success."""
    ended = record['successes'][record['dones'].astype(bool)]
    return float(np.mean(ended[:episodes] if episodes else ended))
