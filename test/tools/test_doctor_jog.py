# SPDX-License-Identifier: Apache-2.0
"""A jog stops when the button is let go, when sensors fall silent, at a signal, and when its process is killed."""

import json
import signal
import subprocess
import sys
import time

import pytest
from tools.doctor_bench import resting_run, RobotProcess, written

from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

private_domain(chosen=False)
AFTER = 0.6  # s within which the last other command has come: max_age or a guardian's timeout, on a busy machine
QUIET = {'sources.joints.max_age': 0.4, 'guardian_timeout': 0.2}


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return resting_run(tmp_path_factory.mktemp('run'))


@pytest.fixture(scope='module')
def robot():
    made = RobotProcess()
    yield made
    made.close()


class Jog:
    """A doctor that jogs, in a process of its own; it has begun to move a joint."""

    def __init__(self, file):
        arguments = ['doctor', str(file), '--seconds', '1', '--jog', '--speed', '0.03', '--json']
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'rl_policy_node.tools.main', *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = ''
        while "jog '" not in self.said:
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        time.sleep(1.0)

    def end(self):
        """Return its exit code and its report, None if it printed none."""
        out, errors = self.process.communicate(timeout=60)
        self.said += errors
        return self.process.returncode, json.loads(out) if out else None


@pytest.fixture
def jog(robot, run, tmp_path):
    made = []

    def begin(**changes):
        robot.ask({'enabled': True})
        made.append(Jog(written(tmp_path, run, {**QUIET, **changes})))
        return made[-1]

    yield begin
    for each in made:
        each.process.kill()
        each.process.wait()


def commands_around(robot, moment):
    """Return the commands before a moment, s, and those from AFTER on."""
    commands = robot.commands()
    return [each for at, each in commands if at < moment], [each for at, each in commands if at > moment + AFTER]


@pytest.mark.slow
@pytest.mark.parametrize(
    'event, why',
    [
        ({'set': {'enabled': False}}, 'not enabled'),
        ({'set': {'joints': False}}, 'joints'),
        (signal.SIGINT, 'a signal ended it'),
        (signal.SIGTERM, 'a signal ended it'),
    ],
    ids=['button', 'silence', 'SIGINT', 'SIGTERM'],
)
def test_a_jog_stops(robot, jog, event, why):
    process = jog(guardian=False)
    moment = time.monotonic()
    if isinstance(event, dict):
        robot.ask(event)
    else:
        process.process.send_signal(event)
    code, content = process.end()
    assert code == (1 if isinstance(event, dict) else 130)
    assert why in content['joints'][-1]['ended'] and 'the jog has ended' in process.said
    before, after = commands_around(robot, moment)
    assert len({tuple(each) for each in before}) > 5, 'it moved'
    assert len({tuple(each) for each in after}) <= 1, 'and stands still'
    if event == {'set': {'enabled': False}}:
        verdict = content['verdicts'][0]
        assert (verdict['check'], verdict['about']) == ('ended', "joint 'shoulder', jogged by +0.1")


@pytest.mark.slow
def test_a_killed_jog_leaves_the_robot_where_its_guardian_holds_it(robot, jog):
    process = jog(guardian=True, guardian_timeout=0.5)  # a busy machine may hold a step up for 0.2 s
    moment = time.monotonic()
    process.process.kill()
    assert process.end() == (-signal.SIGKILL, None)
    time.sleep(2.0)
    before, after = commands_around(robot, moment)
    assert len({tuple(each) for each in before}) > 5, 'it moved'
    assert after and len({tuple(each) for each in after}) == 1, 'the guardian repeats the last command'
    assert after[0] == before[-1] or max(abs(a - b) for a, b in zip(after[0], before[-1])) < 0.01


@pytest.mark.parametrize(
    'changes, error',
    [
        ({'enable': 'none'}, '--jog needs enable.topic'),
        ({'actions.arm.kind': 'joint_velocity'}, 'move the joints by hand, --joints'),
    ],
)
def test_a_jog_that_nobody_could_stop_is_refused(run, tmp_path, capsys, changes, error):
    if 'actions.arm.kind' in changes:
        changes = {
            'actions.arm': {
                'kind': 'joint_velocity',
                'joints': ['shoulder', 'elbow', 'wrist'],
                'max_velocity': [1.0],
                'topic': 'commands',
                'type': 'std_msgs/msg/Float64MultiArray',
            }
        }
    assert main(['doctor', str(written(tmp_path, run, changes)), '--jog']) == 2
    assert error in capsys.readouterr().err


def test_a_jog_beside_another_commander_does_not_begin(robot, run, tmp_path, capsys):
    robot.ask({'enabled': True, 'intruder': True})
    assert main(['doctor', str(written(tmp_path, run)), '--seconds', '1', '--jog', '--json']) == 1
    verdicts = {each['check']: each['seen'] for each in json.loads(capsys.readouterr().out)['verdicts']}
    assert '/intruder publishes on the command topic' in verdicts['jog'] and 'commander' in verdicts
    assert robot.commands() == []
