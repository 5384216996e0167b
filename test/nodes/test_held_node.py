# SPDX-License-Identifier: Apache-2.0
"""A process that stands still from within, beside its guardian: the robots are stopped, and by nobody else."""

import os
import signal
import time

from nodes.guarded import acting, goes_on, gone, Heard, PERIOD, PLENTY, status_of, stopped_by_itself, VELOCITY
from nodes.harness import wait
import pytest
from sensor_msgs.msg import JointState

MODULE = """
import ctypes
import fcntl
import os
from pathlib import Path
import time

HERE = Path(__file__).parent


def force(arrays, context):
    if asked('interpreter'):
        ctypes.PyDLL(None).usleep(1_200_000)  # PyDLL: it keeps the interpreter
    if asked('stderr'):
        fill_stderr()
    return arrays['wrench.force']


def asked(what):
    if not (HERE / what).exists():
        return False
    (HERE / what).rename(HERE / f'{what}_began')
    (HERE / f'{what}_began').write_text(repr(time.monotonic()))
    return True


def fill_stderr():
    '''Put a full pipe, which nobody reads, in the place of the standard error.'''
    _, full = os.pipe()
    fcntl.fcntl(full, 1031, 4096)
    os.write(full, bytes(4096))
    os.dup2(full, 2)
"""
PATIENCE = 0.3  # s: this machine may keep a node from its turn for a while, and that is no case of these
IN_TIME = PATIENCE + 2 * PERIOD + 0.05 + PLENTY
TERM = {'terms.force': {'kind': 'function', 'function': 'standing:force', 'source': 'wrench', 'field': 'force'}}


@pytest.mark.slow
def test_a_held_interpreter_and_a_log_that_blocks_end_at_zero_and_nothing_follows(arm, run, tmp_path, monkeypatch):
    (tmp_path / 'standing.py').write_text(MODULE)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}')
    heard, said = Heard(arm, JointState, 'velocities'), status_of(arm)
    node, guardian = acting(arm, run, heard, {**VELOCITY, **TERM, 'guardian_timeout': PATIENCE})

    def began(what):
        (tmp_path / what).touch()
        assert arm.live_until((tmp_path / f'{what}_began').exists, 5), node.tail()
        return time.monotonic()

    held = began('interpreter')
    arm.live(1.0)
    assert heard.silenced_at(held) - held < IN_TIME
    assert stopped_by_itself(arm, said, 'fenced by the guardian'), 'it has woken'
    arm.live(0.3)
    heard.silenced_at(held)
    assert goes_on(arm, heard), node.tail()

    began('stderr')
    arm.live(0.1)
    assert any(heard.messages[-1]), 'until there is a line to say, it acts'
    arm.names = ['shoulder', 'shoulder', 'wrist']  # refused, and logged
    blocked = time.monotonic()
    arm.live(1.0)
    assert heard.silenced_at(blocked) - blocked < IN_TIME
    node.stop(signal.SIGKILL)
    assert wait(lambda: gone(guardian), 5)
