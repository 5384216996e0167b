# SPDX-License-Identifier: Apache-2.0
"""`rl_policy evaluate --sweep`: curves over injected imperfections, and the budget that follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
import math
from pathlib import Path
import re
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.simulator.episodes import in_lines
from rl_policy_node.resources import resolve
from rl_policy_node.tools.evaluate.budget import Budget
from rl_policy_node.tools.evaluate.budget_file import write_budget
from rl_policy_node.tools.evaluate.compare import figure_texts, figures_of
from rl_policy_node.tools.evaluate.sides import about_plan, make_plan
from rl_policy_node.tools.evaluate.sweep import Curve, Played, Point, Sweep
from rl_policy_node.tools.evaluate.sweep_axis import Axis, parse_axis
from rl_policy_node.tools.evaluate.sweep_words import of_return, sentence, watchdogs
from rl_policy_node.tools.process.processes import private_domain
from rl_policy_node.tools.process.two_nodes import episode_bar

RESULTS, PICTURE, PAGE = 'sweep.json', 'sweep.png', 'sweep.html'
LATENCY = 'sim.latency'
_BACKEND = re.compile(r'policy\.backend=')


def sweep(
    params_file: str,
    axes: Sequence[str],
    episodes: int,
    robots: int | None = None,
    seed: int | None = None,
    settings: Sequence[str] = (),
    output: str | Path = 'reports/evaluate',
    json_file: str | Path | None = None,
    into_file: bool = False,
    jobs: int = 1,
) -> list[Curve]:
    """Play each axis, print curves and budgets, write JSON and picture into `output`; return the curves.

    axes: as parse_axis takes them; the others as of make_plan. into_file: write the budget of sim.latency into the
    parameter file. jobs: processes that play. Raises ConfigurationError.
    """
    console = Console(file=sys.stdout, soft_wrap=True, width=None if sys.stdout.isatty() else 120)
    if into_file and LATENCY not in (text.partition('=')[0] for text in axes):
        raise ConfigurationError(f'--write-budget states the budget of {LATENCY}; --sweep {LATENCY}=0:0.2 plays it')
    private_domain()
    plan = make_plan(resolve(params_file), episodes, robots, seed, settings)
    if plan.overrides.get('policy.backend') == 'eager' and not any(map(_BACKEND.match, settings)):
        # nothing is compared bit for bit: the backend of the robot, which is faster
        settings = [*settings, 'policy.backend=auto']
        plan = make_plan(resolve(params_file), episodes, robots, seed, settings)
    playing = Sweep(plan, settings, jobs=jobs)
    period = 1.0 / playing.rate
    parsed = [parse_axis(text, period) for text in axes]
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (RESULTS, PICTURE, PAGE):  # delete results of an earlier sweep
        (folder / name).unlink(missing_ok=True)
    curves = []
    for axis in parsed:
        curves.append(_played_curve(console, playing, axis))
        _print(console, curves[-1])
    about = about_plan(plan, settings, playing.rate)
    text = in_lines(_content(about, curves))
    for path in (folder / RESULTS, *([json_file] if json_file else [])):
        Path(path).write_text(text)
    for line in _draw(folder, about, curves):
        console.print(line, highlight=False)
    if into_file:
        (curve,) = (each for each in curves if each.axis.parameter == LATENCY)
        if curve.budget is None:
            raise ConfigurationError(f'no budget to write: {sentence(curve)}')
        console.print(write_budget(Path(resolve(params_file)), curve.budget, sentence(curve)), highlight=False)
    return curves


def _played_curve(console: Console, playing: Sweep, axis: Axis) -> Curve:
    with episode_bar(console) as bar:
        task = bar.add_task('', total=len(axis.values), figures=axis.what)

        def show(point: Point) -> None:
            bar.update(task, advance=1, figures=f'{axis.what} {axis.shown(point.value)}')

        return playing.curve(axis, show)


def _print(console: Console, curve: Curve) -> None:
    """Print a line for each value and side."""
    names = list(curve.points[0].policy.side.figures())
    table = Table(box=None, pad_edge=False)
    for head in (curve.axis.what, 'played', *names, 'on the fallback'):
        table.add_column(head, no_wrap=True)
    for point in curve.points:
        for played in filter(None, (point.policy, point.file)):
            cells = [_cell(played, name) for name in names]
            table.add_row(curve.axis.shown(point.value), played.side.name, *cells, f'{played.fallback:.1%}')
    console.print(table)
    console.print(sentence(curve), highlight=False, style='bold')
    for text in filter(None, (of_return(curve), watchdogs(curve))):
        console.print(text, highlight=False)


def _cell(played: Played, name: str) -> str:
    figure = played.side.figures()[name]
    value, interval = figure_texts(figure)
    return f'{value}{" %" * (name == "success")} ({interval})' if figure.width > 0.0 else value


def _content(run: dict[str, Any], curves: Sequence[Curve]) -> dict[str, Any]:
    return {'run': run, **{f'curve {curve.axis.parameter}': _curve(curve) for curve in curves}}


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        'parameter': curve.axis.parameter,
        'budget': _budget(curve.budget),
        'budget_of_return': _budget(curve.of_return),
        'sentence': sentence(curve),
        'sentence_of_return': of_return(curve),
        'watchdogs': watchdogs(curve),
        'points': [
            {
                'value': point.value,
                'policy': _played(point.policy),
                'file': None if point.file is None else _played(point.file),
            }
            for point in curve.points
        ],
    }


def _budget(found: Budget | None) -> dict[str, Any] | None:
    """Return a budget for JSON, which knows no infinite numbers: null is beyond what was played."""
    if found is None:
        return None
    return {name: None if value == math.inf else value for name, value in asdict(found).items()}


def _played(played: Played) -> dict[str, Any]:
    return {'fallback': played.fallback, 'figures': figures_of(played.side.figures()), 'played': played.side.columns}


def _draw(folder: Path, about: dict[str, Any], curves: Sequence[Curve]) -> Iterator[str]:
    """Write picture and page; yield where they are, or why there are none."""
    try:
        from rl_policy_node.tools.demo.report import embedded, section, write_page
        from rl_policy_node.tools.evaluate.sweep_picture import draw_sweep
    except ImportError as error:
        yield f'picture: none, {error}'
        return
    draw_sweep(folder / PICTURE, curves, [sentence(curve) for curve in curves])
    yield f'picture: {folder / PICTURE}'
    told = '; '.join('; '.join(filter(None, (sentence(curve), of_return(curve), watchdogs(curve)))) for curve in curves)
    page = write_page(folder / PAGE, about, '', [section('Imperfections', told, embedded(folder / PICTURE))])
    yield f'report: {page}'
