# SPDX-License-Identifier: Apache-2.0
"""Any train config that rl_games plays: ONNX Runtime acts as its player, whatever the network is made of."""

from random import Random

import numpy as np
from policy import golden_rule
from policy.generated_runs import HEADS, kind_of, observe, params_of, spaces_of
import pytest
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy

STEPS = 6


def played(kind, path):
    """Compare ONNX with eager; return whether there was something to compare."""
    path.write_text(yaml.safe_dump({'params': params_of(kind)}, sort_keys=False))
    spaces = spaces_of(kind)
    try:
        policy = Policy.load(path, spaces=spaces, rows=kind['rows'], device='cpu', deterministic=kind['deterministic'])
    except ConfigurationError:
        return False
    golden_rule.fill(policy.player.model)
    eager = policy.backend
    policy.choose_backend('onnx')
    assert policy.backend.name == 'onnx', policy.backend_report
    eager.restart()
    hold = np.arange(kind['rows']) % 3 == 1
    for step in range(STEPS):
        observations = observe(spaces, kind['rows'], step)
        found, wanted = (each.act(observations, hold if step == 2 else None) for each in (policy.backend, eager))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
        if step == 3:
            policy.backend.reset(hold), eager.reset(hold)
    return True


@pytest.mark.parametrize('network, action', HEADS)
def test_onnx_acts_as_the_player(tmp_path, quick, network, action):
    kinds = [kind_of(Random(f'{seed} {network} {action}'), network, action) for seed in range(8)]
    # what rl_games refuses is looked at elsewhere
    found = (played({**kind, 'odd': None}, tmp_path / 'train.yaml') for kind in kinds)
    # rl_games' resnet has no head for several choices
    assert any(found) == ((network, action) != ('resnet_actor_critic', 'multi_discrete'))
