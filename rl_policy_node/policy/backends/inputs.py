# SPDX-License-Identifier: Apache-2.0
"""Observations checked against the spaces of a policy."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from rl_policy_node.policy.contract.spaces import Spaces
from rl_policy_node.policy.shared_types import Array, Observations, Tensors


class Inputs:
    """The observations of a Spaces for a number of rows: checked, as tensors, or written into arrays.

    joined: the keys that a flat network was trained on as one vector, in order; () if it takes them separately.
    """

    def __init__(self, spaces: Spaces, rows: int, joined: Iterable[str] = ()) -> None:
        self.spaces, self.rows, self._joined = spaces, int(rows), tuple(joined)
        self.shapes = {key: (self.rows, *shape) for key, shape in spaces.inputs.items()}
        self.dtypes = {key: spaces.dtype_of(key) for key in self.shapes}

    def of(self, rows: int) -> 'Inputs':
        """Return the same for another number of rows."""
        return Inputs(self.spaces, rows, self._joined)

    def zeros(self) -> dict[str, Array]:
        """Return key → array (rows, *shape) of zeros, in the type that enters the player."""
        return {key: np.zeros(shape, self.dtypes[key]) for key, shape in self.shapes.items()}

    def tensors(self, observations: Observations, device: str | torch.device) -> torch.Tensor | Tensors:
        """Return the player's input for observations, on a device; raises ValueError if they do not fit."""
        if not self.spaces.is_dict:
            return self._tensor('obs', observations, device)
        self._check_keys(observations)
        named: Any = observations
        return self.for_player({key: self._tensor(key, named[key], device) for key in self.shapes})

    def for_player(self, tensors: Tensors) -> torch.Tensor | Tensors:
        """Return key → tensor in the form of the player's input: the dict, one vector, or the only input."""
        if not self.spaces.is_dict:
            return tensors['obs']
        if self._joined:
            parts = [tensors[key].flatten(1) for key in self._joined]
            return torch.cat([part / 255.0 if part.dtype == torch.uint8 else part for part in parts], dim=1)
        return tensors

    def write(self, observations: Observations, arrays: Mapping[str, Array]) -> None:
        """Write observations into arrays, key → (rows, *shape); raises ValueError if they do not fit."""
        if not self.spaces.is_dict:
            self._write('obs', observations, arrays['obs'])
            return
        named: Any = observations
        if not hasattr(named, 'keys') or len(named) != len(arrays) or named.keys() != arrays.keys():
            self._check_keys(named)
        for key, array in arrays.items():
            self._write(key, named[key], array)

    def _write(self, key: str, value: Any, array: Array) -> None:
        # the ordinary case, at every step; torch's types never equal numpy's
        if getattr(value, 'dtype', None) != array.dtype or value.shape != array.shape:
            value = self._tensor(key, value, 'cpu').detach().numpy()
        array[...] = value

    def _check_keys(self, observations: Any) -> None:
        if not hasattr(observations, 'keys'):
            raise ValueError(f'observations are one array; expected a dict with the keys {sorted(self.shapes)}')
        if set(observations) != set(self.shapes):
            raise ValueError(f'observations have the keys {sorted(observations)}; expected {sorted(self.shapes)}')

    def _tensor(self, key: str, array: Any, device: str | torch.device) -> torch.Tensor:
        if isinstance(array, Mapping):
            raise ValueError(f"observation '{key}' is a dict with the keys {sorted(array)}; expected one array")
        wanted = getattr(torch, self.dtypes[key].name)
        tensor = array if isinstance(array, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(array))
        # rl_games divides bytes by 255, so that neither may pass for the other
        if (tensor.dtype == torch.uint8) != (wanted == torch.uint8):
            raise ValueError(f"observation '{key}' is {tensor.dtype}; expected {wanted}")
        if tuple(tensor.shape) != self.shapes[key]:
            raise ValueError(f"observation '{key}' has the shape {tuple(tensor.shape)}; expected {self.shapes[key]}")
        return tensor.to(device, wanted)
