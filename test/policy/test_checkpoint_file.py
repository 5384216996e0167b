# SPDX-License-Identifier: Apache-2.0
"""Files are read as data: what is damaged or something else is named, and nothing in a file is ever run."""

import hashlib
import io
import logging
import os
import pickle
import shutil
import time
import zipfile

import numpy as np
from policy.checkpoints import change_pickle, MODEL, refusal, save, Trap
import pytest
import torch

from rl_policy_node.policy.checkpoint.checkpoint import load_checkpoint


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'policy.pth'


def test_missing_file_is_named(path):
    assert refusal(path).endswith('no such file')


def test_folder_is_named_with_the_checkpoints_in_it(tmp_path):
    assert refusal(tmp_path).endswith('a folder; expected one .pth file')
    (tmp_path / 'nn').mkdir()
    save(tmp_path / 'nn' / 'best.pth')
    assert "such as ['nn/best.pth']" in refusal(tmp_path)


def test_what_is_no_regular_file_is_refused_without_waiting(path):
    os.mkfifo(path)
    assert 'not a regular file' in refusal(path)


def test_file_that_may_not_be_read_is_named(path, monkeypatch):
    save(path)

    def denied(self):
        raise PermissionError(13, 'Permission denied', str(self))

    monkeypatch.setattr(type(path), 'read_bytes', denied)  # root may read everything
    assert refusal(path).endswith('cannot be read (Permission denied)')


def test_empty_file_is_named(path):
    path.touch()
    assert 'damaged or not a checkpoint (0 bytes' in refusal(path)


def test_file_truncated_anywhere_is_refused(path):
    whole = save(path).read_bytes()
    for length in [*range(1, 64), *range(64, len(whole), 37), *range(len(whole) - 24, len(whole))]:
        path.write_bytes(whole[:length])
        assert refusal(path)


def archive(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w') as target:
        for name, text in files.items():
            target.writestr(name.replace('__', '/'), text)
    return content.getvalue()


@pytest.mark.parametrize(
    'content, kind',
    [
        (b'params:\n  seed: 1\n', "a text file that begins 'params:"),
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:1\n', 'a Git LFS pointer'),
        (b'<!DOCTYPE html>\n<html>', 'a web page'),
        (bytes(99), 'damaged or not a checkpoint'),
        (b'\x08\x08\x12\x07pytorch\x1a\x052.13.0', 'an ONNX model'),
        ((2).to_bytes(8, 'little') + b'{"a":{}}', 'a safetensors file'),
        (b'\x89HDF\r\n\x1a\n', 'an HDF5 file'),
        (b'\x1f\x8b\x08\x00', 'a gzip archive'),
        (bytes(257) + b'ustar' + bytes(250), 'a tar archive'),
        (archive(a__constants__pkl='', net__constants=''), 'a zip archive of'),
        (archive(**{'net/constants.pkl': '', 'net/data.pkl': ''}), 'a TorchScript archive'),
        (archive(**{'data': '{}', 'policy.pth': ''}), 'an archive of Stable-Baselines3'),
        (archive(**{'a.npy': '', 'b.npy': ''}), 'a numpy archive'),
        (archive(), 'a zip archive of []'),
        (archive(**{'a/data.pkl': 'nonsense'}), 'damaged or not a checkpoint'),
        (b'PK\x03\x04 and nothing else', 'damaged or not a checkpoint'),
        (pickle.dumps({'model': {}}), 'damaged or not a checkpoint'),
        (b"cposix\nmkdir\n(S'/tmp/never'\ntR.", 'a text file that begins'),
    ],
)
def test_file_that_is_something_else_is_named(path, content, kind):
    path.write_bytes(content)
    assert kind in refusal(path)


def test_torchscript_archive_is_named(path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    assert 'a TorchScript archive; expected a .pth file that rl_games wrote' in refusal(path)


def test_archive_that_unpacks_to_more_than_can_be_meant_is_refused(path):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as target:
        target.writestr('policy/data.pkl', bytes(10_000_000))
    assert 'unpack to 10000000 bytes' in refusal(path)


def legacy(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def plain(content, path):
    path.write_bytes(pickle.dumps(content, protocol=2))


class Key(Trap):
    """A trap that may be a key."""

    def __hash__(self):
        return 0


PLACES = {
    'model': lambda trap: {'model': trap},
    'weight': lambda trap: {'model': {'a2c_network.mu.weight': trap}},
    'key': lambda trap: {'model': {Key(trap.folder): torch.ones(1)}},
    'env_state': lambda trap: {'model': MODEL, 'env_state': trap},
    'nested': lambda trap: {'model': MODEL, 'env_state': {'deep': [1, (2, {'er': [[trap]]})]}},
    'statistics': lambda trap: {'model': MODEL, 'running_mean_std': {'running_mean': trap}},
    'all': lambda trap: trap,
}


@pytest.mark.parametrize('saved', [torch.save, legacy, plain], ids=['torch', 'legacy', 'pickle'])
@pytest.mark.parametrize('where', PLACES)
def test_code_in_a_file_is_refused_and_not_run(path, tmp_path, where, saved):
    sprung = tmp_path / 'sprung'
    saved(PLACES[where](Trap(sprung)), path)
    assert 'refused, it is not plain weights' in refusal(path)
    assert not sprung.exists()
    # the trap was live: who runs what the pickle asks for springs it
    if saved is plain:
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert sprung.exists()


class Calls:
    """Asks for any function whatever to be called."""

    def __init__(self, function, *arguments):
        self.asked = function, arguments

    def __reduce__(self):
        return self.asked


@pytest.mark.parametrize(
    'function, arguments',
    [
        (eval, ('open("sprung", "w")',)),
        (torch.load, ('other.pth',)),
        (torch.hub.load, ('a/b', 'c')),
        (getattr, (1, 'a')),
        (np.load, ('other.npy',)),
        (np.dtype, ('O',)),
        (np.frombuffer, (b'1234',)),
        (torch.nn.Linear, (1, 1)),
    ],
)
def test_no_function_is_called_but_those_that_make_tensors(path, tmp_path, monkeypatch, function, arguments):
    monkeypatch.chdir(tmp_path)
    assert 'refused, it is not plain weights' in refusal(save(path, env_state=Calls(function, *arguments)))
    assert not (tmp_path / 'sprung').exists()


@pytest.mark.parametrize('array', [np.array([{}]), np.zeros(2, [('a', int)])], ids=['objects', 'records'])
def test_arrays_of_more_than_numbers_are_refused(path, array):
    assert 'refused, it is not plain weights' in refusal(save(path, env_state=array))


def test_refusal_says_what_the_file_wanted(path, tmp_path):
    message = refusal(save(path, env_state=Trap(tmp_path / 'sprung')))
    assert 'mkdir' in message and 'nothing in it was run' in message


def test_refusals_take_no_time(path):
    torch.save({'model': {'a': torch.zeros(5_000_000)}, 'odd': Calls(eval, '1')}, path)
    begin = time.monotonic()
    refusal(path)
    refusal(path, '0' * 64)
    assert time.monotonic() - begin < 2.0


@pytest.mark.parametrize('form', [str.upper, str.lower, ' {} \n'.format])
def test_checksum_that_fits_is_taken_in_either_case(path, form):
    digest = hashlib.sha256(save(path).read_bytes()).hexdigest()
    assert load_checkpoint(path, form(digest)).sha256 == digest


@pytest.mark.parametrize('checksum', ['123', 'z' * 64, '0' * 63, '0' * 65, 'md5', '0' * 32])
def test_what_is_no_checksum_is_refused_with_the_right_one(path, checksum):
    digest = hashlib.sha256(save(path).read_bytes()).hexdigest()
    message = refusal(path, checksum)
    assert f"the checksum given is '{checksum}'; expected 64 hexadecimal digits" in message and digest in message


def flip(path):
    content = bytearray(path.read_bytes())
    content[content.index(torch.ones(2).numpy().tobytes())] ^= 1
    path.write_bytes(content)


def test_flipped_bit_is_noticed_with_a_checksum_and_without(path):
    wanted = hashlib.sha256(save(path).read_bytes()).hexdigest()
    flip(path)
    assert not torch.equal(torch.load(path)['model']['a2c_network.mu.bias'], torch.ones(2))
    message = refusal(path, wanted)
    assert wanted in message and hashlib.sha256(path.read_bytes()).hexdigest() in message
    assert 'damaged' in refusal(path) and 'does not fit its checksum' in refusal(path)


def test_legacy_file_is_plain_weights_too(path):
    legacy({'model': MODEL, 'last_mean_rewards': np.float32(2)}, path)
    assert list(load_checkpoint(path).model) == list(MODEL)


def test_tensors_of_another_device_come_to_the_cpu(path):
    save(path)
    change_pickle(path, lambda content: content.replace(b'X\x03\x00\x00\x00cpu', b'X\x06\x00\x00\x00cuda:0'))
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match='CUDA'):
            torch.load(path)
    model = load_checkpoint(path).model
    assert {tensor.device.type for tensor in model.values()} == {'cpu'}
    assert torch.equal(model['a2c_network.mu.bias'], torch.ones(2))


def test_file_that_is_named_may_run_code_and_says_so(path, tmp_path, caplog):
    sprung = tmp_path / 'sprung'
    save(path, env_state=Trap(sprung), epoch=3)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with caplog.at_level(logging.WARNING):
        checkpoint = load_checkpoint(path, digest, 'policy.pth')
    assert sprung.exists() and checkpoint.executed and checkpoint.epoch == 3
    assert list(checkpoint.model) == list(MODEL)
    (record,) = caplog.records
    assert record.name.startswith('rl_policy_node.policy') and record.levelname == 'WARNING'
    assert 'RUNNING CODE' in record.message and str(path) in record.message and digest in record.message


@pytest.mark.parametrize('name', ['other.pth', 'policy', 'Policy.pth', './policy.pth', '*', 'true', 'policy.pth '])
def test_other_names_run_nothing(path, tmp_path, name):
    save(path, env_state=Trap(tmp_path / 'sprung'))
    message = refusal(path, '', name)
    assert f"allow_untrusted_pickle is '{name}'" in message and "expected 'policy.pth'" in message
    shutil.copy(path, tmp_path / 'copy.pth')
    assert 'does not name this file' in refusal(tmp_path / 'copy.pth', '', 'policy.pth')
    assert not (tmp_path / 'sprung').exists()


def test_plain_weights_are_read_as_such_even_where_code_may_run(path, caplog):
    with caplog.at_level(logging.WARNING):
        checkpoint = load_checkpoint(save(path), '', 'policy.pth')
    assert not checkpoint.executed
    assert 'nothing in it was run' in caplog.text


def test_wrong_checksum_and_damage_keep_code_from_running(path, tmp_path):
    save(path, env_state=Trap(tmp_path / 'sprung'))
    refusal(path, '0' * 64, 'policy.pth')
    flip(path)
    refusal(path, '', 'policy.pth')
    assert not (tmp_path / 'sprung').exists()


def test_code_that_fails_is_told_in_one_line(path):
    message = refusal(save(path, env_state=Calls(int, 'one\ntwo')), '', 'policy.pth')
    assert 'unpickled as allow_untrusted_pickle asks, which failed' in message
