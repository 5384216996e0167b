"""What is asked of arrays in every step, each by the cheapest way to the answer."""
import numpy as np

# numpy's own reductions cost more than the numbers where there are few, most of all when a step comes after a pause
_FEW, _SOME = 64, 4096


def some(mask):
    """Whether any of a mask is True."""
    return any(mask.ravel().tolist()) if mask.size <= _FEW else np.count_nonzero(mask) > 0


def every(mask):
    """Whether all of a mask is True."""
    return all(mask.ravel().tolist()) if mask.size <= _FEW else np.count_nonzero(mask) == mask.size


def lowest(values):
    """Return the lowest of one number or more (n,), none of them NaN."""
    return min(values.tolist()) if values.size <= _FEW else values.min().item()


def highest(values):
    """Return the highest, likewise."""
    return max(values.tolist()) if values.size <= _FEW else values.max().item()


def surely_small(values):
    """Whether all of some floating-point numbers are finite and below 1e15; False where that takes a longer look.

    Of squares that are all below a bound so is the sum, and a sum with NaN or infinity is neither. Not for
    many numbers: their greatest and least are found sooner.
    """
    if values.size > _SOME:
        return False
    flat = values.reshape(-1)
    return bool(flat.dot(flat) < 1e30)
