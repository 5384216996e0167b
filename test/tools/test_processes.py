# SPDX-License-Identifier: Apache-2.0
"""Nodes do not outlive whoever started them, and runs keep apart."""

import os
import signal
import subprocess
import sys
import time

from tools.alive import alive

from rl_policy_node.tools.process import processes

PARENT = """
import sys, time
from pathlib import Path
from rl_policy_node.tools.process.processes import NodeProcess, private_domain
private_domain()
folder = Path(sys.argv[1])
(folder / 'empty.yaml').write_text('/**: {ros__parameters: {control_rate: 10.0}}')
node = NodeProcess('policy_node', folder / 'empty.yaml', {}, folder / 'node.log')
print(node.process.pid, __import__('os').environ['ROS_DOMAIN_ID'], flush=True)
time.sleep(60)
"""


def start(folder):
    environment = {name: value for name, value in os.environ.items() if name != 'ROS_DOMAIN_ID'}
    parent = subprocess.Popen(
        [sys.executable, '-c', PARENT, str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    )
    node, domain = parent.stdout.readline().split()
    return parent, int(node), int(domain)


def test_a_node_ends_with_the_process_that_started_it_and_two_runs_have_two_domains(tmp_path):
    (tmp_path / 'other').mkdir()
    first, second = start(tmp_path), start(tmp_path / 'other')
    try:
        assert first[2] != second[2]
        assert alive(first[1]) and alive(second[1])
    finally:
        for parent, _, _ in (first, second):
            parent.send_signal(signal.SIGKILL)
            parent.wait()
    end = time.monotonic() + 30
    while (alive(first[1]) or alive(second[1])) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive(first[1]) and not alive(second[1])


def test_domain_that_nobody_chose_is_the_same_at_every_call(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '7')
    processes.private_domain()
    assert os.environ['ROS_DOMAIN_ID'] == '7'
    found = set()
    for _ in range(200):  # there are a hundred of them
        processes.private_domain(chosen=False)
        found.add(os.environ['ROS_DOMAIN_ID'])
    assert len(found) == 1 and found != {'7'}
