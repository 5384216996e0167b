"""`rl_policy evaluate`: the same episodes through the two nodes and in rl_games' own loop, side by side."""
import json
from pathlib import Path
import sys

from rich.console import Console
from rich.table import Table

from rl_policy_node.resources import resolve
from rl_policy_node.tools.evaluate_compare import Comparison, DIFFERENT, figure_texts, SAME, UNITS
from rl_policy_node.tools.evaluate_run import LOOP, make_plan, NODES, play_loop, play_nodes
from rl_policy_node.tools.evaluate_statistics import CONFIDENCE
from rl_policy_node.tools.processes import private_domain

PARAMS_FILE = 'package://rl_policy_node/config/insertion.yaml'


def evaluate(params_file, episodes, robots=None, seed=None, settings=(), output='reports/evaluate', json_file=None,
             reference=True):
    """Play, print the figures, write evaluation.json and evaluation.png into `output`; return whether they agree.

    Arguments as of make_plan. json_file: another place for the JSON. reference: False leaves rl_games' own
    loop out, and nothing is compared. Raises ConfigurationError, or RuntimeError where a node fails.
    """
    console = Console(file=sys.stdout, soft_wrap=True)      # what rl_games prints meanwhile goes elsewhere
    private_domain()
    plan = make_plan(resolve(params_file), episodes, robots, seed, settings)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    # the loop comes first: what cannot be loaded or opened is said here, and not in a node's log
    loop = [_play_loop(plan, console)] if reference else []
    gap = f', with {plan.bridge.sim.gap}' if plan.bridge.sim.gap.stated() else ''
    console.print(f'{NODES}, {plan.bridge.sim.mode}{gap}', highlight=False)
    sides = [play_nodes(plan, output, console), *loop]
    comparison = Comparison(*sides) if reference else None
    _print(console, sides, comparison)
    _write(plan, settings, sides, comparison, output, json_file)
    console.print(f'picture: {_draw(plan, sides, comparison, output)}', highlight=False)
    return comparison is None or comparison.verdict != DIFFERENT


def play_alone(params_file, episodes, robots=None, seed=None, settings=()):
    """Play in rl_games' own loop alone and print the figures; arguments as of make_plan."""
    console = Console(file=sys.stdout, soft_wrap=True)
    private_domain()
    plan = make_plan(resolve(params_file), episodes, robots, seed, settings)
    _print(console, [_play_loop(plan, console)], None)


def _play_loop(plan, console):
    console.print(f'{LOOP}, {plan.rows} rows, seed {plan.bridge.sim.seed}', highlight=False)
    return play_loop(plan, console)


def _print(console, sides, comparison):
    table = Table(box=None, pad_edge=False)
    for column in (f'{len(sides[0])} episodes', *(side.name for side in sides), *['difference'] * bool(comparison)):
        table.add_column(column, no_wrap=True)
    for name in sides[0].figures():
        cells = [_cell(side.figures().get(name)) for side in sides]
        if comparison:
            cells.append('none' if comparison.verdict == SAME else _cell(comparison.differences.get(name), sign=True))
        table.add_row(f'{name}, {"%" if name == "success" else UNITS[name]}'.rstrip(', '), *cells)
    console.print(table, width=120)         # wider than a log file says it is
    if comparison:
        console.print(f'intervals of {CONFIDENCE:.0%}; those of the differences hold together', highlight=False)
        console.print(comparison.sentence(), highlight=False, style='bold')


def _cell(figure, sign=False):
    if figure is None:
        return ''
    value, interval = figure_texts(figure, sign)
    return f'{value} ({interval})' if interval and figure.low < figure.high else value


def _draw(plan, sides, comparison, output):
    """Return the path of the picture, or why there is none."""
    try:
        from rl_policy_node.tools.evaluate_figure import draw
    except ImportError as error:
        return f'none, {error}'
    path = output / 'evaluation.png'
    draw(path, sides, ': '.join(filter(None, (str(plan.bridge.sim.gap), comparison and comparison.sentence()))))
    return path


def _write(plan, settings, sides, comparison, output, json_file):
    text = json.dumps(_content(plan, settings, sides, comparison), indent=1, ensure_ascii=False) + '\n'
    for path in filter(None, (output / 'evaluation.json', json_file)):
        Path(path).write_text(text)


def _content(plan, settings, sides, comparison):
    sim, policy = plan.bridge.sim, plan.policy
    run = {'parameters': str(plan.params_file), 'settings': list(settings), 'episodes': plan.episodes,
           'rows': plan.rows, 'robots': list(plan.bridge.control.robots), 'environment': sim.environment,
           'seed': sim.seed, 'mode': sim.mode, 'trigger': policy.control.trigger,
           'control_rate': sides[0].about['control_rate'], 'deterministic': policy.policy.deterministic,
           'gap': sim.gap.stated(), 'confidence': CONFIDENCE}
    content = {'run': run, 'nodes': _side(sides[0]), 'reference': _side(sides[1]) if comparison else None}
    if comparison:
        content |= {'verdict': comparison.verdict, 'sentence': comparison.sentence(), 'same_episodes': comparison.same,
                    'differences': _figures(comparison.differences)}
    return content


def _side(side):
    return {'name': side.name, **side.about, 'figures': _figures(side.figures()), 'played': side.columns}


def _figures(figures):
    return {name: {'value': f.value, 'low': f.low, 'high': f.high} for name, f in figures.items()}
