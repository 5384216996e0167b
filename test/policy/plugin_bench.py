# SPDX-License-Identifier: Apache-2.0
"""Put rl_games' registries back after a test."""
import sys

import pytest
from rl_games.algos_torch import model_builder

from rl_policy_node.policy import networks


@pytest.fixture(autouse=True)
def as_before(tmp_path_factory):
    """Leave no trace of a plug-in to the tests that follow."""
    networks.register()
    model_builder.ModelBuilder()        # the built-in names are there before the first policy, too
    registries = model_builder.NETWORK_REGISTRY, model_builder.MODEL_REGISTRY
    before, plugins = [dict(names) for names in registries], str(tmp_path_factory.getbasetemp())
    yield
    for names, old in zip(registries, before):
        names.clear()
        names.update(old)
    # the plug-ins alone: torch does not bear to be imported a second time
    for name in [name for name, module in sys.modules.items()
                 if (getattr(module, '__file__', None) or '').startswith(plugins)]:
        del sys.modules[name]
