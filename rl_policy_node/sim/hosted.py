# SPDX-License-Identifier: Apache-2.0
"""One face for every environment that keeps IsaacGymEnvs' contract: numpy in, numpy out."""
from collections.abc import Mapping
import threading
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from rl_policy_node.sim import worker
from rl_policy_node.sim.environment_specs import Observations, Transition


class EnvironmentDescription:
    """What a NumpyEnvironment says about its environment, as the rest of the package asks for it."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.about = about
        self.rows: int = about['rows']
        self.agents: int = about['agents']
        self.value_size: int = about['value_size']
        self.control_rate: float | None = about['control_rate']     # steps per second it was made for, or None
        self.shapes: dict[str, tuple[int, ...]] = {name: tuple(shape) for name, (shape, _) in about['inputs'].items()}
        self.dtypes = {name: np.dtype(dtype) for name, (_, dtype) in about['inputs'].items()}
        self.num_actions: int = worker.num_actions(about['action_space'])
        self.observation_space = space(about['observation_space'])
        self.action_space = space(about['action_space'])

    @property
    def actions(self) -> int | dict[str, Any]:
        """How many numbers a row takes, or its choices: {'discrete': n}, {'multi_discrete': [n, …]}."""
        described = self.about['action_space']
        if described['kind'] == 'Discrete':
            return {'discrete': described['n']}
        if described['kind'] == 'Tuple':
            return {'multi_discrete': [each['n'] for each in described['spaces']]}
        return {'multi_discrete': described['nvec']} if described['kind'] == 'MultiDiscrete' else self.num_actions


class HostedEnvironment(EnvironmentDescription):
    """An environment in this process; every array that it hands out is the caller's to keep.

    The environment is reset as it is wrapped, and the first reset() hands out what it observed then.
    """

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        wrapped = isinstance(environment, worker.NumpyEnvironment)
        self._wrapped = environment if wrapped else worker.NumpyEnvironment(environment)
        super().__init__(self._wrapped.about)
        self._lock = threading.Lock()       # close() may come while another thread still steps
        self._qpos: NDArray[Any] | None = None

    @property
    def qpos(self) -> NDArray[Any] | None:
        """Generalised positions (rows, n) for rendering, or None."""
        return self._qpos

    def reset(self) -> Observations:
        """Return the observations of new episodes in every row: input → (rows, …)."""
        with self._lock:
            out = self._arrays()
            self._wrapped.reset(out)
        return self._observations(out)

    def step(self, actions: NDArray[Any]) -> Transition:
        """Take actions (rows, num_actions); a row that is done comes back already reset.

        Returns observations, rewards (rows,), dones (rows,) bool, and successes (rows,) bool or None.
        """
        with self._lock:
            out = self._arrays()
            successes = self._wrapped.step(actions, out)
        return self._observations(out), out['rewards'], out['dones'], out['successes'] if successes else None

    def check(self) -> None:
        """Do nothing: what is in this process is there as long as this process is."""

    def close(self) -> None:
        """End the environment."""
        with self._lock:
            self._wrapped.close()

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {name: np.empty(*field) for name, field in worker.fields(self.about) if name != 'actions'}

    def _observations(self, out: dict[str, NDArray[Any]]) -> Observations:
        self._qpos = out.get('qpos')
        return {name: out['obs/' + name] for name in self.shapes}


def space(described: Mapping[str, Any]) -> gymnasium.Space[Any]:
    """Return the gymnasium space that a description is of."""
    kind, spaces = described['kind'], described.get('spaces')
    if kind == 'Box':
        low, high = (np.broadcast_to(np.asarray(described[bound], described['dtype']), described['shape'])
                     for bound in ('low', 'high'))
        return gymnasium.spaces.Box(low, high, dtype=np.dtype(described['dtype']).type)
    if kind == 'Dict':
        return gymnasium.spaces.Dict({name: space(each) for name, each in spaces.items()})
    if kind == 'Tuple':
        return gymnasium.spaces.Tuple([space(each) for each in spaces])
    return gymnasium.spaces.Discrete(described['n']) if kind == 'Discrete' else \
        gymnasium.spaces.MultiDiscrete(described['nvec'])
