# SPDX-License-Identifier: Apache-2.0
"""Make the backends that can replace rl_games' player."""
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
import functools
from importlib.metadata import PackageNotFoundError, version
import importlib.util
import logging
from typing import TypeAlias

import torch

from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.cache import Cache, key_of
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.backends.player_step import Step
from rl_policy_node.policy.run.train_config import TrainConfig
from rl_policy_node.policy.shared_types import Player

_VERSIONS = ('torch', 'rl-games', 'onnxruntime', 'onnx')
_log = logging.getLogger(__name__)
# makes a backend; raises what an exporter or a runtime raises on what it lacks
Maker: TypeAlias = Callable[[], Backend]


@dataclass(frozen=True)
class Setup:
    """What backends are made from.

    threads: CPU threads of a step. tolerance: of actions, see `difference`. providers: of ONNX Runtime, in order.
    """

    player: Player
    inputs: Inputs
    deterministic: bool = True
    config: TrainConfig | None = None
    threads: int = 1
    tolerance: float = 1e-5
    providers: tuple[str, ...] = ()
    cache: Cache = field(default_factory=Cache)

    @property
    def on_gpu(self) -> bool:
        """Whether the player computes on a GPU."""
        return torch.device(self.player.device).type == 'cuda'

    @property
    def seed(self) -> int:
        """Where the random stream begins."""
        return self.player.seed or 0

    def step(self, rows: int | None = None) -> Step:
        """Return the player's step as a function of all rows, or of fewer."""
        inputs = self.inputs if rows is None else self.inputs.of(rows)
        return Step(self.player, inputs, self.deterministic)


class Unavailable(Exception):
    """This machine lacks what a backend needs; not an error by itself."""


def makers(name: str, setup: Setup) -> Iterator[Maker]:
    """Yield functions that make the backend of a name, the cheaper way first.

    Raises Unavailable, and ConfigurationError for what was asked for wrongly.
    """
    yield from {'onnx': _onnx, 'cuda_graph': _cuda_graph}[name](setup)


def _onnx(setup: Setup) -> Iterator[Maker]:
    if not _installed('onnxruntime'):
        raise Unavailable('onnxruntime is not installed: pip install rl_policy_node[onnx]')
    # not before it is known to be there
    from rl_policy_node.policy.backends.onnx import OnnxBackend, part_of, providers_for
    providers = providers_for(setup.providers, setup.on_gpu)
    rows = part_of(setup.inputs.rows, setup.threads, providers)
    step = functools.cache(lambda: setup.step(rows))

    def made(model: bytes) -> Backend:
        return OnnxBackend(model, step(), setup.inputs, setup.seed, setup.threads, providers)

    key = key_of(setup.player, setup.config, setup.inputs.of(rows), setup.deterministic, _versions())
    kept = setup.cache.read(key)
    if kept is not None:
        yield lambda: made(kept)
    yield lambda: made(_exported(step(), key, setup.cache))


def _exported(step: Step, key: str, cache: Cache) -> bytes:
    if not _installed('onnx'):
        raise Unavailable('onnx is not installed: pip install rl_policy_node[onnx]')
    from rl_policy_node.policy.backends.export import export
    model = export(step)
    problem = cache.write(key, model)
    if problem:
        _log.warning('the export is not kept: %s', problem)
    return model


def _cuda_graph(setup: Setup) -> Iterator[Maker]:
    if not setup.on_gpu:
        raise Unavailable(f'the policy is on {setup.player.device}; expected a CUDA device')
    from rl_policy_node.policy.backends.cuda_graph import CudaGraphBackend
    yield lambda: CudaGraphBackend(setup.step(), setup.inputs, setup.seed)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _versions() -> dict[str, str]:
    found = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ''
    return found
