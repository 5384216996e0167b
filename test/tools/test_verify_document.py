# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/how-to/verify.md run, and print what the page shows."""

from pathlib import Path
import re
import shlex

import pytest
from tools.verify_bench import KEYS, OF_TERMS

from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

pytest.importorskip('mujoco')
private_domain(chosen=False)
ROOT = Path(__file__).parents[2]
TEXT = (ROOT / 'docs' / 'how-to' / 'verify.md').read_text('utf-8')
EXAMPLES = [block.split('\n', 1) for block in re.findall(r'```console\n\$ rl_policy (.*?)```', TEXT, re.DOTALL)]


def lines(output):
    """Return lines without padding; where numbers differ most, and by how much, may depend on MuJoCo's version."""
    shown = [re.sub(r'\d\.?\d*  step \d+, row \d+, element \d', 'SOME', line) for line in output.splitlines()]
    return [' '.join(line.split()) for line in shown]


@pytest.mark.parametrize('command, output', EXAMPLES, ids=['right', 'wrong'])
def test_examples_print_what_the_page_shows(monkeypatch, capsys, command, output):
    monkeypatch.chdir(ROOT)
    code = main(shlex.split(command))
    assert lines(capsys.readouterr().out) == lines(output)
    assert code == ('differ' in output.splitlines()[-1])


def test_the_page_has_every_key():
    section = TEXT.partition('## JSON')[2].partition('\n## ')[0]
    columns = [line.split('|')[1] for line in section.splitlines() if line.startswith('| `')]
    assert set(re.findall(r'`(\w+)`', ''.join(columns))) == KEYS | OF_TERMS
