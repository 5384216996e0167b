"""Checkpoints are read as data: what is damaged is named, and nothing in a file is ever run."""
import hashlib
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.checkpoint import load_checkpoint

MODEL = {'a2c_network.mu.weight': torch.arange(6.0).reshape(2, 3), 'a2c_network.mu.bias': torch.ones(2)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'policy.pth'


def save(path, **content):
    torch.save({'model': MODEL, **content}, path)
    return path


def refusal(path, sha256=''):
    """Return the one line, naming the file, with which loading is refused."""
    with pytest.raises(ConfigurationError) as error:
        load_checkpoint(path, sha256)
    message = str(error.value)
    assert message.startswith(f'checkpoint {path}: ') and '\n' not in message
    return message


class Trap:
    """Creates a folder as soon as it is unpickled by whoever runs what a pickle asks for."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_model_and_what_the_file_says_of_itself_are_read(path):
    save(path, epoch=7, frame=1024, optimizer={'state': {}}, last_mean_rewards=3.5)
    checkpoint = load_checkpoint(str(path))
    assert (checkpoint.path, checkpoint.epoch, checkpoint.frame) == (path, 7, 1024)
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(checkpoint.model) == list(MODEL)
    for name, tensor in MODEL.items():
        assert torch.equal(checkpoint.model[name], tensor)


def test_epoch_and_frame_may_be_missing(path):
    checkpoint = load_checkpoint(save(path))
    assert checkpoint.epoch is None and checkpoint.frame is None


def test_missing_file_and_folder_are_named(path, tmp_path):
    assert refusal(path).endswith('no such file')
    assert refusal(tmp_path).endswith('no such file')


def test_empty_file_is_named(path):
    path.touch()
    assert 'damaged or not a checkpoint (0 bytes' in refusal(path)


@pytest.mark.parametrize('part', [0.1, 0.5, 0.9, 0.999])
def test_truncated_file_is_refused(path, part):
    whole = save(path).read_bytes()
    path.write_bytes(whole[:int(part * len(whole))])
    assert 'damaged or not a checkpoint' in refusal(path)


@pytest.mark.parametrize('content', [b'params:\n  seed: 1\n', b'version https://git-lfs.github.com/spec/v1\n',
                                     bytes(99)])
def test_file_that_is_something_else_is_refused(path, content):
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize('where', [
    lambda trap: {'model': trap},
    lambda trap: {'model': {'a2c_network.mu.weight': trap}},
    lambda trap: {'model': MODEL, 'env_state': trap},
    lambda trap: {'model': MODEL, 'env_state': {'deep': [1, (2, {'er': trap})]}},
    lambda trap: trap,
], ids=['model', 'weight', 'env_state', 'nested', 'all'])
@pytest.mark.parametrize('saved', [
    torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))], ids=['torch', 'pickle'])
def test_code_in_a_file_is_refused_and_not_run(path, tmp_path, where, saved):
    sprung = tmp_path / 'sprung'
    saved(where(Trap(sprung)), path)
    assert 'refused, it is not plain weights' in refusal(path)
    assert not sprung.exists()
    # the trap was live: who runs what the pickle asks for springs it
    if saved is torch.save:
        torch.load(path, weights_only=False)
    else:
        pickle.loads(path.read_bytes())
    assert sprung.exists()


def test_refusal_says_what_the_file_wanted(path, tmp_path):
    save(path, env_state=Trap(tmp_path / 'sprung'))
    message = refusal(path)
    assert 'mkdir' in message and 'nothing in it was run' in message


def test_checksum_that_fits_is_taken_in_either_case(path):
    digest = hashlib.sha256(save(path).read_bytes()).hexdigest()
    assert load_checkpoint(path, digest.upper()).sha256 == digest


def test_flipped_bit_is_noticed_where_a_checksum_is_given(path):
    content = bytearray(save(path).read_bytes())
    wanted = hashlib.sha256(content).hexdigest()
    content[content.index(torch.ones(2).numpy().tobytes())] ^= 1
    path.write_bytes(content)
    assert not torch.equal(load_checkpoint(path).model['a2c_network.mu.bias'], torch.ones(2))
    message = refusal(path, wanted)
    assert wanted in message and hashlib.sha256(content).hexdigest() in message


@pytest.mark.parametrize('scalar', [np.float32(1.5), np.float64(-2.5), np.int64(3)])
@pytest.mark.parametrize('module', [b'numpy._core.multiarray', b'numpy.core.multiarray'])
def test_numpy_scalars_are_data_whichever_numpy_wrote_them(path, tmp_path, scalar, module):
    save(path, last_mean_rewards=scalar)
    renamed = tmp_path / 'renamed.pth'
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(renamed, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith('data.pkl'):
                assert b'core.multiarray\nscalar' in content
                content = content.replace(b'numpy._core.multiarray', module).replace(b'numpy.core.multiarray', module)
            target.writestr(name, content)
    assert list(load_checkpoint(renamed).model) == list(MODEL)


def test_prefix_of_a_compiled_network_is_taken_away(path):
    torch.save({'model': {f'_orig_mod.{name}': tensor for name, tensor in MODEL.items()}}, path)
    assert list(load_checkpoint(path).model) == list(MODEL)


def test_statistics_beside_the_model_take_the_place_of_those_in_it(path):
    inside = {'running_mean_std.running_mean': torch.zeros(3), 'running_mean_std.count': torch.tensor(1.0)}
    beside = {'running_mean': torch.full((3,), 5.0), 'running_var': torch.ones(3), 'count': torch.tensor(9.0)}
    torch.save({'model': {**MODEL, **inside}, 'running_mean_std': beside}, path)
    model = load_checkpoint(path).model
    assert set(model) == {*MODEL, *(f'running_mean_std.{name}' for name in beside)}
    for name, tensor in beside.items():
        assert torch.equal(model[f'running_mean_std.{name}'], tensor)


@pytest.mark.parametrize('content, told', [
    ([1, 2], 'expected a dict with `model`, got list'),
    (torch.ones(3), 'got Tensor'),
    ({'actor': MODEL, 'epoch': 3}, "no `model` in it; it has ['actor', 'epoch']"),
    ({'model': {}}, 'no `model` in it'),
    ({'model': torch.ones(3)}, 'no `model` in it'),
])
def test_file_without_a_model_says_what_is_in_it(path, content, told):
    torch.save(content, path)
    assert told in refusal(path)


@pytest.mark.parametrize('content', [
    {'model': {'a2c_network.mu.weight': 3}},
    {'model': {1: torch.ones(1)}},
    {'model': MODEL, 'running_mean_std': torch.ones(3)},
    {'model': MODEL, 'running_mean_std': [1]},
    {'model': MODEL, 'epoch': 'last'},
], ids=['weight', 'name', 'statistics', 'list', 'epoch'])
def test_file_with_something_else_in_a_known_place_is_refused(path, content):
    torch.save(content, path)
    refusal(path)
