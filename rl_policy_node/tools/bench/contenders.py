# SPDX-License-Identifier: Apache-2.0
"""Who takes a step: rl_games' player, our backends, and what each backend rests on, bare."""
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import set_threads
from rl_policy_node.tools.bench.names import BARE, EAGER, GRAPH, ONNX, PLAYER, WITH_COPIES


def backends(device):
    """Return the names of the backends that a device may have."""
    return (EAGER, ONNX, GRAPH) if device.startswith('cuda') else (EAGER, ONNX)


def contenders(model, folder, rows, threads, device='cpu'):
    """Return (name → a step as a call without arguments, backend → why it is not there)."""
    set_threads(threads)
    observations = model.observations(rows)
    calls = {PLAYER: player_call(model.load(folder, rows, EAGER, device).player, observations)}
    missing = {}
    for name in backends(device):
        try:
            policy = load(model, folder, rows, name, device, threads)
        except ConfigurationError as error:
            missing[name] = str(error)
            continue
        calls[name] = policy_call(policy, observations)
        calls |= bare_calls(name, policy, observations, threads)
    return calls, missing


def load(model, folder, rows, backend, device, threads):
    """Return the Policy with that very backend; raises ConfigurationError where another one stepped in."""
    # on the CPU, which is what ONNX Runtime falls back to, it would be no contender of a GPU
    providers = ('CUDAExecutionProvider',) if backend == ONNX and device.startswith('cuda') else ()
    policy = model.load(folder, rows, backend, device, threads, providers)
    if backend != EAGER and policy.backend.name != backend:
        raise ConfigurationError(f'{policy.backend_report}')
    return policy


def player_call(player, observations):
    """Return a step as a user of rl_games takes it: from numpy, get_action, to numpy; the player keeps its state."""
    def tensor(array):
        return torch.from_numpy(array).to(player.device)

    def call():
        given = {key: tensor(array) for key, array in observations.items()} if isinstance(observations, dict) else \
            tensor(observations)
        return player.get_action(given, True).cpu().numpy()
    return call


def policy_call(policy, observations):
    """Return a step as the node takes it."""
    return lambda: policy.act(observations)


def bare_calls(name, policy, observations, threads=1):
    """Return name → call of what a backend rests on, without anything of ours around it."""
    if name == ONNX:
        # not where ONNX Runtime is missing
        from rl_policy_node.policy.backends.bare import bare_onnx
        return {BARE[name]: bare_onnx(policy, threads)}
    return graph_calls(policy, observations) if name == GRAPH else {}


def graph_calls(policy, observations):
    """Return the replay of the backend's graph alone, and with one copy to the device and one back."""
    device, stream, graph = policy.player.device, policy.backend.stream, policy.backend.graph
    arrays = list(observations.values()) if isinstance(observations, dict) else [observations]
    size = sum(array.nbytes for array in arrays)
    inward, outward = (torch.empty(count, dtype=torch.uint8, pin_memory=True)
                       for count in (size, policy.rows * policy.spaces.num_actions * 4))
    there, back = inward.to(device), outward.to(device)

    def with_copies():
        # one after the other, as a step needs them: on a stream of their own the copies would overlap the graph
        with torch.cuda.stream(stream):
            there.copy_(inward, non_blocking=True)
            graph.replay()
            outward.copy_(back, non_blocking=True)
        stream.synchronize()
    return {BARE[GRAPH]: policy.backend.replay, WITH_COPIES: with_copies}
