# SPDX-License-Identifier: Apache-2.0
"""Register a hosted environment with rl_games under the names of IsaacGymEnvs: `rlgpu`, `RLGPU`."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
from typing import Any, TypeAlias

import numpy as np
from rl_games.common import env_configurations, vecenv
from rl_games.common.ivecenv import IVecEnv
import torch

from rl_policy_node.control.arrays import Array, Mask
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.contract.agreement import joined_keys
from rl_policy_node.policy.rl_games.player import create_player
from rl_policy_node.sim.environment_specs import Observations
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.sim.remote import RemoteEnvironment

NAME, VECENV = 'rlgpu', 'RLGPU'
# of rl_games, which has no types: a player; the observations, rewards, dones and infos of a step
Player: TypeAlias = Any
Step: TypeAlias = tuple[dict[str, Any], torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]
# takes observations, actions, rewards, dones, successes of a step; its result is ignored
OnStep: TypeAlias = Callable[[Observations, Array, Array, Mask, Mask | None], object]
# an environment in this process, or in another Python's
Hosted: TypeAlias = HostedEnvironment | RemoteEnvironment


class RlgpuEnvironment(IVecEnv):
    """Adapts a hosted environment to rl_games: torch tensors on `device`, `{'obs': …}`.

    names: the observations that the policy was trained with; () for a flat policy. joined: the observations to
    concatenate, in order. on_step(observations, actions, rewards, dones, successes) is called after every step
    with numpy arrays.
    """

    def __init__(
        self,
        hosted: Hosted,
        device: str | torch.device = 'cpu',
        names: Sequence[str] = (),
        joined: Sequence[str] = (),
        on_step: OnStep | None = None,
    ) -> None:
        self._hosted, self._device, self._on_step = hosted, torch.device(device), on_step
        self._names, self._joined = names, joined
        self._latest: Observations = {}
        self.spaces = _spaces(hosted, names)

    def get_env_info(self) -> dict[str, object]:
        """Return the spaces, from which rl_games builds its network."""
        return {
            **(self.spaces.joined() if self._joined else self.spaces).env_info(),
            'state_space': None,
            'use_global_observations': False,
        }

    @property
    def observation_space(self) -> object:
        return self.get_env_info()['observation_space']

    @property
    def action_space(self) -> object:
        return self.get_env_info()['action_space']

    def get_number_of_agents(self) -> int:
        return self._hosted.agents

    @property
    def value_size(self) -> int:
        return self._hosted.value_size

    def reset(self) -> dict[str, object]:
        """Return the first observations, later the latest ones, as IsaacGymEnvs' tasks do: ended rows reset themselves.

        rl_games calls it again after every episode of a single row, and every 27,000 steps.
        """
        if not self._latest:
            self._latest = self._hosted.reset()
        return {'obs': self._tensors(self._latest)}

    def step(self, actions: torch.Tensor) -> Step:
        """Step with the actions of rl_games' player, a tensor with a row for each environment."""
        taken, shown = actions.detach().cpu().numpy().reshape(self._hosted.rows, self._hosted.num_actions), self._latest
        taken = taken.astype(np.int64 if self.spaces.discrete else np.float32)
        self._latest, rewards, dones, successes = self._hosted.step(taken)
        if self._on_step:
            self._on_step(shown, taken, rewards, dones, successes)
        infos = {} if successes is None else {'successes': self._tensor(successes)}
        reward = self._tensor(rewards)
        # rl_games takes the first of several rewards
        return (
            {'obs': self._tensors(self._latest)},
            reward[None] if self.value_size > 1 else reward,
            self._tensor(dones),
            infos,
        )

    def _tensors(self, observations: Observations) -> torch.Tensor | dict[str, torch.Tensor]:
        if not self._names:
            return self._observation(observations['obs'])
        if not self._joined:
            return {name: self._observation(observations[name]) for name in self._names}
        return torch.cat([self._observation(observations[name]).flatten(1) for name in self._joined], dim=1)

    def _observation(self, array: Array) -> torch.Tensor:
        """Return a tensor of uint8, which rl_games divides by 255, or of float32."""
        tensor = self._tensor(array)
        return tensor if tensor.dtype == torch.uint8 else tensor.float()

    def _tensor(self, array: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


def _spaces(hosted: Hosted, names: Sequence[str]) -> Spaces:
    missing = sorted(set(names or ('obs',)) - set(hosted.shapes))
    if missing:
        raise ConfigurationError(
            f'inputs {missing} are not observations of the environment; it has {sorted(hosted.shapes)}'
        )
    space = hosted.action_space
    bounds = {f'action_{end}': getattr(space, end) for end in ('low', 'high') if hasattr(space, end)}
    return Spaces(
        observation={name: hosted.shapes[name] for name in names} if names else hosted.shapes['obs'],
        action=hosted.actions,
        value_size=hosted.value_size,
        agents=hosted.agents,
        **bounds,
    )


@contextlib.contextmanager
def registered(environment: IVecEnv) -> Iterator[None]:
    """Register an environment under env_name `rlgpu` within the block."""
    configurations, kinds = dict(env_configurations.configurations), dict(vecenv.vecenv_config)
    env_configurations.register(NAME, {'vecenv_type': VECENV, 'env_creator': lambda **_: environment})
    vecenv.register(VECENV, lambda _name, _actors, **_: environment)
    try:
        yield
    finally:
        for registry, before in ((env_configurations.configurations, configurations), (vecenv.vecenv_config, kinds)):
            registry.clear()
            registry.update(before)


def create_rlgpu_player(
    policy: Policy, hosted: Hosted, plugins: Sequence[str] = (), on_step: OnStep | None = None
) -> Player:
    """Return rl_games' own player with the weights of a Policy; rl_games creates the environment itself.

    hosted: an environment with as many rows as the policy. on_step: see RlgpuEnvironment. Raises ConfigurationError
    where environment and policy do not fit.
    """
    names = tuple(policy.spaces.inputs) if policy.spaces.is_dict else ()
    joined = joined_keys(policy.config.params['network'], policy.spaces)
    environment = RlgpuEnvironment(hosted, policy.player.device, names, joined, on_step)
    _check(policy.spaces, environment.spaces)
    with registered(environment):
        player = create_player(
            policy.config,
            environment.spaces.joined() if joined else environment.spaces,
            str(policy.player.device),
            plugins,
            environment=(NAME, policy.rows),
        )
    player.model.load_state_dict(policy.player.model.state_dict())
    player.is_deterministic = policy.deterministic
    return player


def _check(policy: Spaces, environment: Spaces) -> None:
    for name in ('observation', 'action', 'value_size'):
        wanted, found = getattr(policy, name), getattr(environment, name)
        if wanted != found:
            raise ConfigurationError(f"the environment's {name} is {found}; the policy was trained with {wanted}")
