# SPDX-License-Identifier: Apache-2.0
"""An environment in the process of another Python, with the interface of one in this process."""

from collections.abc import Callable, Mapping, Sequence
import os

import numpy as np

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim import worker
from rl_policy_node.sim.environment_specs import Array, EnvironmentSpec, Observations, Transition
from rl_policy_node.sim.hosted import EnvironmentDescription
from rl_policy_node.sim.worker_process import WorkerProcess


class RemoteEnvironment(EnvironmentDescription):
    """Like HostedEnvironment, but the environment is in a process of the interpreter `spec.python.interpreter`.

    target, options: as for worker.make(). Every failure ends the process and raises one error:
    ConfigurationError, worker.Unfit, or SimulationError with the worker's own traceback or last output.
    """

    def __init__(
        self, spec: EnvironmentSpec, target: str, options: Mapping[str, object], log: Callable[[str], object]
    ) -> None:
        path = folders_of(spec.python.path)
        self._process = WorkerProcess(spec, log)
        try:
            _, about = self._process.ask(
                worker.MAKE,
                spec.python.start_timeout,
                'while the environment was made and reset',
                {'target': target, 'num_envs': spec.rows, 'seed': spec.seed, 'options': dict(options), 'path': path},
            )
            super().__init__(about)
            os.truncate(self._process.memory, worker.memory_size(about))
            self._arrays: dict[str, Array] = worker.mapped(self._process.memory, about)
            self._process.ask(worker.MAP, spec.python.start_timeout, 'while it mapped shared memory')
        except BaseException:
            self._process.close()
            raise
        # simulators finish building in their first step, which takes longer
        self._timeout, self._step_timeout = spec.python.start_timeout, spec.python.step_timeout

    @property
    def qpos(self) -> Array | None:
        """Generalised positions (rows, n) for rendering, or None."""
        return self._arrays['qpos'].copy() if 'qpos' in self._arrays else None

    @property
    def raw(self) -> dict[str, Array] | None:
        """Raw state after the last reset or step, name → (rows, …) as `scene` says, or None; read when asked."""
        if self.scene is None:
            return None
        self._process.ask(worker.RAW, self._timeout, 'in raw()')
        return {name[4:]: value.copy() for name, value in self._arrays.items() if name.startswith('raw/')}

    def reset(self) -> Observations:
        """Begin new episodes in every row; return their observations: input → (rows, …)."""
        self._process.ask(worker.RESET, self._timeout, 'in reset()')
        return self._observations()

    def step(self, actions: Array) -> Transition:
        """Step with actions (rows, num_actions); a row that is done is returned already reset.

        Returns observations, rewards (rows,), dones (rows,) bool, and successes (rows,) bool or None.
        """
        arrays = self._arrays
        if arrays:  # else the environment has ended, which ask() raises
            np.copyto(arrays['actions'], actions, casting='unsafe')
        successes, _ = self._process.ask(worker.STEP, self._timeout, 'in step()')
        self._timeout = self._step_timeout
        return (
            self._observations(),
            arrays['rewards'].copy(),
            arrays['dones'].copy(),
            arrays['successes'].copy() if successes else None,
        )

    def check(self) -> None:
        """Raise SimulationError if the process has ended or is stopped between two orders."""
        self._process.check()

    def close(self) -> None:
        """End the environment and its process; later calls do nothing."""
        self._process.close()
        self._arrays = {}

    def _observations(self) -> Observations:
        return {name: self._arrays['obs/' + name].copy() for name in self.shapes}


def folders_of(python_path: Sequence[str]) -> list[str]:
    """Return the absolute paths of folders; raises ConfigurationError for one that does not exist."""
    folders = [os.path.abspath(os.path.expanduser(folder)) for folder in python_path]
    for given, folder in zip(python_path, folders):
        if not os.path.isdir(folder):
            raise ConfigurationError(f"sim.python_path has '{given}', which is no folder")
    return folders
