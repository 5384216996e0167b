# SPDX-License-Identifier: Apache-2.0
"""`amp`: the network of adversarial motion priors, as far as playing needs it.

It is rl_games' actor-critic with the parameter names it has there. Training adds a discriminator, which
distinguishes the policy's motion from the demonstrated one; actions do not depend on it.
"""

from rl_games.algos_torch.network_builder import A2CBuilder, NetworkBuilder

from rl_policy_node.policy.shared_types import YamlTree


class AmpBuilder(NetworkBuilder):
    """Builder registered with rl_games as `amp`."""

    def load(self, params: YamlTree) -> None:
        self.params = params

    def build(self, name: str, **kwargs: object) -> 'Amp':
        return Amp(self.params, **kwargs)


class Amp(A2CBuilder.Network):
    """An actor-critic whose exploration noise may be given instead of learned.

    `space.continuous.learn_sigma: False` keeps sigma, one number per action, as `sigma_init` sets it.
    """

    # weights in checkpoints that playing does not need, by the beginning of their names
    training_only = ('_disc_mlp.', '_disc_logits.')

    def __init__(self, params: YamlTree, **kwargs: object) -> None:
        space = params['space'].get('continuous')
        given = space is not None and not space.get('learn_sigma', True)
        if given:
            params = {**params, 'space': {'continuous': {**space, 'fixed_sigma': True}}}
        super().__init__(params, **kwargs)
        if given:
            self.sigma.requires_grad_(False)
