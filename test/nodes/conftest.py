# SPDX-License-Identifier: Apache-2.0
"""Real nodes in processes of their own, real DDS on this machine, a domain no other run shares."""

from nodes.harness import Arm, tiny_run
import pytest

from rl_policy_node.tools.process.processes import private_domain


@pytest.fixture(scope='session', autouse=True)
def domain():
    private_domain()


@pytest.fixture(scope='session')
def run(tmp_path_factory):
    """A tiny recurrent policy: three joint positions, three velocities and a force in, three actions out."""
    return tiny_run(tmp_path_factory.mktemp('run'))


@pytest.fixture
def arm(tmp_path):
    """A three-joint arm with a wrist sensor, and whatever node is started for it."""
    with Arm(tmp_path) as arm:
        yield arm
