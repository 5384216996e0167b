# SPDX-License-Identifier: Apache-2.0
"""The contenders for a step: rl_games' player, our backends, and the bare engine below each backend."""

from pathlib import Path
from typing import Any, Protocol

import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, set_threads
from rl_policy_node.tools.bench.models import Array, Model, Observations
from rl_policy_node.tools.bench.names import BARE, EAGER, GRAPH, ONNX, PLAYER, WITH_COPIES
from rl_policy_node.tools.bench.timing import Call


class Player(Protocol):
    """The part of rl_games' player that a step uses."""

    @property
    def device(self) -> torch.device | str: ...

    def get_action(self, observations: object, deterministic: bool, /) -> torch.Tensor: ...


def backends(device: str) -> tuple[str, ...]:
    """Return the names of the backends of a device."""
    return (EAGER, ONNX, GRAPH) if device.startswith('cuda') else (EAGER, ONNX)


def contenders(
    model: Model, folder: Path, rows: int, threads: int, device: str = 'cpu'
) -> tuple[dict[str, Call], dict[str, str]]:
    """Return (name → a step as a call without arguments, backend → why it is missing)."""
    set_threads(threads)
    observations = model.observations(rows)
    calls: dict[str, Call] = {PLAYER: player_call(model.load(folder, rows, EAGER, device).player, observations)}
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


def load(model: Model, folder: Path, rows: int, backend: str, device: str, threads: int) -> Policy:
    """Return the Policy with exactly this backend; raises ConfigurationError if it fell back to another."""
    # ONNX Runtime would fall back to the CPU, which does not compare with a GPU
    providers = ('CUDAExecutionProvider',) if backend == ONNX and device.startswith('cuda') else ()
    policy = model.load(folder, rows, backend, device, threads, providers)
    if backend != EAGER and policy.backend.name != backend:
        raise ConfigurationError(f'{policy.backend_report}')
    return policy


def player_call(player: Player, observations: Observations) -> Call:
    """Return the step of a user of rl_games: from numpy, get_action, to numpy; the player keeps its state."""

    def tensor(array: Array) -> torch.Tensor:
        return torch.from_numpy(array).to(player.device)

    def call() -> object:
        given = (
            {key: tensor(array) for key, array in observations.items()}
            if isinstance(observations, dict)
            else tensor(observations)
        )
        return player.get_action(given, True).cpu().numpy()

    return call


def policy_call(policy: Policy, observations: Observations) -> Call:
    """Return the step of the node."""
    return lambda: policy.act(observations)


def bare_calls(name: str, policy: Policy, observations: Observations, threads: int = 1) -> dict[str, Call]:
    """Return name → call of the bare engine below a backend.

    Of a graph: its replay alone, and with one copy to the device and one back.
    """
    if name == ONNX:
        # only here: ONNX Runtime may be missing
        from rl_policy_node.policy.backends.bare import bare_onnx

        return {BARE[name]: bare_onnx(policy, threads)}
    if name != GRAPH:
        return {}
    backend: Any = policy.backend  # the CUDA graph
    device, stream, graph = policy.player.device, backend.stream, backend.graph
    arrays = list(observations.values()) if isinstance(observations, dict) else [observations]
    size = sum(array.nbytes for array in arrays)
    inward, outward = (
        torch.empty(count, dtype=torch.uint8, pin_memory=True)
        for count in (size, policy.rows * policy.spaces.num_actions * 4)
    )
    received, result = inward.to(device), outward.to(device)

    def with_copies() -> None:
        # one after the other, as in a step: on another stream the copies would overlap the graph
        with torch.cuda.stream(stream):
            received.copy_(inward, non_blocking=True)
            graph.replay()
            outward.copy_(result, non_blocking=True)
        stream.synchronize()

    return {BARE[GRAPH]: backend.replay, WITH_COPIES: with_copies}
