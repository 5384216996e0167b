"""Networks and layers that rl_games 1.6 lacks, registered with it by `register()`."""
from rl_games.algos_torch import model_builder, models

from rl_policy_node.policy.networks.actor_critic_dict import ActorCriticDictBuilder
from rl_policy_node.policy.networks.dict_normalizer import DictRunningMeanStd


def register():
    """Make rl_games build what it cannot build by itself; calling it again changes nothing.

    `actor_critic_dict` is TacSL's network. The normaliser of dict observations stands in for
    rl_games 1.6.5's own, which TorchScript refuses, so that nothing that worked before changes.
    """
    model_builder.register_network('actor_critic_dict', ActorCriticDictBuilder)
    models.RunningMeanStdObs = DictRunningMeanStd
