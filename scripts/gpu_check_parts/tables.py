"""What was found as Markdown, in the form of docs/performance.md."""
from rl_policy_node.tools.bench.markdown import (CHAPTERS, machine_line, number, seconds_text, table, time_text, times,
                                                TITLES)

OFF, ON, UNFUSED = 'TF32 off', 'TF32 on', 'TF32 off, unfused'
LEAST_WEIGHED = 1000        # rows; of fewer the memory is lost in that of everything else


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
    return (f'The same observations for both, rows held and reset on the way. "within": greatest difference of an '
            f'action of {family["contender"]} from rl_games\' player, at most {family["tolerance"]:g} with TF32 off; '
            '"same bits": share of the actions without any. "TF32 itself": how far the player with TF32 is from the '
            'player without. "unfused": without TorchScript\'s fused kernels. Times with TF32 off, from numpy to '
            f'numpy; {family["floor"]} without copies.')


def _family(family):
    contender, floor = family['contender'], family['floor']
    head = ['rows', 'made in', 'player', contender, floor, f'player / {contender}', f'{contender} / {floor}', 'steps',
            'within', 'same bits', 'within, unfused', 'within, TF32', 'TF32 itself']
    return table(head, [_row(case) for case in family['cases']])


def _row(case):
    us, settings = case.get('us', {}), case.get('settings', {})
    off = settings.get(OFF, {})
    player, ours, floor = (us.get(name) for name in ('player', 'contender', 'floor'))
    return [f'{case["rows"]:,}', seconds_text(case.get('capture_s')), time_text(player), time_text(ours),
            time_text(floor), times(player and player / ours), times(floor and ours / floor), off.get('steps', '–'),
            _apart(off.get('apart')), '–' if 'equal' not in off else f'{off["equal"]:.1%}',
            *(_apart(settings.get(name, {}).get('apart')) for name in (UNFUSED, ON)),
            _apart(settings.get(ON, {}).get('from_off'))]


def _apart(value):
    return '–' if value is None else '0' if value == 0 else f'{value:.1e}'


def _memory(family):
    """Return a line about the memory of a row: that of the most rows less that of one, for each row between."""
    weighed = [(case['rows'], case['memory']) for case in family['cases'] if 'memory' in case]
    if not weighed or weighed[-1][0] < LEAST_WEIGHED:
        return []
    (few, least), (many, most) = weighed[0], weighed[-1]

    def of(name):
        return f'{number((most[name] - least[name]) * 1024 / (many - few))} kB'
    device = f'{of("graph")} of the device by the graph, {of("player")} by a step of the player, ' \
        if 'player' in most else ''
    return [f'Memory for each row: {device}{of("process")} of the process ({many:,} rows less {few:,}).']
