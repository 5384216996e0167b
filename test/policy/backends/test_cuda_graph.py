# SPDX-License-Identifier: Apache-2.0
"""CUDA graphs: on a GPU they act as rl_games' player there; where there is none they are refused by name."""

import numpy as np
from policy import golden_rule
from policy.backends.small_policies import KINDS, load, play, ROWS
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='this torch sees no CUDA device')


def test_policy_on_a_cpu_has_no_cuda_graph(tmp_path):
    policy = load(tmp_path, 'lstm')
    before = policy.backend
    with pytest.raises(ConfigurationError, match="backend 'cuda_graph': the policy is on cpu; expected a CUDA device"):
        policy.choose_backend('cuda_graph')
    assert policy.backend is before


def test_loading_for_a_cuda_graph_on_a_cpu_is_refused(tmp_path):
    load(tmp_path, 'mlp')
    with pytest.raises(ConfigurationError, match="backend 'cuda_graph': the policy is on cpu; expected a CUDA device"):
        Policy.load(tmp_path / 'train.yaml', spaces=KINDS['mlp'][0], device='cpu', backend='cuda_graph')


@pytest.fixture
def on_gpu(tmp_path):
    """Return a function that loads one of KINDS on the GPU, with full precision; the process is left as it was."""
    flags = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False

    def on_gpu(name, **options):
        return load(tmp_path, name, **{'device': 'cuda:0', **options})

    yield on_gpu
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = flags


@needs_gpu
@pytest.mark.parametrize('deterministic', [True, False], ids=['deterministic', 'stochastic'])
@pytest.mark.parametrize('name', KINDS)
def test_graph_acts_as_the_player(on_gpu, name, deterministic):
    policy = on_gpu(name, deterministic=deterministic)
    eager = policy.backend
    policy.choose_backend('cuda_graph')
    assert policy.backend.name == 'cuda_graph' and not policy.fell_back, policy.backend_report
    eager.restart()
    found, wanted = np.stack(list(play([policy.backend, eager], policy.spaces, ROWS, 200)), axis=1)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert found.std(axis=0).min() > 0


@needs_gpu
@pytest.mark.parametrize('rows', [1, 64])
def test_graph_of_any_number_of_rows_acts_as_the_player(on_gpu, rows):
    policy = on_gpu('dict', rows=rows)
    eager = policy.backend
    policy.choose_backend('cuda_graph')
    eager.restart()
    found, wanted = np.stack(list(play([policy.backend, eager], policy.spaces, rows, 50)), axis=1)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


@needs_gpu
def test_two_graphs_do_not_disturb_one_another(on_gpu):
    one, other = (on_gpu('lstm', deterministic=False) for _ in range(2))
    golden_rule.fill(other.player.model)
    for policy in (one, other):
        policy.choose_backend('cuda_graph')
    alone = [actions[0] for actions in play([one.backend], one.spaces, ROWS, 10)]
    one.backend.restart()
    together = [actions[0] for actions in play([one.backend, other.backend], one.spaces, ROWS, 10)]
    np.testing.assert_array_equal(together, alone)


@needs_gpu
def test_actions_of_a_graph_are_the_callers_to_keep(on_gpu):
    policy = on_gpu('mlp')
    policy.choose_backend('cuda_graph')
    first = policy.act(np.ones((ROWS, 5), np.float32))
    kept = first.copy()
    policy.act(np.zeros((ROWS, 5), np.float32))
    np.testing.assert_array_equal(first, kept)


@needs_gpu
def test_auto_takes_the_graph_or_says_why_not(on_gpu):
    policy = on_gpu('lstm')
    policy.choose_backend('auto')
    assert policy.backend.name in ('cuda_graph', 'eager')
    assert 'cuda_graph' in policy.backend_report and 'µs' in policy.backend_report
