# SPDX-License-Identifier: Apache-2.0
"""Choose a backend: the requested one, or the fastest that acts as rl_games' player does."""

from collections.abc import Callable
import time
from typing import NamedTuple

import numpy as np

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.backend_names import BACKENDS
from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.backends.eager import EagerBackend
from rl_policy_node.policy.backends.making import makers, Setup, Unavailable
from rl_policy_node.policy.backends.verify import difference
from rl_policy_node.policy.rl_games.global_state import preserved
from rl_policy_node.policy.shared_types import Array, Observations


class Choice(NamedTuple):
    """A backend; a line on why it was chosen; whether eager replaced one that failed."""

    backend: Backend
    report: str
    fell_back: bool = False


def choose(name: str, setup: Setup) -> Choice:
    """Return the Choice for a name out of BACKENDS.

    Eager replaces a backend that differs from the player by more than the tolerance, or that cannot be built.
    Raises ConfigurationError for an unknown name, and for a requested backend that this machine lacks.
    """
    if name not in BACKENDS:
        raise unknown('backend', name, BACKENDS)
    eager = EagerBackend(setup.player, setup.inputs, setup.deterministic)
    if name == 'eager':
        return Choice(eager, "backend eager: rl_games' player")
    wanted = name if name != 'auto' else 'cuda_graph' if setup.on_gpu else 'onnx'
    try:
        with preserved():  # exporters draw, and so may networks while they are traced
            choice = _verified(wanted, eager, setup)
    except Unavailable as reason:
        if name != 'auto':
            raise ConfigurationError(f"backend '{name}': {reason}") from reason
        return Choice(eager, f"backend eager: rl_games' player; {wanted} could not be tried, {reason}")
    return choice if name != 'auto' or choice.fell_back else _faster(choice, eager)


def _faster(choice: Choice, eager: Backend) -> Choice:
    other, own = _seconds(choice.backend), _seconds(eager)
    if own <= other:
        return Choice(
            eager,
            f"backend eager: rl_games' player, {1e6 * own:.0f} µs a step; "
            f'{choice.backend.name} takes {1e6 * other:.0f} µs',
        )
    return Choice(choice.backend, f'{choice.report}; {1e6 * other:.0f} µs a step, the player takes {1e6 * own:.0f} µs')


def _verified(name: str, eager: Backend, setup: Setup) -> Choice:
    """Return the Choice of a backend that acts as eager does, or of eager if none does."""
    found = ''
    try:
        for make in makers(name, setup):
            backend, found = _tried(make, eager, setup)
            if backend is not None:
                return Choice(backend, f'backend {name}: {found}')
    except (Unavailable, ConfigurationError):
        raise
    except Exception as error:  # noqa: BLE001 - what is installed may be broken in any way
        found = _lacking(error)
    eager.restart()
    return Choice(eager, f"backend {name} {found}; acting by eager, rl_games' player", True)


def _tried(make: Callable[[], Backend], eager: Backend, setup: Setup) -> tuple[Backend | None, str]:
    """Return (backend, finding); the backend is None if it does not act as eager does, or cannot be created."""
    try:
        backend = make()
        apart = difference(backend, eager, _statistics(setup))
    except (Unavailable, ConfigurationError):
        raise
    except Exception as error:  # noqa: BLE001 - exporters and runtimes raise anything on what they lack
        return None, _lacking(error)
    if apart <= setup.tolerance:
        return backend, f"within {apart:.1e} of rl_games' player"
    return None, f"differs by {apart:.1e} from rl_games' player, tolerance {setup.tolerance:g}"


def _lacking(error: Exception) -> str:
    return f'cannot be had: {type(error).__name__}: {" ".join(str(error).split())[:300]}'


def _statistics(setup: Setup) -> dict[str, tuple[Array, Array]]:
    """Return key → (mean, variance) of the observations that the policy was trained on, where its model has them."""
    tensors, found = setup.player.model.state_dict(), dict[str, tuple[Array, Array]]()
    for key, shape in setup.inputs.spaces.inputs.items():
        place = f'running_mean_std.running_mean_std.{key}' if setup.inputs.spaces.is_dict else 'running_mean_std'
        mean, variance = (tensors.get(f'{place}.{name}') for name in ('running_mean', 'running_var'))
        if mean is not None and tuple(mean.shape) == tuple(shape):
            found[key] = mean.cpu().numpy(), variance.cpu().numpy()
    return found


def _seconds(backend: Backend) -> float:
    """Return the time of a step on observations of zeros in s, the median of some."""
    zeros = backend.inputs.zeros()
    observations: Observations = zeros if backend.inputs.spaces.is_dict else zeros['obs']
    taken: list[float] = []
    end = time.perf_counter() + 0.1
    while len(taken) < 10 or (time.perf_counter() < end and len(taken) < 200):
        begun = time.perf_counter()
        backend.act(observations)
        taken.append(time.perf_counter() - begun)
    backend.restart()
    return float(np.median(taken[3:]))
