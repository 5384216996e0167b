# SPDX-License-Identifier: Apache-2.0
"""The way from a run of Isaac Lab to a checked parameter file, as typed in the README and the tutorial."""

from pathlib import Path
import re
import shlex

from policy.small_runs import lab_run
import pytest
from tools.runs import fill

from rl_policy_node.tools.main import main

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / 'docs' / 'tutorials' / 'isaaclab.md'
JOINTS = ('hip_l', 'hip_r', 'knee_l', 'knee_r')
JOINT = '<joint name="{}" type="revolute"><limit lower="-1" upper="1" effort="40" velocity="7"/></joint>'


@pytest.mark.parametrize('document', [ROOT / 'README.md', TUTORIAL], ids=lambda document: document.name)
def test_a_run_of_isaac_lab_becomes_a_checked_file(document, tmp_path, monkeypatch, capsys):
    # the tutorial begins with a run of its own
    text = document.read_text('utf-8').rpartition('## 1. Draft')[2]
    lines = [shlex.split(line, comments=True) for line in re.findall(r'^\$ rl_policy (.*)$', text, re.MULTILINE)]
    # test_init_ask_lab.py asks a simulator
    lines = [line for line in lines if '--ask' not in line]
    named = ['init'] if document == TUTORIAL else []
    assert [line[0] for line in lines] == ['inspect', 'init', *named, 'check']
    monkeypatch.chdir(tmp_path)
    lab_run(tmp_path / lines[0][1])
    (tmp_path / 'robot.urdf').write_text(f'<robot>{"".join(map(JOINT.format, JOINTS))}</robot>')
    assert main(lines[0]) == 0
    for line in lines[1:-1]:
        assert main(line) == 0
    said = capsys.readouterr().out
    assert re.search(r'^robot\.yaml: \d+ blanks to fill in$', said, re.MULTILINE)
    if document == TUTORIAL:
        shown = re.findall(r'^robot\.yaml: \d blanks to fill in\n(?:  \S+\n)+', text, re.MULTILINE)
        assert [blanks.count('\n') for blanks in shown] == [10, 5, 5]
        assert all(blanks in said for blanks in shown), 'without names, with a simulator, with names'
    assert main(lines[-1]) == 1 and 'to be filled in' in capsys.readouterr().err
    fill(tmp_path / 'robot.yaml')
    assert main(lines[-1]) == 0 and 'robot.yaml fits' in capsys.readouterr().out
