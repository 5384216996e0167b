# SPDX-License-Identifier: Apache-2.0
"""CUDA graphs: a whole step as one launch."""

import torch

from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.backends.player_step import Step
from rl_policy_node.policy.backends.static import StaticStep
from rl_policy_node.policy.shared_types import Array, BackendState, Observations, Rows

_WARM_UP = 3  # steps before the capture, in which libraries choose their kernels and take their memory


class CudaGraphBackend(Backend):
    """Replays a captured graph of a Step; one graph computes all rows.

    graph: the captured torch.cuda.CUDAGraph. stream: for capture and replay.
    """

    name = 'cuda_graph'

    def __init__(self, step: Step, inputs: Inputs, seed: int = 0) -> None:
        super().__init__(inputs)
        self._device, self._seed = torch.device(step.device), seed
        self._static = StaticStep(step, inputs, self._device)
        self.stream, self.graph = torch.cuda.Stream(self._device), torch.cuda.CUDAGraph()
        self._capture()
        self.restart()

    @property
    def recurrent(self) -> bool:
        return bool(self._static.states)

    def act(self, observations: Observations, hold: Array | None = None) -> Array:
        static = self._static
        static.stage(observations, hold)
        with torch.cuda.stream(self.stream):
            if static.noise:
                static.draw(self._generator)
            static.upload()
            self.graph.replay()
            static.download()
        self.stream.synchronize()
        return self.actions(static.actions.copy())

    def replay(self) -> None:
        """Compute the step on the data on the device, and wait: a step without its copies."""
        with torch.cuda.stream(self.stream):
            self.graph.replay()
        self.stream.synchronize()

    def reset(self, rows: Rows = slice(None)) -> None:
        with torch.cuda.stream(self.stream):
            index = rows if isinstance(rows, slice) else torch.from_numpy(self.indices(rows)).to(self._device)
            self._static.reset(index)
        self.stream.synchronize()

    def restart(self) -> None:
        self._generator = torch.Generator(self._device).manual_seed(self._seed)
        self.reset()

    def state(self) -> BackendState:
        return {'recurrent': self._static.kept(), 'random': self._generator.get_state().numpy().copy()}

    def restore(self, state: BackendState) -> None:
        with torch.cuda.stream(self.stream):
            self._static.restore(state['recurrent'])
        self.stream.synchronize()
        self._generator.set_state(torch.from_numpy(state['random'].copy()))

    def _capture(self) -> None:
        self.stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self.stream):
            for _ in range(_WARM_UP):
                self._static.upload()
                self._static.compute()
                self._static.download()
        self.stream.synchronize()
        # other threads may use the GPU meanwhile
        with torch.cuda.graph(self.graph, stream=self.stream, capture_error_mode='thread_local'):
            self._static.compute()
        self.stream.synchronize()
