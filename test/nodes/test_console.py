# SPDX-License-Identifier: Apache-2.0
"""Whoever does not read what a node writes does not stop it."""

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from nodes.harness import parameters, wait
import pytest

from rl_policy_node.tools.process.processes import ToolProcess

PIPE_SIZE = 4096


@contextlib.contextmanager
def unread():
    """Make a pipe of 4 kB; yield what reads and what writes."""
    read, write = os.pipe()
    fcntl.fcntl(write, 1031, PIPE_SIZE)
    try:
        yield read, write
    finally:
        os.close(read)
        with contextlib.suppress(OSError):
            os.close(write)


def rest(read, seconds=3.0):
    """Return what comes until the other end is closed, or nothing more for a while."""
    found = b''
    while select.select([read], [], [], seconds)[0]:
        chunk = os.read(read, 1 << 16)
        if not chunk:
            break
        found += chunk
    return found.decode()


def script(body, write, *arguments, **options):
    """Start Python on a script within a Console, with its output to a descriptor."""
    imports = 'import os, sys, time\nfrom rl_policy_node.nodes.process.console import Console'
    text = f'{imports}\nwith Console():\n    {body}\n'
    return subprocess.Popen([sys.executable, '-c', text, *arguments], stdout=write, stderr=write, **options)


def test_what_is_read_arrives_whole_and_in_order():
    with unread() as (read, write):
        process = script("print('one', flush=True); os.write(2, b'two\\n'); print('x' * 300000)", write)
        os.close(write)
        assert rest(read) == 'one\ntwo\n' + 'x' * 300000 + '\n'
        assert process.wait(10) == 0


def test_it_ends_though_nobody_reads():
    with unread() as (_, write):
        assert script("os.write(2, b'x' * 100000)", write).wait(10) == 0


def test_more_than_is_read_is_dropped_and_counted_and_the_last_lines_stay(tmp_path):
    body = (
        "[os.write(2, b'%070d\\n' % n) for n in range(60000) if n % 500 or not time.sleep(0.01)]; "
        "os.write(2, b'last words\\n'); open(sys.argv[1], 'w').close(); sys.stdin.read()"
    )
    with unread() as (read, write):
        process = script(body, write, tmp_path / 'written', stdin=subprocess.PIPE)
        os.close(write)
        assert wait((tmp_path / 'written').exists, 20), 'nobody reads, and it goes on'
        found = rest(read, 0.5)
        process.stdin.close()
        assert 'lines dropped: they were not read in time' in found and found.endswith('last words\n')
        assert process.wait(10) == 0


def test_what_a_crash_leaves_arrives():
    with unread() as (read, write):
        process = script("import faulthandler; faulthandler.enable(); os.write(2, b'before\\n'); os.abort()", write)
        os.close(write)
        found = rest(read)
        assert process.wait(10) == -signal.SIGABRT
        assert found.startswith('before\n') and 'Aborted' in found


@pytest.mark.slow
def test_a_node_whose_output_nobody_reads_acts_and_ends_on_its_fallback(arm, run):
    file = arm.folder / 'node.yaml'
    file.write_text(json.dumps({'/**': {'ros__parameters': parameters(run)}}))
    with unread() as (read, write), open(write, 'wb', closefd=False) as output:
        node = ToolProcess(
            'policy_node',
            ['-m', 'rl_policy_node.nodes.entry', 'policy_node', '--ros-args', '--params-file', file],
            arm.folder / 'node.log',
            stderr=output,
            stdout=output,
        )
        try:
            os.close(write)
            assert arm.live_until(lambda: len(arm.commands) > 3 and arm.commands[-1] != arm.position, 40)
            client = arm.node.create_client(ChangeState, '/policy_node/change_state')
            assert arm.live_until(client.service_is_ready, 10)
            for _ in range(150):  # each is refused with a traceback
                client.call_async(ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE)))
                arm.live(0.01)
            before = len(arm.commands)
            assert arm.live_until(lambda: len(arm.commands) > before + 20, 5)
            assert arm.commands[-1] != arm.position
            node.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert arm.live_until(lambda: node.poll() is not None, 10)
            assert time.monotonic() - began < 6.0
            arm.live(0.3)
            assert arm.commands[-1] == arm.position and node.poll() == 0
        finally:
            node.stop(signal.SIGKILL)
