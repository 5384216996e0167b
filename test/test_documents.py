# SPDX-License-Identifier: Apache-2.0
"""The documents: links lead somewhere, commands are ones that there are, the README stays short."""

from pathlib import Path
import re
import shlex
import subprocess
import sys

import pytest

from rl_policy_node.tools.command_line import parser

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md'), *ROOT.glob('config/*.md')])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
MAKEFILE = (ROOT / 'Makefile').read_text()


def commands(program):
    """Return (document, arguments) of each line of a console block that begins with a program."""
    found = []
    for path in DOCUMENTS:
        for block in re.findall(r'```console\n(.*?)```', path.read_text('utf-8'), re.DOTALL):
            for line in re.findall(rf'^\$ {program} (.*)$', block, re.MULTILINE):
                found.append((path.name, shlex.split(line, comments=True)))
    return found


def anchors(path):
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.*)$', path.read_text('utf-8'), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('path', DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(path):
    for target in re.findall(r'\]\(([^)\s]+)\)', path.read_text('utf-8')):
        if re.match(r'https?:', target):
            continue
        file, _, anchor = target.partition('#')
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_the_index_names_every_document():
    linked = {
        (ROOT / 'docs' / target.partition('#')[0]).resolve()
        for target in re.findall(r'\]\(([^)]+)\)', (ROOT / 'docs' / 'README.md').read_text('utf-8'))
    }
    assert {path for path in DOCUMENTS if path.parent.parent == ROOT / 'docs'} <= linked


def test_the_readme_is_short():
    assert len((ROOT / 'README.md').read_text('utf-8').split()) <= 900


@pytest.mark.parametrize('document, arguments', commands('rl_policy'))
def test_command_lines_are_understood(document, arguments):
    parser().parse_args(arguments)


@pytest.mark.parametrize('document, arguments', commands('make'))
def test_targets_of_make_exist(document, arguments):
    assert re.search(rf'^{arguments[0]}:', MAKEFILE, re.MULTILINE)
    for setting in arguments[1:]:
        assert setting.partition('=')[0] in MAKEFILE


@pytest.mark.parametrize('document, arguments', commands('ros2 launch rl_policy_node'))
def test_launch_files_and_their_arguments_exist(document, arguments):
    file = (ROOT / 'launch' / arguments[0]).read_text()
    for argument in arguments[1:]:
        assert argument.startswith('--') or f"'{argument.partition(':=')[0]}'" in file


def test_the_reference_of_the_command_line_is_current():
    """`python scripts/command_line.py > docs/reference/command_line.md` writes it anew."""
    written = subprocess.run(
        [sys.executable, ROOT / 'scripts' / 'command_line.py'], capture_output=True, text=True, check=True
    )
    assert (ROOT / 'docs' / 'reference' / 'command_line.md').read_text('utf-8') == written.stdout
    assert '|  |\n' not in written.stdout, 'each argument has a meaning'
