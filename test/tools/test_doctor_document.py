# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/how-to/doctor.md run, and print what the page shows; its tables name every check and key."""

from pathlib import Path
import re
import shlex

from imports import python_files
import pytest
from tools.doctor_bench import resting_run, RobotProcess, visit, written

from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

private_domain(chosen=False)
ROOT = Path(__file__).parents[2]
TEXT = (ROOT / 'docs' / 'how-to' / 'doctor.md').read_text('utf-8')
EXAMPLES = [block.split('\n', 1) for block in re.findall(r'```console\n\$ rl_policy (.*?)```', TEXT, re.DOTALL)]


@pytest.fixture(scope='module')
def robot():
    made = RobotProcess()
    yield made
    made.close()


def lines(output):
    """Return lines without padding and without what a machine measures: times, rates, counts and noise."""
    measured = re.sub(r'[-+]?\d+(\.\d+)?( ms)?', 'N', output)
    return [' '.join(line.split()) for line in measured.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    'example, fault, pull',
    [(EXAMPLES[0], {'enabled': False, 'frozen': True, 'second': True}, 0.45), (EXAMPLES[1], {'enabled': True}, 0.0)],
    ids=['faults', 'jog'],
)
def test_examples_print_what_the_page_shows(robot, tmp_path, monkeypatch, capsys, example, fault, pull):
    command, output = example
    robot.ask(fault)
    written(tmp_path, resting_run(tmp_path, pull))
    monkeypatch.chdir(tmp_path)
    code = main(shlex.split(command))
    printed = capsys.readouterr()
    assert lines(printed.err + printed.out) == lines(output)
    assert code == ('healthy' not in output)


def test_the_page_names_every_check():
    source = ''.join(file.read_text('utf-8') for file in python_files(ROOT / 'rl_policy_node' / 'tools' / 'doctor'))
    checks = set(re.findall(r"(?:FAULT|WARNING)[^'=\n]*,\s*'(\w+)',", source))
    columns = [line.split('|')[1] for line in TEXT.partition('## JSON')[0].splitlines() if line.startswith('| `')]
    assert len(checks) > 25 and set(re.findall(r'`(\w+)`', ''.join(columns))) == checks


def test_the_page_has_every_key(robot, tmp_path, capsys):
    robot.ask({'enabled': False, 'listens': False})
    _, content = visit(written(tmp_path, resting_run(tmp_path)), capsys, '--joints', '--each', '0.1', seconds=0.5)
    rows = dict(re.findall(r'^\| (`\w+`.*?) \| (.*) \|$', TEXT.partition('## JSON')[2], re.MULTILINE))
    assert set(re.findall(r'`(\w+)`', ''.join(rows))) == set(content)
    for key in ('verdicts', 'topics', 'rest', 'joints'):
        assert set(re.findall(r'`(\w+)`', rows[f'`{key}`'])) - {'null'} == set(content[key][0])
