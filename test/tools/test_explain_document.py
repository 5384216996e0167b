# SPDX-License-Identifier: Apache-2.0
"""What docs/how-to/explain.md shows is what comes out; its table has every fault and the sizes that are planted."""

from pathlib import Path
import re
import runpy
import shlex

import pytest

from rl_policy_node.mismatch.unpaired.account_wording import KINDS
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

pytest.importorskip('mujoco')
private_domain(chosen=False)
ROOT = Path(__file__).parents[2]
TEXT = (ROOT / 'docs' / 'how-to' / 'explain.md').read_text('utf-8')
(EXAMPLE,) = re.findall(r'```console\n(.*?)```', TEXT.partition('## Try it')[2], re.DOTALL)
RECORDED, COMPARED = (shlex.split(line) for line in re.findall(r'^\$ rl_policy (.*)$', EXAMPLE, re.MULTILINE))
SHOWN = [line for line in EXAMPLE.splitlines() if not line.startswith('$')]


def masked(text):
    """Return a text without its percentages."""
    return re.sub(r'\d+%', 'N%', text)


@pytest.mark.slow
def test_the_example_names_the_wrong_line_as_the_page_shows(tmp_path, monkeypatch, capsys):
    (tmp_path / 'config').symlink_to(ROOT / 'config')
    monkeypatch.chdir(tmp_path)
    assert main(RECORDED) == 0
    capsys.readouterr()
    (bag,) = (tmp_path / 'bags').iterdir()
    assert main(['explain', str(bag), *COMPARED[2:]]) == 1
    told = capsys.readouterr().out.splitlines()
    # what else was tried depends on MuJoCo's version
    assert [masked(line) for line in (*told[:3], told[-1])] == [masked(line) for line in (*SHOWN[:3], SHOWN[-1])]
    page = (tmp_path / 'report.html').read_text('utf-8')
    assert page.index(SHOWN[1].partition(': ')[2].partition(' (')[0]) < page.index('elements: [0, 1, 2, 3]')


def test_the_page_has_every_fault_and_the_sizes_that_are_planted(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'benchmarks')
    planted = runpy.run_path(str(ROOT / 'benchmarks' / 'explain_faults.py'))['SIZES']
    rows = re.findall(r'^\| ([\w ]+) \| .+ \| (.+) \|$', TEXT.partition('## The fourteen')[2], re.MULTILINE)
    named = [row for row in rows if row[0] in planted]
    assert dict(named) == planted and set(planted) | {'late command'} == set(KINDS)
    assert '`late command`' in TEXT
