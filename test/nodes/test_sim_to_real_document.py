# SPDX-License-Identifier: Apache-2.0
"""Each command of docs/how-to/sim_to_real.md runs, and prints the lines that the page shows; its parameters exist."""

from pathlib import Path
import re
import shlex
import shutil

from nodes.acting import acted, picture
from nodes.harness import parameters
import pytest
from sim.train_gymnasium import RUNS
from tools.doctor_bench import resting_run, RobotProcess, written
from tools.explain_bench import write_file

from rl_policy_node.tools.command_line import COMMANDS, parser
from rl_policy_node.tools.main import main

pytest.importorskip('mujoco')
ROOT = Path(__file__).parents[2]
TEXT = (ROOT / 'docs' / 'how-to' / 'sim_to_real.md').read_text('utf-8')
EXAMPLES = {
    shlex.split(command)[0] + (' of a robot' if '--simulation' in command else ''): (shlex.split(command), output)
    for command, output in re.findall(r'```console\n\$ rl_policy (.*)\n((?:.*\n)*?)```', TEXT)
}
CODES = {'doctor': 1, 'explain': 1, 'explain of a robot': 1}


def masked(text):
    """Return lines without numbers and padding."""
    return [' '.join(re.sub(r'[-+]?\d+(\.\d+)?', 'N', line).split()) for line in text.splitlines() if line.strip()]


def shown_in(output, printed):
    """Return the lines of an example that a command did not print."""
    said = masked(printed)
    return [line for line in masked(output) if not any(line in each for each in said)]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A pendulum's file, a bag of one whose velocity has the wrong sign, one of a good one, and checkpoints."""
    folder = tmp_path_factory.mktemp('robot')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_file(folder, rows=6, trigger='observation', episode_topic='episode', **{'sim.raw_state': True})
        (folder / 'pendulum.yaml').rename(folder / 'robot.yaml')
        for name in ('old.pth', 'new.pth'):
            shutil.copy(RUNS / 'pendulum' / 'policy.pth', name)
        plain = ['evaluate', 'robot.yaml', '--episodes', '24', '--no-reference', '--no-report']
        for path, more in (
            ('policy_node_2026-01-31_14-05-09', ['--set', 'terms.joint_vel.scale=[1.0, -1.0]']),
            ('good_2026-01-31_13-00-00', []),
        ):
            assert main([*plain, *more, '--set', f'record.directory={path}']) == 0
            (bag,) = Path(path).iterdir()
            shutil.move(bag, folder / 'bags' / path)
    return folder


@pytest.mark.parametrize('name', [name for name in EXAMPLES if name not in ('watch', 'doctor')])
def test_commands_print_what_the_page_shows(folder, monkeypatch, capsys, name):
    command, output = EXAMPLES[name]
    monkeypatch.chdir(folder)
    assert main(command) == CODES.get(name, 0)
    assert shown_in(output, capsys.readouterr().out) == []


@pytest.mark.slow
def test_the_doctor_prints_what_the_page_shows(tmp_path, monkeypatch, capsys):
    robot = RobotProcess()
    try:
        robot.ask({'enabled': False, 'frozen': True, 'second': True})
        written(tmp_path, resting_run(tmp_path, 0.45))
        monkeypatch.chdir(tmp_path)
        command, output = EXAMPLES['doctor']
        assert main(command) == 1
        assert shown_in(output, capsys.readouterr().out) == []
    finally:
        robot.close()


@pytest.mark.slow
def test_watch_prints_what_the_page_shows(arm, run):
    arm.start(parameters(run))
    acted(arm)
    arm.talking.remove('wrench')
    arm.live(2.0)
    command, output = EXAMPLES['watch']
    assert command == ['watch', '--once']
    code, text = picture(arm, '--patience', '20')
    assert code == 0 and shown_in(output, text) == [], text
    services = [line.split() for line in re.findall('`ros2 service call ([^`]*)`', TEXT)]
    assert services == [['/policy_node/tare', 'std_srvs/srv/Trigger']]
    assert services[0][1] in dict(arm.node.get_service_names_and_types())[services[0][0]]


@pytest.mark.parametrize('command', sorted(set(re.findall('`rl_policy ([^`]*)`', TEXT))))
def test_commands_in_sentences_are_commands(command):
    words = shlex.split(command)
    if len(words) == 1:  # a command by its name
        assert words[0] in {each.name for each in COMMANDS}
    else:
        assert parser().parse_args(words).command == words[0]


def test_the_table_of_symptoms_has_every_section():
    sections = re.findall(r'^## (.*)$', TEXT, re.MULTILINE)
    assert re.findall(r'\| \[(.*?)\]\(#', TEXT.partition('\n## ')[0]) == sections


def test_every_parameter_and_reason_exists():
    reference, checks = (
        set(re.findall(r'`([\w.*]+)`', (ROOT / 'docs' / name).read_text('utf-8')))
        for name in ('reference/parameters.md', 'how-to/doctor.md')
    )
    leaves = {name.rpartition('.')[2] for name in reference}
    advice = ''.join(re.findall(r'\|([^|\n]*)\|$', TEXT, re.MULTILINE))
    named = {name.replace('<name>', '*') for name in re.findall(r'`((?:[\w<>]+\.)*\w+)(?:: [^`]+)?`', advice)}
    assert {'control_rate', 'sources.*.max_age', 'actions.*.scale'} <= named
    assert named - reference - leaves - checks - {'doctor', 'explain'} == set()
    source = ''.join(path.read_text('utf-8') for path in (ROOT / 'rl_policy_node').rglob('*.py'))
    reasons = re.findall(r'`((?:not|has not|is|no message) [^`…]+)', TEXT)
    assert len(reasons) > 5
    assert [reason for reason in reasons if reason.strip() not in source] == []
