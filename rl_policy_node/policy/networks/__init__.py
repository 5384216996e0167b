# SPDX-License-Identifier: Apache-2.0
"""Networks, models and layers that rl_games 1.6 lacks, registered with it by `register()`."""

from rl_games.algos_torch import model_builder, models

from rl_policy_node.policy.networks.actor_critic_dict import ActorCriticDictBuilder
from rl_policy_node.policy.networks.amp import AmpBuilder
from rl_policy_node.policy.networks.continuous_a2c import ModelA2CContinuous
from rl_policy_node.policy.networks.dict_normalizer import DictRunningMeanStd

NETWORKS = {'actor_critic_dict': ActorCriticDictBuilder, 'amp': AmpBuilder}
MODELS = {'continuous_amp': models.ModelA2CContinuousLogStd}


def register() -> None:
    """Let rl_games build networks that it lacks; calling it again changes nothing.

    `actor_critic_dict` is TacSL's network, `amp` with `continuous_amp` that of adversarial motion priors.
    Two classes replace rl_games 1.6.5's own of the same names, which do not work: the normaliser of dict
    observations, which TorchScript refuses, and `continuous_a2c`, which cannot play.
    Everything that worked before works unchanged.
    """
    for name, builder in NETWORKS.items():
        model_builder.register_network(name, builder)
    for name, model in MODELS.items():
        model_builder.register_model(name, model)
    models.RunningMeanStdObs = DictRunningMeanStd
    models.ModelA2CContinuous = ModelA2CContinuous
