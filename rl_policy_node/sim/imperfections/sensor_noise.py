# SPDX-License-Identifier: Apache-2.0
"""Random errors of a simulated sensor and of a simulated clock; numpy alone."""
from collections.abc import Mapping
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rl_policy_node import geometry
from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.sim.imperfections.robot_sensors import Values

_STEP: Final = 0.05      # greatest change of a drift from one period to the next, as a share of its bound


class Noise:
    """Adds errors of mean zero to the fields of a source.

    deviations: field → standard deviation, in the field's unit, of what is added to every number. Quaternions
    (`orientation`) are turned about a random axis by an angle of this deviation, rad, and stay of length 1. What is
    kept in whole numbers, pixels of bytes above all, is rounded and clipped to its type.
    Raises ConfigurationError, naming `where`, for a field that is not among `values`, or has no numbers.
    """

    def __init__(self, deviations: Mapping[str, float], values: Values, random: np.random.Generator,
                 where: str) -> None:
        for field in deviations:
            if field not in values:
                raise unknown('field', field, values, where)
            if values[field].dtype.kind not in 'fiu':
                raise ConfigurationError(f'{where}.{field}: a field of {values[field].dtype} takes no noise')
        self._deviations, self._random = {field: std for field, std in deviations.items() if std}, random

    def __call__(self, values: Values) -> Values:
        """Return field → (rows, ...) with errors; a field without noise is handed through as it is."""
        return {**values, **{field: self._noisy(field, values[field], std) for field, std in self._deviations.items()}}

    def _noisy(self, field: str, value: NDArray[Any], std: float) -> NDArray[Any]:
        if field == 'orientation':
            return self._turned(value, std).astype(value.dtype)
        noisy = value + std * self._random.standard_normal(value.shape)
        if value.dtype.kind in 'iu':
            bounds = np.iinfo(value.dtype)
            noisy = np.clip(np.rint(noisy), bounds.min, bounds.max)
        return noisy.astype(value.dtype)

    def _turned(self, quaternions: NDArray[Any], std: float) -> NDArray[Any]:
        axes = self._random.standard_normal((len(quaternions), 3))
        angles = std * self._random.standard_normal((len(quaternions), 1))
        turn = geometry.quaternion_from_rotation_vector(axes * (angles / np.linalg.norm(axes, axis=1, keepdims=True)))
        return geometry.multiply(turn, geometry.normalize_quaternion(quaternions))


class Drift:
    """A random walk within ±most: the share by which a period is longer than it should be."""

    def __init__(self, most: float, random: np.random.Generator) -> None:
        self._most, self._random, self._share = most, random, 0.0

    def next(self) -> float:
        """Return the share of the next period; what would leave the bounds is reflected."""
        share = self._share + self._most * self._random.uniform(-_STEP, _STEP)
        if abs(share) > self._most:
            share = math.copysign(2 * self._most - abs(share), share)
        self._share = share
        return share
