# SPDX-License-Identifier: Apache-2.0
"""A step of a player as a function: observations, states and noise in, actions and states out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
import warnings

import torch

from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.backends.sampling_noise import Noise
from rl_policy_node.policy.rl_games.quiet import quiet
from rl_policy_node.policy.shared_types import Player


class Step(torch.nn.Module):
    """rl_games' `get_action` as a pure function: the state of the player becomes arguments and results.

    forward(*tensors): the observations by `keys`, the states, the noise → (actions, *states). It only has states on
    which actions will depend: a critic's own are left out. example: arguments of forward.
    """

    def __init__(self, player: Player, inputs: Inputs, deterministic: bool) -> None:
        super().__init__()
        self.model = player.model  # registered, so that a trace knows its parameters
        self.eval()  # the exporter restores the mode that it finds, and would put the player into training mode
        self._player, self._inputs, self._deterministic = player, inputs, deterministic
        self.keys, self.noise = tuple(inputs.shapes), Noise(deterministic)
        self._initial = self._initial_states()
        self._kept = list(range(len(self._initial)))
        self._observations = [torch.from_numpy(array).to(player.device) for array in inputs.zeros().values()]
        with self.noise.recorded():
            self._act(self._observations, self._initial)
        if self._initial:
            self._kept = _needed(self.traced().inlined_graph, len(self.keys), len(self._initial))

    @property
    def rows(self) -> int:
        """Number of rows of the step."""
        return self._inputs.rows

    @property
    def device(self) -> str | torch.device:
        """Device that computes the step."""
        return self._player.device

    @property
    def states(self) -> list[torch.Tensor]:
        """The initial states, each (layers, rows, units), on which actions will depend."""
        return [self._initial[index].clone() for index in self._kept]

    @property
    def example(self) -> tuple[torch.Tensor, ...]:
        """The tensors of a first step."""
        return (*self._observations, *self.states, *self.noise.tensors(self._player.device))

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        observations, rest = tensors[: len(self.keys)], tensors[len(self.keys) :]
        states = list(self._initial)
        for index, state in zip(self._kept, rest):
            states[index] = state
        with self.noise.given(rest[len(self._kept) :]):
            actions, states = self._act(observations, states)
        return (actions, *(states[index] for index in self._kept))

    def traced(self) -> torch.jit.ScriptModule:
        """Return the step as TorchScript, for these rows, without computations that no output needs."""
        return traced(self, self.model)

    def _initial_states(self) -> list[torch.Tensor]:
        if not getattr(self._player, 'is_rnn', False):
            return []
        player = self._player
        kept = player.states, player.batch_size
        player.batch_size = self.rows
        player.reset()
        states = list(player.states)
        player.states, player.batch_size = kept
        return states

    def _act(
        self, observations: Sequence[torch.Tensor], states: list[torch.Tensor]
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        player = self._player
        kept = player.states
        try:
            player.states = states or kept
            # a new dict, because a player may change the one that it is given
            tensors = self._inputs.for_player(dict(zip(self.keys, observations)))
            actions = player.get_action(tensors, self._deterministic)
            return actions, list(player.states) if states else []
        finally:
            player.states = kept


def traced(module: torch.nn.Module, model: torch.nn.Module) -> torch.jit.ScriptModule:
    """Return a module with an `example`, around a rl_games model, as TorchScript."""
    from rl_policy_node.policy.networks.dict_normalizer import unscripted  # it imports rl_games

    with torch.no_grad(), warnings.catch_warnings(), quiet(), unscripted(model):
        warnings.simplefilter('ignore')  # of checks that the rows are as many as they are
        script: torch.jit.ScriptModule = torch.jit.trace(module, module.example, check_trace=False)
        return script


def _needed(graph: Any, observations: int, states: int) -> list[int]:
    """Return the indices of the states on which actions depend, directly or through other states.

    graph: of a traced step, whose inputs after `self` are the observations, the states, the noise.
    """
    nodes = list(graph.nodes())
    if any(node.kind().endswith('_') for node in nodes):
        return list(range(states))  # what is changed in place has more makers than the graph names
    makers = {name: node for node in nodes for name in _names(node.outputs())}
    taken = _names(graph.inputs())[1 + observations : 1 + observations + states]
    returned = makers[next(graph.outputs()).debugName()]  # a tuple
    sources = [_sources(name, makers) for name in _names(returned.inputs())]
    needed, before = {index for index in range(states) if taken[index] in sources[0]}, set[int]()
    while needed != before:
        before = needed
        needed = needed | {index for index in range(states) for other in before if taken[index] in sources[1 + other]}
    return sorted(needed)


def _sources(name: str, makers: Mapping[str, Any]) -> set[str]:
    """Return the names of all values on which a value depends."""
    found, left = set[str](), [name]
    while left:
        value = left.pop()
        if value not in found:
            found.add(value)
            left += _looked_at(value, makers) if value in makers else []
    return found


def _looked_at(value: str, makers: Mapping[str, Any]) -> list[str]:
    """Return the names of the inputs from which a value is computed."""
    node = makers[value]
    names = _names(node.inputs())
    if node.kind() == 'prim::TupleUnpack' and names[0] in makers:
        packed = makers[names[0]]
        if packed.kind() == 'prim::TupleConstruct':
            # through the tuple, all that a network returns would hang together
            return [_names(packed.inputs())[_names(node.outputs()).index(value)]]
    return names + [name for block in node.blocks() for name in _taken_within(block)]


def _taken_within(block: Any) -> list[str]:
    """Return the names of the values that a branch uses, including its own."""
    names = _names(block.outputs())
    for node in block.nodes():
        names += _names(node.inputs()) + [name for inner in node.blocks() for name in _taken_within(inner)]
    return names


def _names(values: Iterable[Any]) -> list[str]:
    return [value.debugName() for value in values]
