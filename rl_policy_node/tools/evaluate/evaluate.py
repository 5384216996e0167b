# SPDX-License-Identifier: Apache-2.0
"""`rl_policy evaluate`: the same episodes through the two nodes and in rl_games' own loop, side by side."""

from collections.abc import Iterable, Sequence
from pathlib import Path
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.simulator.episodes import in_lines
from rl_policy_node.resources import resolve
from rl_policy_node.tools.evaluate.compare import (
    Comparison,
    DIFFERENT,
    Estimate,
    figure_texts,
    figures_of,
    SAME,
    Side,
    UNITS,
)
from rl_policy_node.tools.evaluate.intervals import CONFIDENCE
from rl_policy_node.tools.evaluate.sides import (
    about_plan,
    FEW_ROWS,
    LOOP,
    make_plan,
    NODES,
    Plan,
    play_loop,
    play_nodes,
)
from rl_policy_node.tools.process.processes import private_domain
from rl_policy_node.tools.process.run_bags import run_bags, RunBags

RESULTS, PICTURE = 'evaluation.json', 'evaluation.png'
EPISODES_PER_ROW = 10  # from here on, the bias towards episodes that end early is small


def evaluate(
    params_file: str,
    episodes: int,
    robots: int | None = None,
    seed: int | None = None,
    settings: Sequence[str] = (),
    output: str | Path = 'reports/evaluate',
    json_file: str | Path | None = None,
    reference: bool = True,
    report: bool = True,
    bags: bool | None = None,
) -> bool:
    """Play, print the figures, write the JSON and the picture into `output`; return whether they agree.

    Arguments as of make_plan. json_file: another path for the JSON. reference: False leaves rl_games' own
    loop out, and nothing is compared. report: False writes no page. bags: whether both nodes leave one, None: if there
    are few robots; the page needs that of the bridge. Raises ConfigurationError, or RuntimeError if a node fails.
    """
    console = _console()
    private_domain()
    plan = make_plan(resolve(params_file), episodes, robots, seed, settings)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    few = plan.rows <= FEW_ROWS
    both = few if bags is None else bags
    # a record.directory that is stated keeps the policy node's, unless the bags are asked for
    recorded = run_bags(
        output, bridge=both or (report and few), policy=both and bool(bags or not plan.policy.record.directory)
    )
    for name in (RESULTS, PICTURE, 'report.html'):  # delete results of an earlier evaluation
        (output / name).unlink(missing_ok=True)
    # the loop comes first: errors of loading appear here instead of in the log of a node
    loop = [_play_loop(plan, console)] if reference else []
    sim = plan.bridge.sim
    injected = f', with {sim.imperfections}' if sim.imperfections.stated() else ''
    console.print(f'{NODES}, {sim.play.mode.replace("_", " ")}{injected}', highlight=False)
    sides = [play_nodes(plan, output, console, recorded), *loop]
    comparison = Comparison(*sides) if reference else None
    _print(console, sides, comparison)
    _warn_of_bias(console, plan, sides)
    _write(plan, settings, sides, comparison, output, json_file)
    picture = _draw(plan, sides, comparison, output)
    console.print(f'picture: {picture}', highlight=False)
    if both or not recorded.reason:
        console.print(f'bags: {recorded}', highlight=False)
    if report and isinstance(picture, Path):
        console.print(f'report: {_report(plan, settings, sides, comparison, recorded, picture)}', highlight=False)
    return comparison is None or comparison.verdict != DIFFERENT


def play_alone(
    params_file: str, episodes: int, robots: int | None = None, seed: int | None = None, settings: Sequence[str] = ()
) -> None:
    """Play in rl_games' own loop alone and print the figures; arguments as of make_plan."""
    console = _console()
    private_domain()
    plan = make_plan(resolve(params_file), episodes, robots, seed, settings)
    sides = [_play_loop(plan, console)]
    _print(console, sides, None)
    _warn_of_bias(console, plan, sides)


def _console() -> Console:
    """Return a console bound to the current stdout, which rl_games' prints do not reach; wide if it is a log."""
    return Console(file=sys.stdout, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


def _play_loop(plan: Plan, console: Console) -> Side:
    rows = f'{plan.rows:,} rows' if plan.rows > 1 else 'one row'
    console.print(f'{LOOP}, {rows}, seed {plan.bridge.sim.environment.seed}', highlight=False)
    return play_loop(plan, console)


def _print(console: Console, sides: Sequence[Side], comparison: Comparison | None) -> None:
    table = Table(box=None, pad_edge=False)
    for column in (f'{len(sides[0])} episodes', *(side.name for side in sides), *['difference'] * bool(comparison)):
        table.add_column(column)
    for name in sides[0].figures():
        cells = [_cell(side.figures().get(name)) for side in sides]
        if comparison:
            cells.append('none' if comparison.verdict == SAME else _cell(comparison.differences.get(name), sign=True))
        table.add_row(f'{name}, {"%" if name == "success" else UNITS[name]}'.rstrip(', '), *cells)
    console.print(table)
    if comparison:
        console.print(f'intervals of {CONFIDENCE:.0%}; those of the differences hold together', highlight=False)
        console.print(comparison.sentence(), highlight=False, style='bold')


def _warn_of_bias(console: Console, plan: Plan, sides: Iterable[Side]) -> None:
    """Warn if the first episodes to end are not representative: with many rows, short ones end first."""
    varies = any(side.lengths.min() < side.lengths.max() for side in sides)
    if varies and plan.episodes < EPISODES_PER_ROW * plan.rows:
        console.print(
            f'the first {plan.episodes:,} episodes to end favour short ones, where {plan.rows:,} rows play '
            f'together; --episodes {EPISODES_PER_ROW * plan.rows} or fewer --robots favour them less',
            highlight=False,
        )


def _cell(figure: Estimate | None, sign: bool = False) -> str:
    if figure is None:
        return ''
    value, interval = figure_texts(figure, sign)
    return f'{value} ({interval})' if figure.width > 0.0 else value


def _draw(plan: Plan, sides: Sequence[Side], comparison: Comparison | None, output: Path) -> Path | str:
    """Return the path of the picture, or why there is none."""
    try:
        from rl_policy_node.tools.evaluate.picture import draw
    except ImportError as error:
        return f'none, {error}'
    path = output / PICTURE
    texts = str(plan.bridge.sim.imperfections), comparison.sentence() if comparison else ''
    draw(path, sides, ': '.join(filter(None, texts)))
    return path


def _report(
    plan: Plan,
    settings: Iterable[str],
    sides: Sequence[Side],
    comparison: Comparison | None,
    bags: RunBags,
    picture: Path,
) -> Path | str:
    """Return the path of the page about the two nodes' episodes, or why there is none."""
    if plan.rows > FEW_ROWS:
        return f'none of more than {FEW_ROWS} rows, whose record would fill the memory'
    if bags.reason:
        return f'none without a bag: {bags.reason}'
    try:
        from rl_policy_node.tools.demo.report import embedded, section, write_report
        from rl_policy_node.tools.demo.run_record import load_record
    except ImportError as error:
        return f'none, {error}'
    nodes = sides[0]
    summary = {
        **nodes.about,
        'episodes': len(nodes),
        'success_rate': None if nodes.success is None else float(nodes.success.mean()),
        'return_mean': float(nodes.returns.mean()),
        'robots': plan.rows,
        'latency_budget': plan.policy.control.timing.latency_budget,
    }
    sentence = comparison.sentence() if comparison else "Without rl_games' own loop."
    try:
        record = load_record(bags.folder)
    except ConfigurationError as error:  # without room for a bag
        return f'none: {error}'
    about = about_plan(plan, settings, nodes.about['control_rate'])
    return write_report(
        bags.folder.parent, summary, record, about, [section('Evaluation', sentence, embedded(picture))]
    )


def _write(
    plan: Plan,
    settings: Iterable[str],
    sides: Sequence[Side],
    comparison: Comparison | None,
    output: Path,
    json_file: str | Path | None,
) -> None:
    text = in_lines(_content(plan, settings, sides, comparison))
    for path in (output / RESULTS, *([json_file] if json_file else [])):
        Path(path).write_text(text)


def _content(
    plan: Plan, settings: Iterable[str], sides: Sequence[Side], comparison: Comparison | None
) -> dict[str, Any]:
    content: dict[str, Any] = {
        'run': about_plan(plan, settings, sides[0].about['control_rate']),
        'nodes': _side(sides[0]),
        'reference': _side(sides[1]) if comparison else None,
    }
    if comparison:
        content |= {
            'verdict': comparison.verdict,
            'sentence': comparison.sentence(),
            'same_episodes': comparison.same,
            'differences': figures_of(comparison.differences),
        }
    return content


def _side(side: Side) -> dict[str, Any]:
    return {'name': side.name, **side.about, 'figures': figures_of(side.figures()), 'played': side.columns}
