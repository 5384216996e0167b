# SPDX-License-Identifier: Apache-2.0
"""A fault in the loop: the fallback goes out, the node deactivates by itself, and says ERROR until it acts again.

A step that hangs: the fallback goes out in time, and nothing of the step.
"""

import os
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from nodes.acting import acted
from nodes.harness import parameters
import pytest
from std_srvs.srv import Trigger

MODULE = """
from pathlib import Path
import time

from rl_policy_node.adapters import ADAPTERS


class Command(ADAPTERS['std_msgs/msg/Float64MultiArray']):
    def to_message(self, *arguments, **options):
        if asked('publish'):
            raise OSError('no network')
        return super().to_message(*arguments, **options)


def force(arrays, context):
    if asked('term'):
        raise SystemExit('enough')
    if asked('hang'):
        time.sleep(1.5)
    return arrays['wrench.force']


def asked(what):
    '''Whether to do it now: once for each line of a file.'''
    file = Path(__file__).with_name(what)
    if not file.exists():
        return False
    left = file.read_text().splitlines()[1:]
    file.write_text('\\n'.join(left)) if left else file.unlink()
    return True
"""
CHANGES = {
    'terms.force': {'kind': 'function', 'function': 'faulty:force', 'source': 'wrench', 'field': 'force'},
    'actions.arm.type': 'faulty:Command',
}
FAULTS = [
    ('publish', 1, 'OSError: no network'),
    ('publish', 2, 'OSError: no network'),  # and the first fallback
    ('term', 1, 'SystemExit: enough'),
]


@pytest.fixture
def node(arm, run, tmp_path, monkeypatch):
    """A node that acts, and does what files tell it to."""
    (tmp_path / 'faulty.py').write_text(MODULE)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}')
    node = arm.start(parameters(run, **CHANGES))
    acted(arm)
    return node


def test_a_fault_ends_in_the_fallback_inactive_and_an_error_until_it_acts_again(arm, node, tmp_path):
    heard = []
    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', heard.append, 10)

    def said(level):
        return any(each.status[0].level == level for each in heard[-1:])

    for what, failures, reason in FAULTS:
        (tmp_path / what).write_text('\n'.join(['x'] * failures))
        assert arm.live_until(lambda: said(DiagnosticStatus.ERROR), 10)
        assert reason in heard[-1].status[0].message and arm.commands[-1] == arm.position
        assert arm.state() == 'inactive' and node.poll() is None
        count = len(arm.commands)
        arm.live(1.2)
        assert len(arm.commands) == count and said(DiagnosticStatus.ERROR), 'it stays so'
        assert arm.transition(Transition.TRANSITION_ACTIVATE)
        assert arm.live_until(lambda: arm.commands[-1] != arm.position and said(DiagnosticStatus.OK), 10)


def test_a_step_that_hangs_brings_the_fallback_in_time_and_its_result_is_dropped(arm, node, tmp_path):
    (tmp_path / 'hang').touch()
    assert arm.live_until(lambda: not (tmp_path / 'hang').exists(), 10)
    hung, before = time.monotonic(), len(arm.commands)
    assert arm.live_until(lambda: arm.commands[before:] and arm.commands[-1] == arm.position, 10), node.tail()
    # max_age is 0.5 s: long before the step ends, and so not by the loop
    assert time.monotonic() - hung < 1.2
    fallback = len(arm.commands)
    arm.live(2.5)
    late = arm.commands[fallback:]
    assert late and all(command == arm.position for command in late), 'nothing of the step, and the robots stay held'
    assert len(late) < 2 * 50, 'of the 75 that were missed none is made good'
    assert 'the step takes longer than 0.5 s' in node.tail(100)
    assert arm.live_until(lambda: arm.call(Trigger, '/policy_node/resume', Trigger.Request()).success, 10)
    before = len(arm.commands)
    assert arm.live_until(lambda: any(command != arm.position for command in arm.commands[before:]), 5)
