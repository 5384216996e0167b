# SPDX-License-Identifier: Apache-2.0
"""Make the backend of ONNX Runtime: from a kept export, else from a new one."""

from collections.abc import Iterator
import functools
from importlib.metadata import PackageNotFoundError, version
import importlib.util
import logging

from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.cache import Cache, key_of
from rl_policy_node.policy.backends.making import Maker, Setup, Unavailable
from rl_policy_node.policy.backends.player_step import Step

_VERSIONS = ('torch', 'rl-games', 'onnxruntime', 'onnx')
_log = logging.getLogger(__name__)


def makers(setup: Setup) -> Iterator[Maker]:
    """Yield functions that create the backend; raises Unavailable without ONNX Runtime."""
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
