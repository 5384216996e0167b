# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of policies."""

import sys

import pytest
from rl_games.algos_torch import model_builder
import torch
import yaml

from rl_policy_node.policy import networks
from rl_policy_node.policy.run.train_config import TrainConfig


@pytest.fixture
def quick(monkeypatch):
    """Take the YAML as it is: what Hydra makes of one is tested elsewhere, and takes most of the time."""
    # networks this small only lose time by waiting for one another's threads
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(
        TrainConfig, 'read', lambda path, overrides=(): TrainConfig(yaml.safe_load(path.read_text())['params'], path)
    )
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def as_before(tmp_path_factory):
    """Leave no trace of a plug-in to the tests that follow."""
    networks.register()
    model_builder.ModelBuilder()  # the built-in names are there before the first policy, too
    registries = model_builder.NETWORK_REGISTRY, model_builder.MODEL_REGISTRY
    before, plugins = [dict(names) for names in registries], str(tmp_path_factory.getbasetemp())
    yield
    for names, old in zip(registries, before):
        names.clear()
        names.update(old)
    # the plug-ins alone: torch does not bear to be imported a second time
    for name in [
        name for name, module in sys.modules.items() if (getattr(module, '__file__', None) or '').startswith(plugins)
    ]:
        del sys.modules[name]
