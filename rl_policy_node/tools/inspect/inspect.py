# SPDX-License-Identifier: Apache-2.0
"""`rl_policy inspect`: describe a run, as tables or, with --json, for a program."""

from collections.abc import Sequence
import io
import json
import sys

from rich.console import Console

from rl_policy_node.policy.summary import as_plain, summarize, Summary
from rl_policy_node.resources import resolve
from rl_policy_node.tools.inspect.tables import tables
from rl_policy_node.tools.inspect.wording import cell


def inspect(
    run: str,
    checkpoint: str | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    allow_untrusted_pickle: str = '',
    as_json: bool = False,
) -> bool:
    """Print the summary of a run; return whether its files are enough to play it."""
    summary: Summary = summarize(
        resolve(run), checkpoint and resolve(checkpoint), overrides, plugins, allow_untrusted_pickle
    )
    if as_json:
        json.dump(as_plain(summary), sys.stdout, indent=2, allow_nan=False)
        print()
    else:
        show(summary)
    return not summary.problems


def show(summary: Summary, width: int | None = None) -> None:
    """Print a summary as tables, in colours where stdout is a terminal."""
    console = Console(width=width, highlight=False)
    if console.is_terminal:
        _print(summary, console)
        return
    # rich pads every line with spaces: strip them for a pipe
    output = io.StringIO()
    plain = Console(file=output, width=console.width, highlight=False)
    _print(summary, plain)
    print('\n'.join(line.rstrip() for line in output.getvalue().splitlines()))


def _print(summary: Summary, console: Console) -> None:
    for table in tables(summary):
        console.print(table)
    # on one line, however long, so that it can be copied
    console.print(cell('Next: ').append_text(cell(summary.next_command, 'bold')), soft_wrap=True)
