# SPDX-License-Identifier: Apache-2.0
"""Random errors of a simulated sensor and of a simulated clock; needs only numpy."""

from collections.abc import Mapping
import math
from typing import Final

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.sim.imperfections.robot_sensors import Values

_STEP: Final = 0.05  # greatest change of the drift per period, as a share of its bound


class Noise:
    """Adds errors of mean zero to the fields of a source.

    deviations: field → standard deviation, in the field's unit, of the error of every number. Quaternions
    (`orientation`) are turned about a random axis by an angle of this deviation, rad, and keep length 1. Integers,
    mainly pixels, are rounded and clipped to their type.
    Raises ConfigurationError, naming `where`, for a field that is not among `values`, or does not hold numbers.
    """

    def __init__(
        self, deviations: Mapping[str, float], values: Values, random: np.random.Generator, where: str
    ) -> None:
        for field in deviations:
            if field not in values:
                raise unknown('field', field, values, where)
            if values[field].dtype.kind not in 'fiu':
                raise ConfigurationError(f'{where}.{field}: a field of {values[field].dtype} takes no noise')
        self._deviations, self._random = {field: std for field, std in deviations.items() if std}, random

    def __call__(self, values: Values) -> Values:
        """Return field → (rows, ...) with errors; fields without noise are the same arrays."""
        noisy = dict(values)
        for field, std in self._deviations.items():
            value = values[field]
            if field == 'orientation':
                axes = self._random.standard_normal((len(value), 3))
                angles = std * self._random.standard_normal((len(value), 1))
                turn = geometry.quaternion_from_rotation_vector(
                    axes * (angles / np.linalg.norm(axes, axis=1, keepdims=True))
                )
                changed = geometry.multiply(turn, geometry.normalize_quaternion(value))
            else:
                changed = value + std * self._random.standard_normal(value.shape)
                if value.dtype.kind in 'iu':
                    bounds = np.iinfo(value.dtype)
                    changed = np.clip(np.rint(changed), bounds.min, bounds.max)
            noisy[field] = changed.astype(value.dtype)
        return noisy


class Drift:
    """A random walk within ±most: the share by which a period is too long."""

    def __init__(self, most: float, random: np.random.Generator) -> None:
        self._most, self._random, self._share = most, random, 0.0

    def next(self) -> float:
        """Return the share of the next period, reflected at the bounds."""
        share = self._share + self._most * self._random.uniform(-_STEP, _STEP)
        if abs(share) > self._most:
            share = math.copysign(2 * self._most - abs(share), share)
        self._share = share
        return share
