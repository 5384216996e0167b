"""Limits on what is really sent. Values within their limits pass unchanged, to the bit."""
import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.numbers import between, surely_small


def is_finite(value):
    """Whether all numbers of `value` are finite."""
    # an eighth of the cost of a look at every row
    return (value.dtype.kind != 'f' or surely_small(value) or not value.size
            or bool(np.isfinite(value.max()) and np.isfinite(value.min())))


def finite_rows(value):
    """Return the rows (mask) of `value` (rows, ...) whose numbers are all finite."""
    if is_finite(value):
        return np.ones(len(value), dtype=bool)
    return np.isfinite(value.reshape(len(value), -1)).all(axis=1)


def per_axis(numbers):
    """Return one number, or one for each axis, in the form that limits take: one for all, else (n,); None of none.

    One number costs a fifth of an array that has to be spread over rows.
    """
    numbers = np.asarray(numbers, dtype=np.float64).reshape(-1)
    if not numbers.size:
        return None
    same = np.full_like(numbers, numbers[0]).tobytes() == numbers.tobytes()     # of zeros, the sign, too
    return numbers[0].item() if same else numbers


def clamp(value, lower, upper):
    """Return `value` (rows, n) within [lower, upper] (each one number, (n,), or None: no bound)."""
    if between(lower, value, upper):
        return value
    if lower is not None:
        value = np.maximum(value, lower)
    return value if upper is None else np.minimum(value, upper)


def limit_size(value, greatest):
    """Return `value` (rows, n) within ± `greatest` (one number, (n,), or None: no bound)."""
    return value if greatest is None else clamp(value, -greatest, greatest)


def limit_step(value, previous, greatest):
    """Return `value` (rows, n) moved no further than `greatest` (one number or (n,)) per axis from `previous`."""
    step = value - previous
    if between(-greatest, step, greatest):
        return value
    within = np.abs(step) <= greatest
    return np.where(within, value, previous + limit_size(step, greatest))


def limit_motion(value, previous, speed, velocity, acceleration, dt):
    """Return `value` (rows, n) reached no faster than velocity and acceleration allow, axis by axis.

    previous: sent dt seconds ago, while moving at `speed` (rows, n, per s). velocity (per s; None: any) and
    acceleration (per s²): one number or (n,). Braking begins in time to stop at `value`: in k steps, each slower by
    acceleration · dt than the one before, the gap is closed by beginning at
    gap / (k · dt) + (k − 1) / 2 · acceleration · dt, with the least k whose last step can be the last.
    """
    gain = acceleration * dt
    direct = (value - previous) / dt
    steps = np.maximum(np.ceil((np.sqrt(1 + 8 * np.abs(direct) / gain) - 1) / 2), 1)
    wanted = np.sign(direct) * (np.abs(direct) / steps + (steps - 1) / 2 * gain)
    wanted = clamp(limit_size(wanted, velocity), speed - gain, speed + gain)
    # a target that can be had is had to the bit
    return np.where(wanted == direct, value, previous + wanted * dt)


def limit_distance(value, previous, greatest):
    """Return points (rows, 3) no further than `greatest` (m) from `previous`, along the same line."""
    step = value - previous
    distance = np.linalg.norm(step, axis=-1, keepdims=True)
    within = distance <= greatest
    return np.where(within, value, previous + step * (greatest / np.where(within, 1.0, distance)))


def limit_turn(value, previous, greatest):
    """Return rotations (rows, 4) xyzw turned no further than `greatest` (rad) from `previous`."""
    turn = geometry.rotation_vector_from_quaternion(geometry.multiply(value, geometry.conjugate(previous)))
    angle = np.linalg.norm(turn, axis=-1, keepdims=True)
    within = angle <= greatest
    shorter = geometry.quaternion_from_rotation_vector(turn * (greatest / np.where(within, 1.0, angle)))
    return np.where(within, value, geometry.multiply(shorter, previous))
