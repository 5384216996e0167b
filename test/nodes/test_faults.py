# SPDX-License-Identifier: Apache-2.0
"""A fault in the loop: the fallback goes out, the node deactivates by itself, and says ERROR until it acts again."""

import os

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from nodes.harness import parameters
import pytest

MODULE = """
from pathlib import Path
from rl_policy_node.adapters import ADAPTERS

BROKEN = Path(__file__).with_name('broken')


class Command(ADAPTERS['std_msgs/msg/Float64MultiArray']):
    '''Raises once for each line of a file.'''

    def to_message(self, *arguments, **options):
        fail()
        return super().to_message(*arguments, **options)


def force(arrays, context):
    if BROKEN.exists():
        BROKEN.unlink()
        raise SystemExit('enough')
    return arrays['wrench.force']


def fail():
    if BROKEN.exists():
        left = BROKEN.read_text().splitlines()[1:]
        BROKEN.write_text('\\n'.join(left)) if left else BROKEN.unlink()
        raise OSError('no network')
"""
TERM = {'terms.force': {'kind': 'function', 'function': 'faulty:force', 'source': 'wrench', 'field': 'force'}}
PUBLISH = {'actions.arm.type': 'faulty:Command'}


@pytest.mark.parametrize(
    'changes, failures, reason',
    [(PUBLISH, 1, 'OSError: no network'), (PUBLISH, 2, 'OSError: no network'), (TERM, 1, 'SystemExit: enough')],
    ids=['publish', 'publish and the first fallback', 'term'],
)
def test_a_fault_ends_in_the_fallback_inactive_and_an_error_until_it_acts_again(
    arm, run, tmp_path, monkeypatch, changes, failures, reason
):
    (tmp_path / 'faulty.py').write_text(MODULE)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}')
    node = arm.start(parameters(run, **changes))
    heard = []
    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', heard.append, 10)
    assert arm.live_until(lambda: len(arm.commands) > 5 and arm.commands[-1] != arm.position, 40)
    (tmp_path / 'broken').write_text('\n'.join(['x'] * failures))

    def said(level):
        return any(each.status[0].level == level for each in heard[-1:])

    assert arm.live_until(lambda: said(DiagnosticStatus.ERROR), 10)
    assert reason in heard[-1].status[0].message and arm.commands[-1] == arm.position
    assert arm.state() == 'inactive' and node.poll() is None
    count = len(arm.commands)
    arm.live(1.2)
    assert len(arm.commands) == count and said(DiagnosticStatus.ERROR), 'it stays so'
    assert arm.transition(Transition.TRANSITION_ACTIVATE)
    assert arm.live_until(lambda: arm.commands[-1] != arm.position and said(DiagnosticStatus.OK), 10)
