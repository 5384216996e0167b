# SPDX-License-Identifier: Apache-2.0
"""The policies that are measured: configurations as published, weights drawn from a seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
import torch
import yaml

from rl_policy_node.policy import Policy, Spaces

DEFAULT = {'initializer': {'name': 'default'}}
LSTM = {'name': 'lstm', 'units': 256, 'layers': 2, 'before_mlp': True, 'concat_input': True, 'layer_norm': False}
CONVOLUTIONS = [
    {'filters': 16, 'kernel_size': 8, 'strides': 4, 'padding': 0},
    {'filters': 32, 'kernel_size': 4, 'strides': 2, 'padding': 0},
]
POSES: dict[str, tuple[int, ...]] = {'ee_pos': (3,), 'ee_quat': (4,), 'socket_pos': (3,), 'socket_quat': (4,)}
IMAGE = 64  # pixels of the image that the network sees, square

# numbers of any dtype
Array: TypeAlias = NDArray[Any]
# (rows, …), or input → such arrays
Observations: TypeAlias = Array | dict[str, Array]


@dataclass(frozen=True)
class Model:
    """A policy to be measured. name, words: for tables, short and long; network: the `network` of its train config."""

    name: str
    words: str
    network: dict[str, Any]
    spaces: Spaces

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write train.yaml and policy.pth into folder/<name>, once; return both paths."""
        folder = folder / self.name
        train, checkpoint = folder / 'train.yaml', folder / 'policy.pth'
        if not checkpoint.exists():
            folder.mkdir(parents=True, exist_ok=True)
            space = {
                'mu_activation': 'None',
                'sigma_activation': 'None',
                'fixed_sigma': True,
                'mu_init': {'name': 'default'},
                'sigma_init': {'name': 'const_initializer', 'val': 0},
            }
            train.write_text(
                yaml.safe_dump(
                    {
                        'params': {
                            'seed': 0,
                            'algo': {'name': 'a2c_continuous'},
                            'model': {'name': 'continuous_a2c_logstd'},
                            'network': {'separate': False, 'space': {'continuous': space}, **self.network},
                            'config': {'name': 'bench', 'normalize_input': True, 'normalize_value': True},
                        }
                    }
                )
            )
            torch.save({'model': self._weights(train)}, checkpoint)
        return train, checkpoint

    def _weights(self, train: Path) -> dict[str, torch.Tensor]:
        """Return initial weights, with random running statistics, as training leaves them."""
        state: dict[str, torch.Tensor] = Policy.load(train, spaces=self.spaces, device='cpu').player.model.state_dict()
        random = torch.Generator().manual_seed(0)
        for name, value in state.items():
            if name.endswith('running_mean'):
                value.copy_(torch.rand(value.shape, generator=random, dtype=value.dtype) - 0.5)
            elif name.endswith('running_var'):
                value.copy_(torch.rand(value.shape, generator=random, dtype=value.dtype) + 0.5)
        return state

    def load(
        self,
        folder: Path,
        rows: int,
        backend: str,
        device: str = 'cpu',
        threads: int | None = None,
        providers: Iterable[str] = (),
    ) -> Policy:
        """Return the Policy for `rows`; raises ConfigurationError without the backend."""
        train, checkpoint = self.write(folder)
        return Policy.load(
            train,
            checkpoint,
            spaces=self.spaces,
            rows=rows,
            device=device,
            backend=backend,
            threads=threads,
            providers=providers,
        )

    def observations(self, rows: int, seed: int = 0) -> Observations:
        """Return random observations of `rows`, in the form that Policy.act takes."""
        random = np.random.default_rng(seed)
        arrays: dict[str, Array] = {}
        for key, shape in self.spaces.inputs.items():
            pixels = self.spaces.dtype_of(key) == np.uint8
            arrays[key] = (
                random.integers(0, 256, (rows, *shape), np.uint8)
                if pixels
                else random.standard_normal((rows, *shape), np.float32)
            )
        return arrays if self.spaces.is_dict else arrays['obs']


def _mlp(*units: int) -> dict[str, Any]:
    return {'units': list(units), 'activation': 'elu', **DEFAULT}


LSTM_POSES = Model(
    'lstm',
    "TacSL's LSTM 2×256, MLP 256-128-64, four poses as a dict, 6 actions",
    {
        'name': 'actor_critic_dict',
        'mlp': _mlp(256, 128, 64),
        'rnn': LSTM,
        'input_preprocessors': {key: {} for key in POSES},
    },
    Spaces(POSES, 6),
)
MLP = Model(
    'mlp',
    'MLP 512-256-128, 36 observations, 12 actions',
    {'name': 'actor_critic', 'mlp': _mlp(512, 256, 128)},
    Spaces((36,), 12),
)
LSTM_JOINTS = Model(
    'joints',
    'LSTM 2×256, MLP 256-128-64, position and velocity of 30 joints, 12 actions',
    {'name': 'actor_critic', 'mlp': _mlp(256, 128, 64), 'rnn': LSTM},
    Spaces((60,), 12),
)
LSTM_SEEING = Model('seeing', 'the same, and two images of 8×8', LSTM_JOINTS.network, Spaces((60 + 2 * 64,), 12))
CNN = Model(
    'image',
    'CNN 16-32 on an image of 64×64, MLP 128-64, 6 actions',
    {
        'name': 'actor_critic_dict',
        'mlp': _mlp(128, 64),
        'input_preprocessors': {
            'image': {'cnn': {'type': 'conv2d', 'activation': 'relu', **DEFAULT, 'convs': CONVOLUTIONS}}
        },
    },
    Spaces({'image': (IMAGE, IMAGE, 3)}, 6, dtype='uint8'),
)
STEPPED = (LSTM_POSES, MLP)
