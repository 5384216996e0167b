# SPDX-License-Identifier: Apache-2.0
"""What was found as Markdown, in the form of docs/explanation/performance.md."""

from rl_policy_node.tools.bench.formatting import machine_line, number, seconds_text, table, time_text, times
from rl_policy_node.tools.bench.markdown import CHAPTERS, TITLES

OFF, ON, UNFUSED = 'TF32 off', 'TF32 on', 'TF32 off, unfused'
LEAST_WEIGHED = 1000  # rows; of fewer the memory is lost in that of everything else


def tables(found):
    """Return the results of a check, complete or not, as Markdown."""
    lines = ['## On a GPU', machine_line(found), _verdicts(found['parts'])]
    families = [part['found'] for part in found['parts'].values() if part['found'] and part['found'].get('family')]
    if families:
        lines += ['### Against the player', _legend(families[0])]
        for family in families:
            lines += [f'{family["words"][0].upper()}{family["words"][1:]}:', _family(family), *_memory(family)]
    for name in ('step', 'batch'):
        section = found['parts'].get(name, {}).get('found')
        if section:
            lines += [f'### {TITLES[name]}', CHAPTERS[name](section)]
    return '\n\n'.join(lines) + '\n'


def _verdicts(parts):
    rows = [[name, _verdict(name, part), seconds_text(part['seconds'])] for name, part in parts.items()]
    return table(['part', 'found', 'time'], rows)


def _verdict(name, part):
    words = 'passed' if part['passed'] else f'**failed**: {part["told"]}'
    if name == 'tests' and part['found']:
        words += f' ({part["found"]["passed"]} passed, {part["found"]["skipped"]} wait for a GPU)'
    return words.replace('|', '\\|')


def _legend(family):
    contender, floor = family['contender'], family['floor']
    return (
        f'Both see the same observations; rows are held and reset on the way. max. difference: of an action of '
        f"{contender} from the player's, at most {family['tolerance']:g} where TF32 is off; bit-equal: share of "
        "the actions without a difference; unfused: without TorchScript's fused kernels; TF32 itself: the player "
        f'with TF32 against the player without. Times are with TF32 off, from numpy to numpy; {floor} is without '
        'copies. The captured step took the seconds under "capture" to make.'
    )


def _family(family):
    contender, floor = family['contender'], family['floor']
    head = [
        'rows',
        'capture',
        'player',
        contender,
        floor,
        f'player / {contender}',
        f'{contender} / {floor}',
        'steps',
        'max. difference',
        'bit-equal',
        'max. difference, unfused',
        'max. difference, TF32',
        'TF32 itself',
    ]
    return table(head, [_row(case) for case in family['cases']])


def _row(case):
    us, settings = case.get('us', {}), case.get('settings', {})
    off, on = settings.get(OFF, {}), settings.get(ON, {})
    player, ours, floor = (us.get(name) for name in ('player', 'contender', 'floor'))
    return [
        f'{case["rows"]:,}',
        seconds_text(case.get('capture_s')),
        time_text(player),
        time_text(ours),
        time_text(floor),
        times(player and player / ours),
        times(floor and ours / floor),
        off.get('steps', '–'),
        _difference(off.get('max_difference')),
        f'{off["bit_equal"]:.1%}' if off else '–',
        _difference(settings.get(UNFUSED, {}).get('max_difference')),
        _difference(on.get('max_difference')),
        _difference(on.get('from_off')),
    ]


def _difference(value):
    return '–' if value is None else '0' if value == 0 else f'{value:.1e}'


def _memory(family):
    """Return a line about the memory of a row: that of the most rows less that of one, for each row between."""
    weighed = [(case['rows'], case['memory']) for case in family['cases'] if 'memory' in case]
    if not weighed or weighed[-1][0] < LEAST_WEIGHED:
        return []
    (few, least), (many, most) = weighed[0], weighed[-1]

    def of(name):
        return f'{number((most[name] - least[name]) * 1024 / (many - few))} kB'

    device = (
        f'{of("graph")} of the device by the graph, {of("player")} by a step of the player, '
        if 'player' in most
        else ''
    )
    return [f'Memory for each row: {device}{of("process")} of the process ({many:,} rows less {few:,}).']
