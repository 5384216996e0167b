# SPDX-License-Identifier: Apache-2.0
"""The train YAML of the small policies that benchmarks run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml


def write_train_config(folder: Path, name: str, units: Sequence[int], rnn: Mapping[str, object] | None = None) -> None:
    """Write train.yaml of a continuous policy. units: of the layers of its MLP; rnn: of its recurrent part, if any."""
    continuous = {
        'mu_activation': 'None',
        'sigma_activation': 'None',
        'fixed_sigma': True,
        'mu_init': {'name': 'default'},
        'sigma_init': {'name': 'const_initializer', 'val': 0},
    }
    network = {
        'name': 'actor_critic',
        'separate': False,
        'space': {'continuous': continuous},
        'mlp': {'units': list(units), 'activation': 'elu', 'initializer': {'name': 'default'}},
        **({'rnn': dict(rnn)} if rnn else {}),
    }
    params = {
        'algo': {'name': 'a2c_continuous'},
        'model': {'name': 'continuous_a2c_logstd'},
        'network': network,
        'config': {'name': name, 'normalize_input': True, 'normalize_value': True},
    }
    (folder / 'train.yaml').write_text(yaml.safe_dump({'params': params}))
