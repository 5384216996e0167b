# SPDX-License-Identifier: Apache-2.0
"""Write docs/reference/command_line.md: the commands of `rl_policy` and their arguments.

python scripts/command_line.py > docs/reference/command_line.md
"""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rl_policy_node.tools.command_line import COMMANDS

HEAD = """# Command line

`rl_policy COMMAND --help` shows the same. Every command ends with 0, or with 1 and one line that says why not;
`verify`, `explain` and `compare` keep 1 for what differs, `doctor` for its verdicts; they end with 2 where they cannot
run.
Written by `python scripts/command_line.py`.
"""


class Recorder(argparse.ArgumentParser):
    """Keeps the arguments that a command adds: (names, options)."""

    def __init__(self) -> None:
        self.kept: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        super().__init__(add_help=False)

    def add_argument(self, *names: str, **options: Any) -> Any:
        """Keep an argument."""
        self.kept.append((names, options))


def row(names: tuple[str, ...], options: dict[str, Any]) -> str:
    """Return the row of an argument."""
    switch = options.get('action') in ('store_true', argparse.BooleanOptionalAction)
    if options.get('action') is argparse.BooleanOptionalAction:
        names = (*names, f'--no-{names[-1].lstrip("-")}')
    value = '' if switch else options.get('metavar', '')
    if names[0].startswith('-') and not value and not switch:
        value = names[-1].lstrip('-').upper().replace('-', '_')
    called = ', '.join(names) if names[0].startswith('-') else options.get('metavar', names[0].upper())
    shown = called if called == value or not value else f'{called} {value}'
    default = options.get('default')
    return f'| `{shown}` | {f"`{default}`" if default not in (None, "", []) else ""} | {options.get("help", "")} |'


def markdown() -> str:
    """Return the document."""
    parts = [HEAD]
    for command in COMMANDS:
        recorder = Recorder()
        command.add_arguments(recorder)
        parts.append(f'## rl_policy {command.name}\n\n{command.__doc__}\n')
        if recorder.kept:
            rows = [row(*each) for each in recorder.kept]
            parts.append('\n'.join(['| argument | default | meaning |', '|---|---|---|', *rows, '']))
    return '\n'.join(parts)


if __name__ == '__main__':
    print(markdown(), end='')
