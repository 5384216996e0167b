# SPDX-License-Identifier: Apache-2.0
"""`continuous_a2c`: a normal distribution whose deviation is the network's output itself."""

from rl_games.algos_torch import models
import torch

from rl_policy_node.policy.shared_types import YamlTree


class ModelA2CContinuous(models.ModelA2CContinuous):
    """rl_games' model, which could train but not play.

    rl_games' branch for playing reads a variable that only the branch for training sets, and drops the dimensions of a
    single row or action.
    """

    class Network(models.ModelA2CContinuous.Network):
        """Trains as rl_games' own; plays the distribution that it was trained with."""

        def forward(self, input_dict: YamlTree) -> YamlTree:
            if input_dict.get('is_train', True):
                trained: YamlTree = super().forward(input_dict)
                return trained
            input_dict['obs'] = self.norm_obs(input_dict['obs'])
            mu, sigma, value, states = self.a2c_network(input_dict)
            # not torch.normal: it refuses a whole batch for one deviation below zero
            actions = mu + sigma * torch.randn_like(mu)
            neglogp = -torch.distributions.Normal(mu, sigma, validate_args=False).log_prob(actions).sum(dim=-1)
            return {
                'neglogpacs': neglogp,
                'values': self.denorm_value(value),
                'actions': actions,
                'rnn_states': states,
                'mus': mu,
                'sigmas': sigma,
            }
