# SPDX-License-Identifier: Apache-2.0
"""`rl_policy watch` beside a real node: one picture, and nodes that come and go."""

import contextlib
import os
import pty
import re
import signal
import time

from nodes.acting import acted, picture
from nodes.harness import parameters
import pytest

from rl_policy_node.nodes.watch.watcher import Watcher
from rl_policy_node.tools.process.processes import ToolProcess


@pytest.mark.slow
def test_one_picture_of_a_node_that_acts(arm, run, tmp_path):
    arm.start(parameters(run, **{'stream.enabled': True}))
    acted(arm)
    for _ in range(3):  # on a busy machine the graph may know the streams later than the node
        code, text = picture(arm, '--patience', '20', '--all-numbers', '--svg', str(tmp_path / 'picture.svg'))
        if 'action/arm' in text:
            break
    assert code == 0, text
    assert ' /policy_node ' in text and '│ active' in text and 'latency' in text
    assert any(re.search(r'force +y +2 ', line) for line in text.splitlines()), text
    assert 'action/arm' in text
    assert (tmp_path / 'picture.svg').read_text('utf-8').startswith('<svg')


@pytest.mark.slow
def test_a_robot_that_is_held_is_shown_with_the_reason_and_its_fault(arm, run):
    arm.start(parameters(run))
    acted(arm)
    arm.talking.remove('wrench')
    arm.live(2.0)
    code, text = picture(arm, '/policy_node', '--patience', '20')
    assert code == 0 and '1 of 1 robots on the fallback' in text, text
    assert "robot  source 'wrench'" in text and ' warn ' in text


@pytest.mark.slow
def test_in_a_terminal_it_goes_on_until_ctrl_c(arm, run):
    arm.start(parameters(run))
    acted(arm)
    ours, theirs = pty.openpty()
    pipes = dict.fromkeys(('stdin', 'stdout', 'stderr'), theirs)
    tool = ToolProcess('watch', ['-m', 'rl_policy_node.tools.main', 'watch'], arm.folder / 'watch.log', **pipes)
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = bytearray()

    def drawn():
        with contextlib.suppress(OSError):  # nothing new
            shown.extend(os.read(ours, 65536))
        return shown.count(b'missed') >= 3  # three pictures

    try:
        assert arm.live_until(drawn, 40), shown.decode(errors='replace')
        assert tool.stop(signal.SIGINT) == 0
    finally:
        tool.stop()
        os.close(ours)
    assert b'/policy_node' in shown


def test_without_a_node_it_says_so(arm):
    code, text = picture(arm, '--patience', '1')
    assert code == 1 and 'no policy node in DDS domain' in text


def test_a_named_node_is_awaited(arm):
    code, text = picture(arm, '/nowhere/policy_node', '--patience', '1')
    assert code == 1 and '/nowhere/policy_node' in text and 'waiting' in text


@pytest.mark.slow
def test_nodes_come_and_go(arm, run, monkeypatch):
    monkeypatch.setattr('rl_policy_node.nodes.watch.watcher.FORGET', 3.0)
    with Watcher() as watcher:
        assert watcher.poll(0.6) == []
        node = arm.start(parameters(run))

        def states():
            arm.live(0.05)
            return [view.state(time.monotonic()) for view in watcher.poll(0.05)]

        assert arm.live_until(lambda: states() == ['active'], 60)
        node.stop()
        assert arm.live_until(lambda: states() == ['gone'], 20)
        assert arm.live_until(lambda: states() == [], 20), 'it is forgotten'
        again = arm.start(parameters(run))
        assert arm.live_until(lambda: states() == ['active'], 60)
        assert again.poll() is None


@pytest.mark.parametrize('payload', [b'', b'\x00\x01\x00\x00', b'\x00\x01\x00\x00\xff\xff\xff\xff', b'\x00' * 40])
def test_garbage_is_no_report(payload):
    from rl_policy_node.nodes.watch import watcher

    taken = []
    watcher._reading(watcher.JointState, taken.append)(payload)
    assert all(not message.name for message in taken)
