# SPDX-License-Identifier: Apache-2.0
"""Limits on commands. Values within their limits pass bit-identical."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from rl_policy_node import geometry
from rl_policy_node.control.arrays import Array, Axes, Command, Floats, Mask
from rl_policy_node.control.reductions import between, surely_small

# the largest number that fits into a message of float32
_MOST = float(np.finfo(np.float32).max)


def is_finite(value: Array) -> bool:
    """Return whether all numbers of `value` are finite."""
    # max and min cost an eighth of a check per row
    return (
        value.dtype.kind != 'f'
        or surely_small(value)
        or not value.size
        or bool(np.isfinite(value.max()) and np.isfinite(value.min()))
    )


def finite_rows(value: Array) -> Mask:
    """Return the rows (mask) of `value` (rows, ...) whose numbers are all finite."""
    if is_finite(value):
        return np.ones(len(value), dtype=bool)
    return cast(Mask, np.isfinite(value.reshape(len(value), -1)).all(axis=1))


def finite_commands(actions: Array, proposed: Mapping[str, Command], rows: Mask) -> Mask:
    """Return those of the rows whose action is finite and whose commands fit into a message of float32."""
    # the action, too: limits turn an infinite action into a finite command
    finite = rows if is_finite(actions) else rows & finite_rows(actions)
    for command in proposed.values():
        for value in command.values():
            if not (surely_small(value) or value.max() <= _MOST and value.min() >= -_MOST):
                finite = finite & (np.abs(value) <= _MOST).all(axis=1)
    return finite


def per_axis(numbers: ArrayLike) -> Axes | None:
    """Return limits as one float if all axes share it, else (n,); None without numbers."""
    return axes_of(numbers) if np.size(numbers) else None


def axes_of(numbers: ArrayLike) -> Axes:
    """Return limits as one float if all axes share it, else (n,); numbers must not be empty.

    A float costs a fifth of an array that numpy broadcasts over rows.
    """
    axes = np.asarray(numbers, dtype=np.float64).reshape(-1)
    same = np.full_like(axes, axes[0]).tobytes() == axes.tobytes()  # also distinguishes 0 and −0
    return axes[0].item() if same else axes


def clamp(value: Floats, lower: Axes | None, upper: Axes | None) -> Floats:
    """Return `value` (rows, n) within [lower, upper] (each one number, (n,), or None: no bound)."""
    if between(lower, value, upper):
        return value
    if lower is not None:
        value = np.maximum(value, lower)
    return value if upper is None else np.minimum(value, upper)


def clamp_from(value: Floats, previous: Floats, lower: Axes | None, upper: Axes | None) -> Floats:
    """Return `value` (rows, n) within [lower, upper], or no further out than `previous` is."""
    if between(lower, value, upper):
        return value
    if lower is not None:
        value = np.maximum(value, np.minimum(lower, previous))
    return value if upper is None else np.minimum(value, np.maximum(upper, previous))


def limit_approach(
    value: Floats, previous: Floats, lower: Axes | None, upper: Axes | None, acceleration: Axes, dt: Axes
) -> Floats:
    """Return `value` (rows, n) so far from its bounds that it can still stop there, however long the next steps are.

    From v the shortest way to rest is v² / (2 · acceleration), in infinitely short steps.
    """
    if upper is not None:
        value = np.minimum(value, previous + _room(upper - previous, acceleration, dt))
    return value if lower is None else np.maximum(value, previous - _room(previous - lower, acceleration, dt))


def _room(gap: Floats, acceleration: Axes, dt: Axes) -> Floats:
    """Return how far a step of dt may go towards a bound that is `gap` away."""
    gap = np.minimum(np.maximum(gap, 0.0), FAR)
    room: Floats = 2 * gap * dt / (dt + np.sqrt(dt * dt + 2 * gap / acceleration))
    return room


def nearest_turn(value: Floats, previous: Floats, continuous: Mask | None) -> Floats:
    """Return angles (rows, n); those of `continuous` axes (n,) are moved by whole turns nearest to `previous`.

    None: no axis is continuous. Angles within half a turn pass bit-identical.
    """
    if continuous is None:
        return value
    with np.errstate(invalid='ignore'):  # NaN is refused later
        turns = np.rint((value - previous) / (2 * np.pi))
        return np.where(continuous & (turns != 0), value - turns * (2 * np.pi), value)


def slowed(previous: Floats, speed: Floats, acceleration: Axes, dt: Axes) -> Floats:
    """Return the value (rows, n) dt s after `previous`, while it decelerates from `speed` (per s) to rest."""
    left: Floats = previous + np.sign(speed) * np.maximum(np.abs(speed) - acceleration * dt, 0.0) * dt
    return left


def limit_size(value: Floats, greatest: Axes | None) -> Floats:
    """Return `value` (rows, n) within ± `greatest` (one number, (n,), or None: no bound)."""
    return value if greatest is None else clamp(value, -greatest, greatest)


def limit_step(value: Floats, previous: Floats, greatest: Axes) -> Floats:
    """Return `value` (rows, n) moved no further than `greatest` (one number or (n,)) per axis from `previous`."""
    step = value - previous
    if between(-greatest, step, greatest):
        return value
    within = np.abs(step) <= greatest
    return np.where(within, value, previous + limit_size(step, greatest))


def limit_motion(
    value: Floats, previous: Floats, speed: Floats, velocity: Axes | None, acceleration: Axes, dt: Axes
) -> Floats:
    """Return `value` (rows, n) reached no faster than velocity and acceleration allow, axis by axis.

    previous: sent dt seconds ago, while moving at `speed` (rows, n, per s). velocity (per s; None: any) and
    acceleration (per s²): one number or (n,). Braking begins in time to stop at `value`: k steps, each slower by
    acceleration · dt than the one before, close the gap if the first has the speed
    gap / (k · dt) + (k − 1) / 2 · acceleration · dt; k is the least number after which the motion can end.
    """
    gain = acceleration * dt
    direct = (value - previous) / dt
    steps = np.maximum(np.ceil((np.sqrt(1 + 8 * np.abs(direct) / gain) - 1) / 2), 1)
    wanted = np.sign(direct) * (np.abs(direct) / steps + (steps - 1) / 2 * gain)
    wanted = clamp(limit_size(wanted, velocity), speed - gain, speed + gain)
    # a target within reach is reached bit-identical
    return np.where(wanted == direct, value, previous + wanted * dt)


def limit_distance(value: Floats, previous: Floats, greatest: Axes) -> Floats:
    """Return points (rows, 3) no further than `greatest` (m) from `previous`, along the same line."""
    step = value - previous
    distance = np.linalg.norm(step, axis=-1, keepdims=True)
    within = distance <= greatest
    return np.where(within, value, previous + step * (greatest / np.where(within, 1.0, distance)))


def limit_turn(value: Floats, previous: Floats, greatest: Axes) -> Floats:
    """Return rotations (rows, 4) xyzw turned no further than `greatest` (rad) from `previous`."""
    turn = geometry.rotation_vector_from_quaternion(geometry.multiply(value, geometry.conjugate(previous)))
    angle = np.linalg.norm(turn, axis=-1, keepdims=True)
    within = angle <= greatest
    shorter = geometry.quaternion_from_rotation_vector(turn * (greatest / np.where(within, 1.0, angle)))
    return np.where(within, value, geometry.multiply(shorter, previous))


# rad, m: stands for an infinite distance to a bound
FAR = 1e9
# rad, m: a joint that rests on its limit is measured a little beyond it
SLACK = 5e-3


def beyond_limits(
    value: Floats,
    lower: Axes | None,
    upper: Axes | None,
    names: Sequence[str],
    where: str,
    sides: tuple[str, str] = ('lower', 'upper'),
    slack: Axes = SLACK,
) -> dict[int, str]:
    """Return row → a reason for rows of `value` (rows, n) beyond [lower, upper] by more than `slack`.

    names: of the axes (n). where: the action term. sides: names of the two bounds.
    """
    found: dict[int, str] = {}
    for side, bound, sign in zip(sides, (lower, upper), (-1, 1)):
        if bound is None:
            continue
        beyond = (value - bound) * sign > slack
        limit = np.broadcast_to(bound, value.shape[1:])
        for row, axis in np.argwhere(beyond)[::-1].tolist():
            found[row] = (
                f'{names[axis]} is measured at {value[row, axis]:g}, beyond {where}.{side} '
                f'{limit[axis]:g}; move the robot within its limits first'
            )
    return found
