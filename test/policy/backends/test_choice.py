# SPDX-License-Identifier: Apache-2.0
"""The backend that is asked for, or a reason; `auto` is the fastest; loading leaves the process as it was."""

import re
import subprocess
import sys
import time

import numpy as np
from policy.backends.small_policies import KINDS, load, ROWS
from policy.policy_bench import LOADING, LSTM, save, train_config
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy
from rl_policy_node.policy.backends import choice
from rl_policy_node.policy.backends.eager import EagerBackend

pytestmark = pytest.mark.usefixtures('as_before')

OBSERVATIONS = np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5)
# What a network does with its means; mu_act is the last thing that comes to them.
PLUGIN = """
import torch
from rl_games.algos_torch import network_builder
from rl_games.algos_torch.model_builder import register_network

class Odd(torch.nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return {expression}

class OddNetwork(network_builder.A2CBuilder):
    def build(self, name, **kwargs):
        network = super().build(name, **kwargs)
        network.mu_act = Odd()
        return network

register_network('odd', OddNetwork)
"""


def odd(folder, expression, **options):
    """Return a policy whose means go through an expression of torch."""
    (folder / 'plugin.py').write_text(PLUGIN.format(expression=expression))
    path = train_config(folder, {'name': 'odd', 'rnn': LSTM})
    return Policy.load(
        path, spaces=KINDS['lstm'][0], plugins=[str(folder / 'plugin.py')], **{'rows': ROWS, 'device': 'cpu', **options}
    )


@pytest.mark.parametrize('name', ['tensorrt', '', 'ONNX', 'Auto'])
def test_unknown_backend_is_refused_with_the_valid_ones(tmp_path, name):
    policy = load(tmp_path, 'mlp')
    before = policy.backend
    with pytest.raises(ConfigurationError, match=f"unknown backend '{name}'; valid: auto, cuda_graph, eager, onnx"):
        policy.choose_backend(name)
    with pytest.raises(ConfigurationError, match=f"unknown backend '{name}'; valid: auto, cuda_graph, eager, onnx"):
        Policy.load(tmp_path / 'train.yaml', backend=name)
    assert policy.backend is before


def test_default_is_the_player_itself(tmp_path):
    policy = load(tmp_path, 'lstm')
    assert type(policy.backend) is EagerBackend and policy.backend_report == "backend eager: rl_games' player"
    assert not policy.fell_back and policy.backend.player is policy.player


def test_policy_says_what_acts_and_how_long_loading_took(tmp_path):
    load(tmp_path, 'lstm')
    policy = Policy.load(
        tmp_path / 'train.yaml', spaces=KINDS['lstm'][0], rows=ROWS, device='cpu', backend='onnx', threads=2
    )
    assert re.fullmatch(r"backend onnx: within \d\.\de[-+]\d\d of rl_games' player", policy.backend_report)
    assert not policy.fell_back and policy.recurrent
    assert list(policy.seconds) == ['config', 'checkpoint', 'player', 'backend']
    assert min(policy.seconds.values()) >= 0 and policy.seconds['backend'] > 0
    assert policy.backend.session.get_session_options().intra_op_num_threads == 2
    assert policy.backend.session.get_providers() == ['CPUExecutionProvider']


def test_backend_may_be_chosen_again(tmp_path):
    policy, fresh = load(tmp_path, 'lstm', deterministic=False), load(tmp_path, 'lstm', deterministic=False)
    wanted = [fresh.act(OBSERVATIONS) for _ in range(2)]
    for name in ('onnx', 'eager', 'onnx', 'eager'):
        policy.choose_backend(name)
        assert policy.backend.name == name
        np.testing.assert_allclose([policy.act(OBSERVATIONS) for _ in range(2)], wanted, rtol=0, atol=1e-5)


def test_provider_that_this_build_lacks_is_refused_with_those_it_has(tmp_path):
    policy = load(tmp_path, 'mlp')
    for name in ('onnx', 'auto'):
        with pytest.raises(ConfigurationError, match=r"provider 'Gpu'.*; valid: .*CPUExecutionProvider"):
            policy.choose_backend(name, providers=['Gpu'])
    policy.choose_backend('onnx', providers=['CPUExecutionProvider'])
    assert policy.backend.name == 'onnx'


def test_auto_takes_the_faster_one_and_says_both_times(tmp_path):
    policy = load(tmp_path, 'lstm')
    policy.choose_backend('auto')
    name = policy.backend.name
    assert not policy.fell_back and name in ('onnx', 'eager')
    told = {
        'onnx': r"backend onnx: within \S+ of rl_games' player; (\d+) µs a step, the player takes (\d+) µs",
        'eager': r"backend eager: rl_games' player, (\d+) µs a step; onnx takes (\d+) µs",
    }[name]
    chosen, other = re.fullmatch(told, policy.backend_report).groups()
    assert int(chosen) <= int(other)


class Late(EagerBackend):
    """Right, but slower than any player."""

    name = 'onnx'

    def act(self, observations, hold=None):
        time.sleep(0.02)
        return super().act(observations, hold)


def test_auto_keeps_the_player_where_it_is_faster(tmp_path, monkeypatch):
    monkeypatch.setattr(choice, 'makers', lambda name, setup: [lambda: Late(setup.player, setup.inputs)])
    policy, fresh = load(tmp_path, 'mlp'), load(tmp_path, 'mlp')
    policy.choose_backend('auto')
    assert type(policy.backend) is EagerBackend and not policy.fell_back
    assert re.fullmatch(
        r"backend eager: rl_games' player, \d+ µs a step; onnx takes [23]\d{4} µs", policy.backend_report
    )
    np.testing.assert_array_equal(policy.act(OBSERVATIONS), fresh.act(OBSERVATIONS))


@pytest.mark.parametrize(
    'expression, told',
    [
        ('torch.special.bessel_j0(x)', 'cannot be had: .*bessel_j0'),
        ('x + torch.multinomial(torch.ones(3), 2).sum()', 'cannot be had: NotImplementedError: 2 samples'),
        ('x + 0.01 * self.calls', r'differs by \d'),
        ('x + torch.rand_like(x)', r'differs by \d'),
    ],
    ids=['an operator that ONNX lacks', 'samples', 'a count', 'other noise'],
)
@pytest.mark.parametrize('name', ['onnx', 'auto'])
def test_network_that_cannot_be_had_otherwise_is_played_by_eager(tmp_path, monkeypatch, expression, told, name):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    stream = torch.get_rng_state()
    policy = odd(tmp_path, expression, backend=name)
    assert policy.fell_back and type(policy.backend) is EagerBackend
    report = policy.backend_report
    assert re.match(f'backend onnx {told}.*; acting by eager, rl_games. player$', report), report
    assert not any(module.training for module in policy.player.model.modules())
    assert torch.equal(torch.get_rng_state(), stream)
    assert np.isfinite(policy.act(OBSERVATIONS)).all() and '\n' not in policy.backend_report
    assert bool(list(tmp_path.rglob('*.onnx'))) == ('differs' in policy.backend_report)


@pytest.mark.parametrize('expression', ['x.mul_(0.5)', 'x + 0 * torch.rand_like(x)', 'torch.where(x > 0, x, 2 * x)'])
def test_network_that_does_odd_things_is_exported_where_that_is_right(tmp_path, expression):
    stream = torch.get_rng_state()
    policy = odd(tmp_path, expression, backend='onnx')
    assert policy.backend.name == 'onnx', policy.backend_report
    assert torch.equal(torch.get_rng_state(), stream)


# What is tried where packages are missing or broken, in a process of its own.
LACKING = """
import os, sys
from rl_policy_node.policy import Policy, Spaces

def attempt(backend='onnx'):
    try:
        policy = Policy.load(*sys.argv[1:3], spaces=Spaces((5,), 3), device='cpu', backend=backend, rows=3)
        print(policy.backend.name, policy.fell_back, policy.backend_report)
    except Exception as error:
        print(type(error).__name__, error)

sys.path.insert(0, sys.argv[3])
attempt(), attempt('auto')
sys.path.remove(sys.argv[3])
sys.modules['onnxruntime'] = None
attempt(), attempt('auto')
del sys.modules['onnxruntime']
sys.modules['onnx'] = None
attempt()
os.environ['XDG_CACHE_HOME'] = sys.argv[3]
attempt(), attempt('auto')
"""
BROKEN = "eager True backend onnx cannot be had: ImportError: libcudart.so.12; acting by eager, rl_games' player"
MISSING = '{0} is not installed: pip install rl_policy_node[onnx]'
REFUSED = f"ConfigurationError backend 'onnx': {MISSING}"
INSTEAD = f"eager False backend eager: rl_games' player; onnx could not be tried, {MISSING}"


@pytest.mark.slow
def test_package_that_is_missing_or_broken_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    policy = Policy.load(
        train_config(tmp_path, {'rnn': LSTM}), spaces=KINDS['lstm'][0], rows=3, device='cpu', backend='onnx'
    )
    (kept,) = (tmp_path / 'cache').rglob('*.onnx')
    before = kept.stat().st_mtime_ns
    package = tmp_path / 'broken' / 'onnxruntime'
    package.mkdir(parents=True)
    (package / '__init__.py').write_text("raise ImportError('libcudart.so.12')")
    checkpoint = save(policy, tmp_path / 'policy.pth')
    done = subprocess.run(
        [sys.executable, '-c', LACKING, tmp_path / 'train.yaml', checkpoint, package.parent],
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = done.stdout.splitlines()
    assert told[:4] == [BROKEN, BROKEN, REFUSED.format('onnxruntime'), INSTEAD.format('onnxruntime')], done.stderr
    # what this process kept does without the exporter in another, by the same key
    assert told[4] == f'onnx False {policy.backend_report}' and kept.stat().st_mtime_ns == before
    assert told[5:] == [REFUSED.format('onnx'), INSTEAD.format('onnx')]
    assert not list(package.parent.rglob('*.onnx'))


@pytest.mark.slow
def test_loading_leaves_the_process_as_it_was(tmp_path):
    """As with eager: random streams, threads, precision, flags, print options, and nothing said on stdout."""
    script = LOADING.replace("device='cpu',", "device='cpu', backend='onnx', deterministic=False,")
    assert 'onnx' in script
    done = subprocess.run(
        [sys.executable, '-c', script, train_config(tmp_path, {'rnn': LSTM})],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ''
