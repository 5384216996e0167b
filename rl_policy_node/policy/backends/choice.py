"""Which backend acts: what was asked for, or the fastest that acts as rl_games' player does."""
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
import importlib.util
import logging
import time
from typing import NamedTuple

import numpy as np
import torch

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.backends.cache import Cache, key_of
from rl_policy_node.policy.backends.eager import EagerBackend
from rl_policy_node.policy.backends.step import Step
from rl_policy_node.policy.backends.verify import difference

_log = logging.getLogger(__name__)

BACKENDS = ('auto', 'eager', 'onnx', 'cuda_graph')
_VERSIONS = ('torch', 'rl-games', 'onnxruntime', 'onnx')


@dataclass(frozen=True)
class Setup:
    """What backends are made from. threads: CPU threads of a step. tolerance: of actions, see `difference`."""

    player: object
    inputs: object
    deterministic: bool = True
    config: object = None
    threads: int = 1
    tolerance: float = 1e-5
    providers: tuple = ()
    cache: Cache = field(default_factory=Cache)


class Unavailable(Exception):
    """A backend cannot be had, for a reason that is no fault."""


class Choice(NamedTuple):
    """A backend; a line that says why it is this one; whether it stands in for one that does not do."""

    backend: object
    told: str
    fell_back: bool = False


def choose(name, setup):
    """Return the Choice for a name out of BACKENDS.

    A backend that differs from the player by more than the tolerance, or that cannot be built, is replaced by eager.
    Raises ConfigurationError for a name that is none, and for a backend asked for that this machine does not have.
    """
    if name not in BACKENDS:
        raise unknown('backend', name, BACKENDS)
    eager = EagerBackend(setup.player, setup.inputs, setup.deterministic)
    if name == 'eager':
        return Choice(eager, "backend eager: rl_games' player")
    wanted = name if name != 'auto' else 'cuda_graph' if _on_gpu(setup.player) else 'onnx'
    try:
        choice = _verified(wanted, eager, setup)
    except Unavailable as reason:
        if name != 'auto':
            raise ConfigurationError(f"backend '{name}': {reason}") from reason
        return Choice(eager, f"backend eager: rl_games' player; {wanted} could not be tried, {reason}")
    return choice if name != 'auto' or choice.fell_back else _faster(choice, eager)


def _faster(choice, eager):
    there, here = _seconds(choice.backend), _seconds(eager)
    if here <= there:
        return Choice(eager, f"backend eager: rl_games' player, {1e6 * here:.0f} µs a step; "
                             f'{choice.backend.name} takes {1e6 * there:.0f} µs')
    return Choice(choice.backend, f"{choice.told}; {1e6 * there:.0f} µs a step, the player takes {1e6 * here:.0f} µs")


def _verified(name, eager, setup):
    """Return the Choice of a backend that acts as eager does, or of eager where none does."""
    reason = ''
    try:
        for backend in _MAKERS[name](setup):
            apart = difference(backend, eager, _statistics(setup))
            if apart <= setup.tolerance:
                return Choice(backend, f"backend {name}: within {apart:.1e} of rl_games' player")
            reason = f"differs by {apart:.1e} from rl_games' player, tolerance {setup.tolerance:g}"
    except (Unavailable, ConfigurationError):
        raise
    except Exception as error:      # noqa: B902 - exporters and runtimes raise anything on what they lack
        reason = f'cannot be had: {type(error).__name__}: {" ".join(str(error).split())[:300]}'
    eager.restart()
    return Choice(eager, f"backend {name} {reason}; acting by eager, rl_games' player", True)


def _onnx(setup):
    """Yield the ONNX backend: of a model that was kept, then, if that does not do, of a new one."""
    if not _installed('onnxruntime'):
        raise Unavailable('onnxruntime is not installed: pip install rl_policy_node[onnx]')
    # not before it is known to be there
    from rl_policy_node.policy.backends.onnx import OnnxBackend, providers_for
    step = Step(setup.player, setup.inputs, setup.deterministic)
    providers = providers_for(setup.providers, _on_gpu(setup.player))
    key = key_of(setup.player, setup.config, setup.inputs, setup.deterministic, _versions())
    for model in _models(key, step, setup.cache):
        yield OnnxBackend(model, step, setup.inputs, setup.player.seed or 0, setup.threads, providers)


def _models(key, step, cache):
    kept = cache.read(key)
    if kept is not None:
        yield kept
    model = _exported(step)
    problem = cache.write(key, model)
    if problem:
        _log.warning('the export is not kept: %s', problem)
    yield model


def _exported(step):
    from rl_policy_node.policy.backends.export import export
    if not _installed('onnx'):
        raise Unavailable('onnx is not installed: pip install rl_policy_node[onnx]')
    return export(step)


def _cuda_graph(setup):
    if not _on_gpu(setup.player):
        raise Unavailable(f'the policy is on {setup.player.device}; expected a CUDA device')
    from rl_policy_node.policy.backends.cuda_graph import CudaGraphBackend
    yield CudaGraphBackend(Step(setup.player, setup.inputs, setup.deterministic), setup.inputs, setup.player.seed or 0)


_MAKERS = {'onnx': _onnx, 'cuda_graph': _cuda_graph}


def _on_gpu(player):
    return torch.device(player.device).type == 'cuda'


def _installed(name):
    return importlib.util.find_spec(name) is not None


def _versions():
    found = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ''
    return found


def _statistics(setup):
    """Return key → (mean, variance) of the observations that the policy was trained on, where its model has them."""
    tensors, found = setup.player.model.state_dict(), {}
    for key, shape in setup.inputs.spaces.inputs.items():
        place = f'running_mean_std.running_mean_std.{key}' if setup.inputs.spaces.is_dict else 'running_mean_std'
        mean, variance = (tensors.get(f'{place}.{name}') for name in ('running_mean', 'running_var'))
        if mean is not None and tuple(mean.shape) == tuple(shape):
            found[key] = mean.cpu().numpy(), variance.cpu().numpy()
    return found


def _seconds(backend):
    """Return the time of a step on observations of zeros, the median of some."""
    zeros = backend.inputs.zeros()
    observations, taken = zeros if backend.inputs.spaces.is_dict else zeros['obs'], []
    end = time.perf_counter() + 0.1
    while len(taken) < 10 or (time.perf_counter() < end and len(taken) < 200):
        begun = time.perf_counter()
        backend.act(observations)
        taken.append(time.perf_counter() - begun)
    backend.restart()
    return float(np.median(taken[3:]))
