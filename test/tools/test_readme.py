# SPDX-License-Identifier: Apache-2.0
"""The README's way from a run to a checked parameter file, as typed."""

from pathlib import Path
import re
import shlex

from policy.small_runs import lab_run
from tools.runs import fill

from rl_policy_node.tools.main import main

TEXT = (Path(__file__).parents[2] / 'README.md').read_text('utf-8')


def test_a_run_of_isaac_lab_becomes_a_checked_file(tmp_path, monkeypatch, capsys):
    lines = [shlex.split(line, comments=True) for line in re.findall(r'^\$ rl_policy (.*)$', TEXT, re.MULTILINE)]
    assert [line[0] for line in lines] == ['inspect', 'init', 'check']
    monkeypatch.chdir(tmp_path)
    lab_run(tmp_path / lines[0][1])
    assert main(lines[0]) == 0
    assert main(lines[1]) == 0
    assert re.search(r'^robot\.yaml: \d+ blanks to fill in$', capsys.readouterr().out, re.MULTILINE)
    assert main(lines[2]) == 1 and 'to be filled in' in capsys.readouterr().err
    fill(tmp_path / 'robot.yaml')
    assert main(lines[2]) == 0 and 'robot.yaml fits' in capsys.readouterr().out
