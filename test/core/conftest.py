# SPDX-License-Identifier: Apache-2.0
"""Tiny policies are written once."""

from core.core_bench import Bench, policy_of
import pytest


@pytest.fixture(scope='session')
def folder(tmp_path_factory):
    """Where the runs of tiny policies are kept."""
    return tmp_path_factory.mktemp('runs')


@pytest.fixture
def policy(folder):
    """A tiny recurrent policy for two rows."""
    return policy_of(folder)


@pytest.fixture
def bench(policy):
    """A bench that has been measured, was started, and stepped once."""
    bench = Bench(policy)
    bench.measure()
    bench.cycle.start()
    bench.step(1)
    return bench
