# SPDX-License-Identifier: Apache-2.0
"""Exports are kept by all that they are made from; whatever is wrong with one that is kept, the policy acts right."""

import os
from pathlib import Path
import subprocess
import sys

import numpy as np
from policy import golden_rule
from policy.backends.small_policies import KINDS, load
from policy.policy_bench import train_config
import pytest
import torch
import yaml

from rl_policy_node.policy import Policy
from rl_policy_node.policy.backends import cache as caches
from rl_policy_node.policy.backends.cache import Cache, key_of
from rl_policy_node.policy.backends.export import export
from rl_policy_node.policy.backends.player_step import Step

OBSERVATIONS = np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder in which exports are kept, which is not there yet."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'rl_policy_node'


@pytest.fixture
def policy(tmp_path):
    return load(tmp_path, 'lstm')


def acts_by_onnx(policy):
    """Choose ONNX, and compare a step with eager's."""
    policy.choose_backend('eager')
    wanted = policy.act(OBSERVATIONS)
    policy.choose_backend('onnx')
    np.testing.assert_allclose(policy.act(OBSERVATIONS), wanted, rtol=0, atol=1e-5)
    return policy.backend.name == 'onnx' and not policy.fell_back


def kept_in(folder):
    """Return the only file that is kept."""
    (file,) = folder.iterdir()
    return file


def test_export_is_written_once_and_read_again(policy, folder):
    assert acts_by_onnx(policy)
    file = kept_in(folder)
    before, content = file.stat(), file.read_bytes()
    assert acts_by_onnx(policy)
    after = kept_in(folder).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns) and file.read_bytes() == content


def key(policy, **changes):
    given = {
        'player': policy.player,
        'config': policy.config,
        'inputs': policy.backend.inputs,
        'deterministic': policy.deterministic,
        'versions': {'torch': '2'},
    }
    return key_of(**{**given, **changes})


def test_key_is_of_all_that_an_export_depends_on(tmp_path):
    spaces, network, _ = KINDS['dict']
    path = train_config(tmp_path, network)
    turned = tmp_path / 'turned.yaml'
    params = yaml.safe_load(path.read_text())
    params['params']['network']['input_preprocessors'] = dict(
        reversed(params['params']['network']['input_preprocessors'].items())
    )
    turned.write_text(yaml.safe_dump(params, sort_keys=False))

    def made(**options):
        return Policy.load(**{'train_config': path, 'spaces': spaces, 'device': 'cpu', 'rows': 3, **options})

    policy, other = made(), made()
    golden_rule.fill(other.player.model)
    keys = [
        key(policy),
        key(other),
        key(policy, deterministic=False),
        key(policy, versions={'torch': '3'}),
        key(made(rows=4)),
        key(made(sigma=0.5)),
        key(made(overrides=['+params.config.clip_actions=false'])),
        key(made(overrides=['params.network.mlp.activation=relu'])),
        key(made(train_config=turned)),
        key(made(spaces={'observation': spaces.observation, 'action': 2, 'action_high': 2.0})),
        key(made(spaces={'observation': spaces.observation, 'action': 2, 'dtype': {'wrist': 'uint8'}})),
    ]
    assert len(set(keys)) == len(keys)
    assert key(made()) == keys[0] and key(made(), deterministic=False) == keys[2]


def test_one_changed_number_is_another_key(policy):
    for tensor in policy.player.model.state_dict().values():
        before = key(policy)
        with torch.no_grad():
            tensor.view(-1)[-1] += 1
        assert key(policy) != before


def flip(content):
    return content[:500] + bytes([content[500] ^ 1]) + content[501:]


@pytest.mark.parametrize(
    'damage',
    [
        flip,
        lambda content: content[:-1],
        lambda content: content[:20],
        lambda content: b'',
        lambda content: content + b'0',
    ],
    ids=['flipped', 'cut', 'cut short', 'empty', 'longer'],
)
def test_damaged_file_counts_as_none(policy, folder, damage):
    assert acts_by_onnx(policy)
    file = kept_in(folder)
    good = file.read_bytes()
    file.write_bytes(damage(good))
    assert Cache().read(file.stem) is None
    assert acts_by_onnx(policy)
    assert Cache().read(file.stem) == Cache(folder).read(kept_in(folder).stem) is not None


def of_other_weights(policy):
    with torch.no_grad():
        policy.player.model.a2c_network.mu.weight.mul_(1.01)
    return export(Step(policy.player, policy.backend.inputs, policy.deterministic))


def of_another_network(policy):
    return export(Step(policy.player, policy.backend.inputs, policy.deterministic))


@pytest.mark.parametrize('other', ['other weights', 'another network', 'no model'])
def test_kept_model_that_is_not_this_policys_is_replaced(policy, folder, tmp_path, other):
    assert acts_by_onnx(policy)
    file = kept_in(folder)
    (tmp_path / 'other').mkdir()
    wrong = {
        'other weights': lambda: of_other_weights(load(tmp_path / 'other', 'lstm')),
        'another network': lambda: of_another_network(load(tmp_path / 'other', 'mlp')),
        'no model': lambda: b'not a model',
    }[other]()
    assert Cache().write(file.stem, wrong) == ''
    assert acts_by_onnx(policy)
    assert Cache().read(file.stem) != wrong
    before = file.stat().st_mtime_ns
    assert acts_by_onnx(policy) and kept_in(folder).stat().st_mtime_ns == before


def test_folder_that_cannot_be_written_is_survived(policy, tmp_path, monkeypatch, caplog):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    assert acts_by_onnx(policy)
    assert f'the export is not kept: {tmp_path / "file" / "rl_policy_node"}: Not a directory' in caplog.text


def test_user_without_a_home_is_survived(policy, monkeypatch, caplog):
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.delenv('HOME', raising=False)
    monkeypatch.setattr(os, 'getuid', lambda: 987654321)
    with pytest.raises(RuntimeError):
        Path.home()
    policy.choose_backend('eager')
    assert acts_by_onnx(policy)
    assert 'the export is not kept: neither $XDG_CACHE_HOME nor $HOME is set' in caplog.text


def test_default_is_the_users_cache(monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', '')
    monkeypatch.setenv('HOME', '/home/somebody')
    assert Cache().folder == Path('/home/somebody/.cache/rl_policy_node')
    monkeypatch.setenv('XDG_CACHE_HOME', '/var/cache/robot')
    assert Cache().folder == Path('/var/cache/robot/rl_policy_node')


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path):
    cache = Cache(tmp_path / 'kept')
    (tmp_path / 'kept' / 'key.onnx').mkdir(parents=True)
    assert cache.write('key', b'content') == f'{tmp_path / "kept"}: Is a directory'
    assert [file.name for file in (tmp_path / 'kept').iterdir()] == ['key.onnx']
    assert cache.read('key') is None


WRITER = """
import runpy, sys
Cache = runpy.run_path(sys.argv[1])['Cache']
sys.stdin.readline()
for _ in range(40):
    problem = Cache(sys.argv[2]).write('key', sys.argv[3].encode() * 200_000)
    assert not problem, problem
"""


@pytest.mark.slow
def test_two_processes_may_write_and_read_at_once(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, '-c', WRITER, caches.__file__, tmp_path / 'kept', letter], stdin=subprocess.PIPE
        )
        for letter in 'ab'
    ]
    for writer in writers:
        writer.stdin.write(b'\n')
        writer.stdin.close()
    cache, seen = Cache(tmp_path / 'kept'), set()
    while any(writer.poll() is None for writer in writers):
        content = cache.read('key')
        if content is not None:
            seen.add(content)
    assert [writer.wait(30) for writer in writers] == [0, 0]
    assert seen and seen <= {b'a' * 200_000, b'b' * 200_000}
    assert [file.name for file in (tmp_path / 'kept').iterdir()] == ['key.onnx']


def test_the_oldest_models_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(caches, 'KEPT', 3)
    cache = Cache(tmp_path)
    for age, key in enumerate('abcd'):
        assert not cache.write(key, key.encode())
        os.utime(tmp_path / f'{key}.onnx', (age, age))
    assert not cache.write('e', b'e')
    assert [cache.read(key) for key in 'abcde'] == [None, None, b'c', b'd', b'e']
