# SPDX-License-Identifier: Apache-2.0
"""Tensors that are no plain finite numbers never come to act."""

import logging

from policy.checkpoints import change_pickle, MODEL, refusal, save
import pytest
import torch

from rl_policy_node.policy.checkpoint.checkpoint import load_checkpoint


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'policy.pth'


def with_tensor(path, name, tensor):
    torch.save({'model': {**MODEL, name: tensor}}, path)
    return path


@pytest.mark.parametrize(
    'name',
    [
        'a2c_network.actor_mlp.0.weight',
        'a2c_network.sigma',
        'a2c_network.a_rnn.rnn.x',
        'running_mean_std.running_mean',
        'value_of_another_network',
        'a2c_network.mu.bias',
    ],
)
@pytest.mark.parametrize('bad', [float('nan'), float('inf'), float('-inf')])
def test_tensor_that_is_not_finite_is_refused_by_name(path, name, bad):
    message = refusal(with_tensor(path, name, torch.tensor([0.0, bad])))
    assert f"'{name}' has 1 of 2 numbers that are NaN or infinite; expected finite numbers" in message


@pytest.mark.parametrize(
    'name',
    [
        'value_mean_std.running_mean',
        'a2c_network.value.weight',
        'a2c_network._disc_mlp.x',
        'a2c_network.critic_mlp.0.weight',
        'a2c_network.c_rnn.rnn.weight_hh_l0',
        'sac_network.critic.Q1.0.bias',
        'sac_network.critic_target.Q2.0.bias',
    ],
)
def test_tensor_that_no_action_depends_on_is_only_warned_of(path, name, caplog):
    with caplog.at_level(logging.WARNING):
        model = load_checkpoint(with_tensor(path, name, torch.tensor([float('nan')]))).model
    assert name in model and f"'{name}' is not finite; actions do not depend on it" in caplog.text


def test_statistics_count_as_they_are_used(path):
    huge = torch.tensor([1e300], dtype=torch.float64)  # infinite in float32
    assert 'infinite' in refusal(with_tensor(path, 'running_mean_std.running_mean', huge))
    negative = torch.tensor([-1.0], dtype=torch.float64)
    assert 'negative variances' in refusal(with_tensor(path, 'running_mean_std.running_var', negative))


def quantized():
    return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(
    'tensor, told',
    [
        (lambda: torch.ones(2, dtype=torch.complex64), 'complex (torch.complex64)'),
        (lambda: torch.ones(2, 2).to_sparse(), 'sparse or nested (torch.sparse_coo)'),
        (lambda: torch.ones(2, 2).to_sparse_csr(), 'sparse or nested (torch.sparse_csr)'),
        (quantized, 'quantized (torch.qint8)'),
        (lambda: torch.ones(2, device='meta'), "on the device 'meta', without its numbers"),
    ],
    ids=['complex', 'sparse', 'csr', 'quantized', 'meta'],
)
def test_exotic_tensor_is_refused_by_name(path, tensor, told):
    assert f"'a2c_network.x' is {told}; expected plain numbers" in refusal(with_tensor(path, 'a2c_network.x', tensor()))


@pytest.mark.parametrize(
    'dtype', [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.int64, torch.int8, torch.bool]
)
def test_tensor_of_every_plain_type_is_loaded_as_torch_does(path, dtype):
    linear = torch.nn.Linear(2, 1, bias=False)
    tensor = load_checkpoint(with_tensor(path, 'x', torch.ones(1, 2).to(dtype))).model['x']
    linear.load_state_dict({'weight': tensor})
    assert torch.equal(linear.weight, torch.ones(1, 2))


def test_parameters_are_tensors_and_ask_for_no_gradient(path):
    tensor = load_checkpoint(with_tensor(path, 'x', torch.nn.Parameter(torch.ones(2)))).model['x']
    assert torch.equal(tensor, torch.ones(2)) and not tensor.requires_grad


def test_tensor_larger_than_the_file_is_refused(path):
    assert 'more than the' in refusal(with_tensor(path, 'x', torch.ones(1).expand(1_000_000)))


def test_tensor_that_reaches_past_its_storage_is_refused(path):
    save(path)
    change_pickle(path, lambda content: content.replace(b'K\x02K\x03\x86', b'K\x09K\x09\x86'))
    assert refusal(path)
