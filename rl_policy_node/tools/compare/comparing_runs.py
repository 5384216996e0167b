# SPDX-License-Identifier: Apache-2.0
"""`rl_policy compare`: two runs, or two checkpoints on the same episodes, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import sys
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.simulator.episodes import in_lines
from rl_policy_node.tools.compare.contest import Contest, LATENCIES
from rl_policy_node.tools.compare.contestant import Contestant, load_contestant
from rl_policy_node.tools.evaluate.compare import Estimate, figure_texts, figures_of, NOTHING_FOUND, SAME, UNITS
from rl_policy_node.tools.evaluate.intervals import CONFIDENCE

RESULTS, PICTURE = 'comparison.json', 'comparison.png'


def compare(contest: Contest, output: str | Path, json_file: str | Path | None = None) -> bool:
    """Print both sides and their differences, write JSON and picture into `output`; return whether none was found."""
    console = Console(file=sys.stdout, soft_wrap=True, width=None if sys.stdout.isatty() else 120)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (RESULTS, PICTURE):  # delete results of an earlier comparison
        (folder / name).unlink(missing_ok=True)
    _print(console, contest)
    text = in_lines(_content(contest))
    for path in (folder / RESULTS, *([json_file] if json_file else [])):
        Path(path).write_text(text, encoding='utf-8')
    console.print(f'picture: {_draw(folder / PICTURE, contest)}', highlight=False)
    return contest.verdict in (SAME, NOTHING_FOUND)


def compare_runs(paths: Sequence[str], output: str | Path, json_file: str | Path | None = None) -> bool:
    """Compare the outputs of two runs; as `compare`. Raises ConfigurationError where they are none."""
    if len(paths) != 2:
        raise ConfigurationError(
            f'{len(paths)} runs to compare; expected two outputs of `rl_policy evaluate` or `demo`, or a '
            'parameter file with --checkpoint A --checkpoint B'
        )
    a, b = (load_contestant(Path(path), f'{letter}: {path}') for letter, path in zip('AB', paths))
    return compare(Contest(a, b), output, json_file)


def _figures(side: Contestant) -> dict[str, Estimate]:
    """Return the figures of a side, latencies in ms without intervals among them."""
    found = side.side.figures()
    for name, share in LATENCIES.items() if len(side.latencies) else ():
        found[name] = Estimate(name, 1e3 * float(np.quantile(side.latencies, share)), None, None)
    return found


def _print(console: Console, contest: Contest) -> None:
    table = Table(box=None, pad_edge=False)
    sides = contest.a, contest.b
    for column in ('', *(f'{side.side.name}, {len(side.side)} episodes' for side in sides), 'B − A'):
        table.add_column(column)
    for name in dict.fromkeys([*_figures(contest.a), *_figures(contest.b)]):
        cells = [_cell(_figures(side).get(name)) for side in sides]
        unit = '%' if name == 'success' else UNITS[name]
        table.add_row(f'{name}, {unit}'.rstrip(', '), *cells, _cell(contest.differences.get(name), sign=True))
    console.print(table)
    console.print(f'intervals of {CONFIDENCE:.0%}; those of the differences hold together', highlight=False)
    console.print(contest.sentence(), highlight=False, style='bold')


def _cell(figure: Estimate | None, sign: bool = False) -> str:
    if figure is None:
        return ''
    if figure.low is None and figure.name in LATENCIES:
        return f'{figure.value:.3g}'
    value, interval = figure_texts(figure, sign)
    return f'{value} ({interval})' if figure.width > 0.0 else value


def _content(contest: Contest) -> dict[str, Any]:
    return {
        'verdict': contest.verdict,
        'sentence': contest.sentence(),
        'paired': contest.paired,
        'confidence': CONFIDENCE,
        'differences': figures_of(contest.differences),
        **{
            letter: {
                'name': side.side.name,
                **side.side.about,
                'episodes': len(side.side),
                'figures': figures_of(_figures(side)),
                'played': side.side.columns,
            }
            for letter, side in (('a', contest.a), ('b', contest.b))
        },
    }


def _draw(path: Path, contest: Contest) -> Path | str:
    """Return the path of the picture, or why there is none."""
    try:
        from rl_policy_node.tools.evaluate.picture import draw
    except ImportError as error:
        return f'none, {error}'
    draw(path, [contest.a.side, contest.b.side], contest.sentence())
    return path
