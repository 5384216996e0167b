# SPDX-License-Identifier: Apache-2.0
"""Faults of the shipped insertion's sensors are noticed within a second, and ordinary episodes raise nothing."""

import importlib.util
from pathlib import Path
import sys

import pytest

FILE = Path(__file__).parents[2] / 'benchmarks' / 'ood.py'
ROWS = 8


@pytest.fixture(scope='module')
def benchmark():
    """Return the module of benchmarks/ood.py, which plays hundreds of episodes."""
    spec = importlib.util.spec_from_file_location('benchmarks_ood', FILE)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def play(benchmark):
    pytest.importorskip('mujoco')
    return benchmark.Play(ROWS, seed=5, backend='eager')


def test_ordinary_episodes_raise_nothing(benchmark, play):
    assert benchmark.first(play.episodes(1)[0]) == {}


@pytest.mark.parametrize(
    'name',
    [
        'ee_pos: x and y swapped',
        'ee_quat: w, x, y, z',
        'ee_quat: sign',
        'tactile left: sign of the normal forces',
        'socket_pos: ×10',
        'tactile left: ×10',
        'frozen taxel (1, 2), normal, from step 5',
    ],
)
def test_fault_is_noticed_within_a_second(benchmark, play, name):
    fault = next(each for each in benchmark.faults() if each.name == name)
    found = benchmark.first(play.episodes(1, fault, fault.at + 60)[0])
    assert set(found) == set(range(ROWS)) and min(step for step, _ in found.values()) >= fault.at
    if 'frozen' in name:
        assert all('its number 18 stays the same' in reason for _, reason in found.values())
