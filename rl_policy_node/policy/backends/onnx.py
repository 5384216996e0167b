"""ONNX Runtime: the step without critic and sampling, fused, in buffers of its own."""
import numpy as np
import onnxruntime
import torch

from rl_policy_node.errors import unknown
from rl_policy_node.policy.backends.base import Backend
from rl_policy_node.policy.backends.export import names

ON_CPU = 'CPUExecutionProvider'


class OnnxBackend(Backend):
    """Runs the ONNX model (bytes) of a Step.

    threads: that compute one step. providers: ONNX Runtime's execution providers, first choice first. Inputs and
    outputs lie in arrays that the session is bound to once; recurrent states go to and fro between two sets of them.
    """

    name = 'onnx'

    def __init__(self, model, step, inputs, seed=0, threads=1, providers=(ON_CPU,)):
        super().__init__(inputs)
        self.session = onnxruntime.InferenceSession(model, _options(threads), providers=list(providers))
        self._noise, self._seed = step.noise, seed
        self._draws = step.noise.tensors('cpu')
        self._arrays = inputs.zeros()
        self._actions = _empty(self.session.get_outputs()[0])
        self._states = [[state.cpu().numpy() for state in step.states] for _ in range(2)]
        self._initial = [state.copy() for state in self._states[0]]
        self._bindings = [self._bind(names(step), self._states[now], self._states[1 - now]) for now in (0, 1)]
        # the methods behind the wrappers, which a step of some µs would notice
        self._run = self.session._sess.run_with_iobinding
        self._now = 0
        self.restart()

    @property
    def recurrent(self):
        return bool(self._initial)

    def act(self, observations, hold=None):
        self.inputs.write(observations, self._arrays)
        if self._draws:
            self._noise.draw(self._draws, self._generator)
        now = self._now
        self._run(self._bindings[now]._iobinding, None)
        if self._initial:
            self._now = 1 - now
            if hold is not None and np.any(hold):
                kept = self.indices(np.asarray(hold, dtype=bool))
                for state, old in zip(self._states[1 - now], self._states[now]):
                    state[:, kept] = old[:, kept]
        return self.actions(self._actions.copy())

    def reset(self, rows=None):
        index = slice(None) if rows is None else self.indices(rows)
        for state, initial in zip(self._states[self._now], self._initial):
            state[:, index] = initial[:, index]

    def restart(self):
        self._generator = torch.Generator().manual_seed(self._seed)
        self.reset()

    def _bind(self, named, states, next_states):
        inputs, outputs = named
        binding = self.session.io_binding()
        for name, array in zip(inputs, [*self._arrays.values(), *states, *(draw.numpy() for draw in self._draws)]):
            binding.bind_input(name, 'cpu', 0, array.dtype, array.shape, array.ctypes.data)
        for name, array in zip(outputs, [self._actions, *next_states]):
            binding.bind_output(name, 'cpu', 0, array.dtype, array.shape, array.ctypes.data)
        return binding


def providers_for(wanted, on_gpu):
    """Return the execution providers to use; raises ConfigurationError for one that this build lacks.

    wanted: names, first choice first; () for CUDA where the policy is on a GPU and this build has it, else the CPU.
    """
    available = onnxruntime.get_available_providers()
    for name in wanted:
        if name not in available:
            raise unknown('execution provider', name, available, 'policy.onnx_providers')
    found = list(wanted) or [name for name in ('CUDAExecutionProvider',) if on_gpu and name in available]
    return [*found, *(name for name in (ON_CPU,) if name not in found)]


def _options(threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # helpers spin within a step, which is short, and leave the core to others as soon as it is over
    options.add_session_config_entry('session.intra_op.allow_spinning', '1')
    options.add_session_config_entry('session.force_spinning_stop', '1')
    options.log_severity_level = 3
    return options


def _empty(output):
    kinds = {'tensor(float)': np.float32, 'tensor(int64)': np.int64}
    return np.zeros(output.shape, kinds[output.type])
