# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime: the step without critic and sampling, fused, with its own buffers."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
import math
from typing import Any

import numpy as np
import onnxruntime
import torch

from rl_policy_node.errors import unknown
from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.export import names
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.backends.player_step import Step
from rl_policy_node.policy.shared_types import Array, BackendState, Observations, Rows

ON_CPU = 'CPUExecutionProvider'
_FEW, _MANY = 64, 256  # rows: fewer are not worth a thread, of more the intermediate values leave the cache


class OnnxBackend(Backend):
    """Runs the ONNX model (bytes) of a Step, which has all rows, or the number of rows that `part_of` returns.

    threads: number for one step; they share the rows if there are many. providers: ONNX Runtime's execution
    providers, first choice first. The session is bound once to the arrays of inputs and outputs; recurrent
    states alternate between two sets of them.
    """

    name = 'onnx'

    def __init__(
        self,
        model: bytes,
        step: Step,
        inputs: Inputs,
        seed: int = 0,
        threads: int = 1,
        providers: Sequence[str] = (ON_CPU,),
    ) -> None:
        super().__init__(inputs)
        parts = math.ceil(inputs.rows / step.rows)
        self._workers = max(1, min(threads, parts))
        self.session = onnxruntime.InferenceSession(
            model, _options(threads // self._workers), providers=list(providers)
        )
        self._noise, self._seed = step.noise, seed
        self._allocate(step, parts)
        self._bindings = [[self._bind(step, part, now) for part in range(parts)] for now in (0, 1)]
        # the method behind the wrapper, which a step of some µs would notice
        self._run = self.session._sess.run_with_iobinding
        self._helpers = ThreadPoolExecutor(self._workers - 1, 'onnx') if self._workers > 1 else None
        self._now = 0
        self.restart()

    @property
    def recurrent(self) -> bool:
        return bool(self._initial)

    def act(self, observations: Observations, hold: Array | None = None) -> Array:
        self.inputs.write(observations, self._arrays)
        if self._draws:
            self._noise.draw(self._draws, self._generator)
        now = self._now
        self._compute(self._bindings[now])
        if self._initial:
            self._now = 1 - now
            if hold is not None and np.any(hold):
                kept = self.indices(np.asarray(hold, dtype=bool))
                for state, old in zip(self._states[1 - now], self._states[now]):
                    state[:, kept] = old[:, kept]
        return self.actions(self._actions.copy())

    def reset(self, rows: Rows = slice(None)) -> None:
        index = rows if isinstance(rows, slice) else self.indices(rows)
        for state, initial in zip(self._states[self._now], self._initial):
            state[:, index] = initial[:, :1]

    def restart(self) -> None:
        self._generator = torch.Generator().manual_seed(self._seed)
        self.reset()

    def state(self) -> BackendState:
        return {
            'recurrent': {
                str(index): state[:, : self.rows].copy() for index, state in enumerate(self._states[self._now])
            },
            'random': self._generator.get_state().numpy().copy(),
        }

    def restore(self, state: BackendState) -> None:
        for index, held in enumerate(self._states[self._now]):
            held[:, : self.rows] = state['recurrent'][str(index)]
        self._generator.set_state(torch.from_numpy(state['random'].copy()))

    def _compute(self, bindings: list[Any]) -> None:
        if self._helpers is None:
            for binding in bindings:
                self._run(binding, None)
            return
        others = [
            self._helpers.submit(self._compute_some, bindings[worker :: self._workers])
            for worker in range(1, self._workers)
        ]
        self._compute_some(bindings[:: self._workers])
        for other in others:
            other.result()

    def _compute_some(self, bindings: list[Any]) -> None:
        for binding in bindings:
            self._run(binding, None)

    def _allocate(self, step: Step, parts: int) -> None:
        """Create the arrays, with spare rows if the parts do not divide the rows evenly, and views without those."""
        rows, total = self.rows, parts * step.rows
        self._whole = {
            key: np.zeros((total, *shape[1:]), self.inputs.dtypes[key]) for key, shape in self.inputs.shapes.items()
        }
        self._arrays = {key: array[:rows] for key, array in self._whole.items()}
        self._initial = [state.cpu().numpy() for state in step.states]
        self._states = [[np.repeat(state[:, :1], total, axis=1) for state in self._initial] for _ in range(2)]
        self._whole_draws = [np.zeros((total, *shape[1:]), np.float32) for _, shape in step.noise.drawn]
        self._draws = [torch.from_numpy(draw[:rows]) for draw in self._whole_draws]
        output = self.session.get_outputs()[0]
        # by rows, whatever the shape in which the player gives them: of a single row it is another
        self._whole_actions = np.zeros((total, math.prod(output.shape) // step.rows), _KINDS[output.type])
        self._actions = self._whole_actions[:rows]

    def _bind(self, step: Step, part: int, now: int) -> Any:
        """Return the binding of a part of the rows, whose states lie in set `now` before the step."""
        inputs, outputs = names(step)
        rows, binding = slice(part * step.rows, (part + 1) * step.rows), self.session.io_binding()
        before, after = (
            [state[layer : layer + 1, rows] for state in states for layer in range(len(state))]
            for states in (self._states[now], self._states[1 - now])
        )
        taken = [*(array[rows] for array in self._whole.values()), *before, *(draw[rows] for draw in self._whole_draws)]
        looked_at = {each.name for each in self.session.get_inputs()}  # an export leaves out what no action needs
        for name, array in zip(inputs, taken):
            if name in looked_at:
                binding.bind_input(name, 'cpu', 0, array.dtype, array.shape, array.ctypes.data)
        shapes = [each.shape for each in self.session.get_outputs()]
        for name, array, shape in zip(outputs, [self._whole_actions[rows], *after], shapes):
            binding.bind_output(name, 'cpu', 0, array.dtype, shape, array.ctypes.data)
        return binding._iobinding


_KINDS = {'tensor(float)': np.float32, 'tensor(int64)': np.int64}


def part_of(rows: int, threads: int, providers: Sequence[str] = (ON_CPU,)) -> int:
    """Return the number of rows to compute at a time: threads share them evenly, and they fit into caches."""
    if tuple(providers) != (ON_CPU,):
        return rows
    workers = max(1, min(threads, rows // _FEW))
    return math.ceil(rows / (workers * math.ceil(rows / (workers * _MANY))))


def providers_for(wanted: Sequence[str], on_gpu: bool) -> list[str]:
    """Return the execution providers to use; raises ConfigurationError for one that this build lacks.

    wanted: names, first choice first; (): CUDA if the policy is on a GPU and this build has it, else the CPU.
    """
    available = onnxruntime.get_available_providers()
    for name in wanted:
        if name not in available:
            raise unknown('execution provider', name, available, 'policy.onnx_providers')
    found = list(wanted) or [name for name in ('CUDAExecutionProvider',) if on_gpu and name in available]
    return [*found, *(name for name in (ON_CPU,) if name not in found)]


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # helper threads spin during a step, which is short, and free the core as soon as it is over
    options.add_session_config_entry('session.intra_op.allow_spinning', '1')
    options.add_session_config_entry('session.force_spinning_stop', '1')
    options.log_severity_level = 4  # what fails is raised, too
    return options
