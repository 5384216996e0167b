# SPDX-License-Identifier: Apache-2.0
"""A bridge whose environment lives in another Python: whatever happens to that, it says so, and robots are safe."""

import json
import os
import signal
import time

from nodes.bridge_bench import BridgeBench
from nodes.harness import Arm, Nodes, parameters, wait
import pytest
from sim.workers import create, goes, HERE, is_alive, pid_of, python
from std_srvs.srv import Trigger

SOON = 2.0  # s in which a failure is told


class Pair(Nodes):
    """A bridge whose environment lives in another Python, and a policy node."""

    def __init__(self, folder, run, **changes):
        sim = {'sim.environment': 'worlds:Reaching', 'sim.python_path': [str(HERE)], **changes}
        file = folder / 'parameters.json'
        file.write_text(json.dumps({'/**': {'ros__parameters': parameters(run, **sim)}}))
        super().__init__(folder, file)

    def start(self, module, **overrides):
        return super().start(module, overrides)

    def bridge(self):
        """Start a bridge; return it and the process of its worker once the policy has played an episode."""
        bridge = self.start('sim_bridge_node')
        assert wait(lambda: 'episode 0' in bridge.tail(1000), 60), bridge.tail()
        return bridge, pid_of(bridge.tail(1000))


def resume(folder):
    """Let the robots go on, as soon as all that they need arrives."""
    with Arm(folder) as person:
        person.talking = set()
        assert wait(lambda: person.call(Trigger, '/policy_node/resume', Trigger.Request()).success, 10)


@pytest.mark.slow
def test_whatever_becomes_of_a_worker_the_bridge_says_so_and_the_policy_falls_back(run, tmp_path):
    """kill -9, then SIGSTOP of the worker, then kill -9 of the bridge itself: nothing of either is left."""
    with Pair(tmp_path, run, **{'sim.python': python()}) as nodes:
        policy = nodes.start('policy_node', use_sim_time=True)
        for number, told in enumerate(('was killed by SIGKILL', 'was stopped by a signal', '')):
            bridge, worker = nodes.bridge()
            if number:  # what was gone for long does not come back by itself
                resume(tmp_path)
            begun = time.monotonic()
            os.kill(worker if told else bridge.process.pid, signal.SIGSTOP if 'stopped' in told else signal.SIGKILL)
            if told:
                assert wait(lambda: told in bridge.tail(), 30) and time.monotonic() - begun < SOON, bridge.tail()
                assert wait(lambda: bridge.poll() is not None, 10) and bridge.poll() == 1, bridge.tail()
                assert 'Traceback' not in bridge.tail(1000)
            assert goes(worker)
            assert wait(lambda: policy.tail(1000).count('sending the fallback') > number, 10), policy.tail()
        assert policy.stop() == 0


@pytest.mark.parametrize(
    'mode, number, told',
    [('lockstep', signal.SIGKILL, 'was killed by SIGKILL'), ('real_time', signal.SIGSTOP, 'was stopped by a signal')],
)
def test_a_worker_is_missed_although_nobody_commands(run, mode, number, told):
    lines = []
    environment = create('Reaching', python(), say=lines.append)
    tree = parameters(run, robots=['left', 'right'], **{'sim.mode': mode})
    bridge = BridgeBench(tree, environment)
    bridge.start()
    os.kill(pid_of(lines), number)
    assert wait(lambda: bridge.finished, SOON)
    assert bridge.failed and told in bridge.log.lines[-1]
    bridge.stop()


def test_who_does_not_wait_for_a_worker_to_begin_ends_the_bridge(run, tmp_path):
    """As by Ctrl-C while Isaac Gym takes its minutes."""
    options = ['fault=hang', 'at=make', 'after=0']
    with Pair(
        tmp_path, run, **{'sim.python': python(), 'sim.environment': 'worlds:Faulty', 'sim.options': options}
    ) as nodes:
        bridge = nodes.start('sim_bridge_node')
        assert wait(lambda: 'goes wrong' in bridge.tail(), 30), bridge.tail()
        worker = pid_of(bridge.tail())
        assert bridge.stop(patience=SOON + 3.0) == 128 + signal.SIGINT, bridge.tail()
        assert not is_alive(worker)


def test_a_bridge_that_ends_as_it_should_leaves_no_worker(run, tmp_path):
    with Pair(tmp_path, run, **{'sim.python': python()}) as nodes:
        bridge = nodes.start('sim_bridge_node')
        assert wait(lambda: 'hosting' in bridge.tail(1000), 30), bridge.tail()
        worker = pid_of(bridge.tail(1000))
        assert is_alive(worker)
        time.sleep(0.5)  # until it is created, a signal ends it with another exit code
        assert bridge.stop() == 0 and not is_alive(worker)


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'sim.python': '/no/python'}, "sim.python '/no/python' does not exist"),
        (
            {'sim.environment': 'worlds:Faulty', 'sim.options': ['fault=raise', 'at=make', 'after=0']},
            'RuntimeError: the simulator lost its GPU',
        ),
    ],
)
def test_a_worker_that_cannot_begin_ends_the_bridge_with_the_reason(run, tmp_path, changes, told):
    with Pair(tmp_path, run, **{'sim.python': python(), **changes}) as nodes:
        bridge = nodes.start('sim_bridge_node')
        assert wait(lambda: bridge.poll() is not None, 30)
        assert bridge.poll() == 1 and told in bridge.tail(), bridge.tail()
        assert 'rl_policy_node/nodes' not in bridge.tail(), "none of the bridge's own lines"
