# SPDX-License-Identifier: Apache-2.0
"""One interface, with numpy arrays, for every environment with IsaacGymEnvs' contract."""

from collections.abc import Mapping
import threading
from typing import Any, TypeAlias

import gymnasium
import numpy as np

from rl_policy_node.sim import worker
from rl_policy_node.sim.environment_specs import Array, Observations, Transition

# a space of gymnasium: Box, Dict, Tuple, Discrete or MultiDiscrete
Space: TypeAlias = gymnasium.Space[Any]


class EnvironmentDescription:
    """Rows, inputs, spaces and rate of an environment, from its NumpyEnvironment.about."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.rows: int = about['rows']
        self.agents: int = about['agents']
        self.value_size: int = about['value_size']
        self.control_rate: float | None = about['control_rate']  # Hz, that it was made for, or None
        self.scene: dict[str, Any] | None = about['scene']  # what its raw state has, None without one
        self.shapes: dict[str, tuple[int, ...]] = {name: tuple(shape) for name, (shape, _) in about['inputs'].items()}
        self.dtypes = {name: np.dtype(dtype) for name, (_, dtype) in about['inputs'].items()}
        self.num_actions: int = worker.num_actions(about['action_space'])
        self.observation_space = _space(about['observation_space'])
        self.action_space = _space(about['action_space'])

    @property
    def actions(self) -> int | dict[str, int | list[int]]:
        """Number of continuous actions of a row, or its choices: {'discrete': n}, {'multi_discrete': [n, …]}."""
        described = self.about['action_space']
        if described['kind'] == 'Discrete':
            return {'discrete': described['n']}
        if described['kind'] == 'Tuple':
            return {'multi_discrete': [each['n'] for each in described['spaces']]}
        return {'multi_discrete': described['nvec']} if described['kind'] == 'MultiDiscrete' else self.num_actions


class HostedEnvironment(EnvironmentDescription):
    """An environment in this process; the caller may keep every array that it returns.

    The constructor resets the environment, and the first reset() returns the observations of that.
    """

    def __init__(self, environment: object) -> None:
        self.environment = environment
        self._wrapped = (
            environment if isinstance(environment, worker.NumpyEnvironment) else worker.NumpyEnvironment(environment)
        )
        super().__init__(self._wrapped.about)
        self._lock = threading.Lock()  # close() may come while another thread still steps
        self._qpos: Array | None = None

    @property
    def qpos(self) -> Array | None:
        """Generalised positions (rows, n) for rendering, or None."""
        return self._qpos

    @property
    def raw(self) -> dict[str, Array] | None:
        """Raw state after the last reset or step, name → (rows, …) as `scene` says, or None; read when asked."""
        if self.scene is None:
            return None
        with self._lock:
            out = self._arrays('raw/')
            self._wrapped.raw(out)
        return {name[len('raw/') :]: value for name, value in out.items()}

    def reset(self) -> Observations:
        """Begin new episodes in every row; return their observations: input → (rows, …)."""
        with self._lock:
            out = self._arrays()
            self._wrapped.reset(out)
        return self._observations(out)

    def step(self, actions: Array) -> Transition:
        """Step with actions (rows, num_actions); a row that is done is returned already reset.

        Returns observations, rewards (rows,), dones (rows,) bool, and successes (rows,) bool or None.
        """
        with self._lock:
            out = self._arrays()
            successes = self._wrapped.step(actions, out)
        return self._observations(out), out['rewards'], out['dones'], out['successes'] if successes else None

    def check(self) -> None:
        """Do nothing: an environment in this process lives as long as the process."""

    def close(self) -> None:
        """End the environment."""
        with self._lock:
            self._wrapped.close()

    def _arrays(self, wanted: str = '') -> dict[str, Array]:
        """Return new arrays of the results: those of a step, or those whose name begins with `wanted`."""
        return {
            name: np.empty(*field)
            for name, field in worker.fields(self.about)
            if (name.startswith(wanted) if wanted else not name.startswith(('actions', 'raw/')))
        }

    def _observations(self, out: dict[str, Array]) -> Observations:
        self._qpos = out.get('qpos')
        return {name: out['obs/' + name] for name in self.shapes}


def _space(described: Mapping[str, Any]) -> Space:
    """Return the gymnasium space of a description by worker.describe()."""
    kind = described['kind']
    if kind == 'Box':
        low, high = (
            np.broadcast_to(np.asarray(described[bound], described['dtype']), described['shape'])
            for bound in ('low', 'high')
        )
        return gymnasium.spaces.Box(low, high, dtype=np.dtype(described['dtype']).type)
    if kind == 'Dict':
        return gymnasium.spaces.Dict({name: _space(each) for name, each in described['spaces'].items()})
    if kind == 'Tuple':
        return gymnasium.spaces.Tuple([_space(each) for each in described['spaces']])
    return (
        gymnasium.spaces.Discrete(described['n'])
        if kind == 'Discrete'
        else gymnasium.spaces.MultiDiscrete(described['nvec'])
    )
