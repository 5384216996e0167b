# SPDX-License-Identifier: Apache-2.0
"""Results as Markdown: one chapter for each section."""

from collections.abc import Callable, Iterable, Sequence

from rl_policy_node.tools.bench.formatting import machine_line, number, seconds_text, table, time_text, times
from rl_policy_node.tools.bench.names import FLOORS, IDLE, OURS, PLAYER
from rl_policy_node.tools.bench.section import Results

TITLES = {
    'step': 'A policy step',
    'latency': 'Observation → action through DDS',
    'jitter': 'Jitter of the control loop',
    'robots': 'Many robots',
    'images': 'Images',
    'batch': 'What a row costs',
    'start': 'Start and memory',
}
LOADS = {'idle': 'nothing else runs', 'busy': 'every core busy elsewhere'}


def markdown(found: Results, pictures: Iterable[str] = ()) -> str:
    """Return the tables of results as Markdown. pictures: file names that begin with the name of their section."""
    pictures = list(pictures)
    lines = [machine_line(found)]
    for name, section in found['sections'].items():
        lines += [f'## {TITLES[name]}', CHAPTERS[name](section)]
        lines += [f'![{TITLES[name]}]({picture})' for picture in pictures if picture.startswith(name)]
    return '\n\n'.join(lines) + '\n'


def _step(section: Results) -> str:
    parts = []
    for model, words in section['models'].items():
        cases = [case for case in section['cases'] if case['model'] == model]
        names = list(dict.fromkeys(name for case in cases for name in case['us']))
        others = [name for name in names if name != PLAYER]
        ours = [name for name in FLOORS if any(name in case['over_floor'] for case in cases)]
        head = [
            'rows',
            'threads',
            *names,
            *(f'{PLAYER} / {name}' for name in others),
            *(f'{name} / {FLOORS[name]}' for name in ours),
        ]
        rows = [
            [
                f'{case["rows"]:,}',
                case['threads'],
                *(time_text(case['us'].get(name)) for name in names),
                *(times(case['player_over'].get(name)) for name in others),
                *(times(case['over_floor'].get(name)) for name in ours),
            ]
            for case in cases
        ]
        parts += [words[0].upper() + words[1:] + ':', table(head, rows)]
    parts += [
        f'{each["backend"]}, {each["model"]}: actions differ from eager by at most {each["max_difference"]:.1e} '
        f'over {each["steps"]:,} steps of {each["rows"]} rows.'
        for each in section['agreement']
    ]
    return '\n\n'.join(parts + _missing(section['cases']))


def _missing(cases: Sequence[Results]) -> list[str]:
    reasons = {f'{name} was not measured: {reason}' for case in cases for name, reason in case['missing'].items()}
    return sorted(reasons)


def _latency(section: Results) -> str:
    inference = section['inference']
    parts = [
        f'{section["model"]}; {section["rate"]:g} Hz. Bare inference ({inference["of"]}): {time_text(inference["us"])}.'
    ]
    for load, case in section['cases'].items():
        rows = [
            [
                name,
                *(time_text(each[share]) for share in ('p50', 'p90', 'p99', 'max')),
                f'{each["cpu"]:.1%}',
                f'{each["answered"]:.1%}',
            ]
            for name, each in case.items()
        ]
        parts += [
            f'{LOADS[load]}:'.capitalize(),
            table([load, 'p50', 'p90', 'p99', 'max', 'CPU, of a core', 'answered'], rows),
        ]
    loads = list(section['ratios'])
    head = ['ratio', *(f'{load}, {share}' for load in loads for share in ('p50', 'p99'))]
    rows = [
        [name, *(times(section['ratios'][load][name][share]) for load in loads for share in ('p50', 'p99'))]
        for name in section['ratios'][loads[0]]
    ]
    parts.append(table(head, rows))
    # the parts of the policy node were timed one by one; what they leave is between processes
    p50, budget = section['cases'][IDLE][OURS]['p50'], section['budget']
    rows = [
        [part, time_text(us), f'{us / p50:.0%}']
        for part, us in (*budget.items(), ('DDS, executor, threads (the rest)', p50 - sum(budget.values())))
    ]
    parts += [
        f'Where the {time_text(p50)} of the policy node go, each part measured by itself:',
        table(['part', 'time', 'share'], rows),
    ]
    return '\n\n'.join(parts)


def _jitter(section: Results) -> str:
    head = ['rate', 'two cameras', 'of', 'p50', 'p99', 'max', 'node / thread, p50', 'node / thread, p99']
    rows = []
    for case in section['cases']:
        for name, each in case['jitter'].items():
            ratio = case['ratio'] if each is list(case['jitter'].values())[-1] else {}
            rows.append(
                [
                    f'{case["rate"]:g} Hz',
                    'yes' if case['cameras'] else 'no',
                    name,
                    *(time_text(each[share]) for share in ('p50', 'p99', 'max')),
                    times(ratio.get('p50')),
                    times(ratio.get('p99')),
                ]
            )
    return '\n\n'.join(
        [
            '|interval between the starts of two steps − period|, of the node with trigger timer; joint '
            'states at the same rate, cameras 320×240 rgb8 at 30 Hz. Ratios to the thread beside the same '
            'messages.',
            table(head, rows),
        ]
    )


def _robots(section: Results) -> str:
    head = [
        'robots',
        'rate',
        'messages',
        'answered',
        'within the period',
        'p50',
        'p99',
        'max',
        'p99 / period',
        'CPU of the node, of a core',
    ]
    rows = [
        [
            case['robots'],
            f'{case["rate"]:g} Hz',
            case['arrival'],
            f'{case["answered"]:.2%}',
            f'{case["in_time"]:.2%}',
            *(time_text(case[share]) for share in ('p50', 'p99', 'max')),
            times(case['p99'] * case['rate'] / 1e6),
            f'{case["cpu"]:.0%}',
        ]
        for case in section['cases']
    ]
    return '\n\n'.join(
        [
            f'{section["model"]}; topics of its own for each robot. Messages at once, with one stamp, as '
            'of robots with one clock; or staggered, spread evenly over the period, as of robots that know '
            'nothing of each other.',
            table(head, rows),
        ]
    )


def _images(section: Results) -> str:
    head = [
        'image',
        'of',
        'p50',
        'p99',
        'CPU, of a core',
        'answered',
        'decode',
        'crop, resize, limits',
        'policy',
        'decode, share of p50',
    ]
    rows = []
    for case in section['cases']:
        for name, each in case['nodes'].items():
            ours = name == OURS
            inside = [time_text(case['parts'][part]) for part in ('decode', 'assemble and limit', 'policy')]
            rows.append(
                [
                    f'{case["width"]}×{case["height"]} rgb8',
                    name,
                    time_text(each['p50']),
                    time_text(each['p99']),
                    f'{each["cpu"]:.1%}',
                    f'{each["answered"]:.1%}',
                    *(inside + [f'{case["decode_share"]:.1%}'] if ours else ['–'] * 4),
                ]
            )
    return '\n\n'.join(
        [
            f'{section["model"]}; larger images are resized by the node. {section["rate"]:g} Hz. The echo '
            "(events executor) reads the same messages and answers at once. Fast DDS has the package's "
            'profile for large messages.',
            table(head, rows),
        ]
    )


def _batch(section: Results) -> str:
    parts = []
    for case in section['cases']:
        a, b = case['line']
        rows = [
            [f'{rows:,}', backend, time_text(us), time_text(us / rows), time_text(a + b * rows)]
            for rows, backend, us in zip(case['rows'], case['backends'], case['us'])
        ]
        memory = case['memory']
        device = f', {number(memory["device_kb"])} kB of the device' if memory['device_kb'] else ''
        parts += [
            f'{case["words"]}, backend auto, {section["threads"]} thread: t = {time_text(a)} + {time_text(b)} · rows.',
            table(['rows', 'backend', 'a step', 'per row', 'the line'], rows),
            f'Memory for each row: {number(memory["resident_kb"])} kB resident{device}, of which '
            f'{number(memory["state_kb"])} kB are recurrent state (a process with {memory["rows"]:,} rows '
            'less one with a single row).',
        ]
    return '\n\n'.join(parts)


def _start(section: Results) -> str:
    runs, rows = section['runs'], []
    for name in next(iter(runs.values()))['steps']:
        rows.append([name, *(seconds_text(run['steps'][name]) for run in runs.values())])
        if name == 'policy loaded':
            rows += [
                [f'· {part}', *(seconds_text(run['policy'].get(part)) for run in runs.values())]
                for part in dict.fromkeys(part for run in runs.values() for part in run['policy'])
            ]
    rows += [
        [f'**{name}**', *(f'**{seconds_text(run["total"][name])}**' for run in runs.values())]
        for name in next(iter(runs.values()))['total']
    ]
    rows.append(['resident memory', *(f'{number(run["memory"]["mb"])} MB' for run in runs.values())])
    words, nothing = section['imports']['command line'], section['imports']['nothing']
    return '\n\n'.join(
        [
            f'{section["model"]}; a node that starts by itself while its robot already speaks.',
            table(['', *(f'export cache {cache}' for cache in runs)], rows),
            f'Importing the command line, interpreter included: {seconds_text(words)}; the interpreter '
            f'alone: {seconds_text(nothing)}.',
        ]
    )


CHAPTERS: dict[str, Callable[[Results], str]] = {
    'step': _step,
    'latency': _latency,
    'jitter': _jitter,
    'robots': _robots,
    'images': _images,
    'batch': _batch,
    'start': _start,
}
