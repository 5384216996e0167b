# SPDX-License-Identifier: Apache-2.0
"""The page of `rl_policy explain`: the verdict, the pictures that show it, the line that mends it, and all figures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
import html
import io
import math
from pathlib import Path

import matplotlib

from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.unpaired import Account, EXPLAINED, Finding, HEALTHY
from rl_policy_node.mismatch.unpaired.account import CommandAccount, Figures, TermAccount
from rl_policy_node.tools.demo.report_figures import STYLE
from rl_policy_node.tools.explain.explain_pictures import term_picture

_MOST_FINDINGS, _MOST_PICTURES = 4, 3
_NEARLY_ALL = 0.9
_VERDICTS = {
    HEALTHY: 'The robot sees and moves as simulation does.',
    EXPLAINED: '',
    'unexplained': 'The robot differs from simulation, and no known fault explains it.',
}


def write_page(path: Path, account: Account, robot: Recording, simulation: Recording) -> None:
    """Write the page, which needs no other file."""
    page = _PAGE.format(
        style=_CSS,
        subtitle=html.escape(_subtitle(robot, simulation)),
        verdict=_verdict(account),
        pictures=_pictures(account, robot, simulation),
        rivals=_others(account.findings[1:_MOST_FINDINGS]),
        terms=_term_table(account.terms),
        commands=_command_table(account.commands),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding='utf-8')


def _pictures(account: Account, robot: Recording, simulation: Recording) -> str:
    """Return the pictures of the verdict's terms, and, folded, of the others that differ most."""
    first = list(account.findings[0].where) if account.findings else []
    rest = [term.name for term in sorted(account.terms, key=lambda term: -term.odd) if term.name not in first]
    shown = first[:_MOST_PICTURES]
    said = 'Orange is the robot, blue simulation; dashed is what training saw.'
    with matplotlib.rc_context(STYLE):
        seen, more = (
            ''.join(_picture(robot, simulation, name) for name in names)
            for names in (shown, rest[: _MOST_PICTURES - len(shown)])
        )
    follow = 'Other terms that differ most; one fault moves the others, too' if shown else 'The terms that differ most'
    above = f'<section><h2>What it looks like</h2><p>{said}</p>{seen}</section>' if seen else ''
    below = f'<section><details{"" if shown else " open"}><summary>{follow}</summary><p>{said}</p>{more}</details>'
    return above + (f'{below}</section>' if more else '')


def _picture(robot: Recording, simulation: Recording, name: str) -> str:
    data = io.BytesIO()
    term_picture(robot, simulation, name).savefig(data, format='png')
    return f'<img alt="{html.escape(name)}" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def _subtitle(robot: Recording, simulation: Recording) -> str:
    said = [
        f'{name}: {each.steps} steps of {each.rows} {"robots" if each.rows > 1 else "robot"}, '
        f'{int(each.reset.sum())} resets' + (f', {each.about["file"]}' if each.about.get('file') else '')
        for name, each in (('robot', robot), ('simulation', simulation))
    ]
    return '; '.join(said)


def _verdict(account: Account) -> str:
    if not account.findings:
        text = html.escape(_VERDICTS[account.verdict])
        more = (
            f'The difference is {account.difference:.0f} nats; half of the simulated robots differ from the others by '
            f'{account.usual:.0f}.'
        )
        return f'<div class="verdict {account.verdict}"><b>{text}</b><p>{more}</p></div>'
    first = account.findings[0]
    line, _, other = first.remedy.partition(', or ')
    instead = f'<p>Or: {html.escape(other)}.</p>' if other else ''
    return (
        f'<div class="verdict explained"><i>{html.escape(first.kind)}</i><b>{html.escape(first.sentence)}.</b>'
        f'<p>What mends it:</p><code>{html.escape(line)}</code>{instead}<p>{html.escape(_sure(account))}</p></div>'
    )


def _sure(account: Account) -> str:
    """Return how sure the first finding is."""
    first = account.findings[0]
    shares = [each.share for each in account.findings[1:] if math.isfinite(each.share)]
    if not math.isfinite(first.share):
        said = "The robot's numbers show it directly."
    else:
        others = f'any other fault that was tried at most {max(shares):.0%}' if shares else 'and no other fault does'
        rest = ' The rest may be where the robot went because of it.' if first.share < _NEARLY_ALL else ''
        said = f'It explains {first.share:.0%} of the difference, {others}.{rest}'
    doubt = f' The data do not tell it from: {", ".join(first.rivals)}.' if first.rivals else ''
    return f'{said}{doubt} Mend it, record again, and see what is left.'


def _others(findings: Sequence[Finding]) -> str:
    if not findings:
        return ''
    lines = ''.join(
        f'<li><b>{html.escape(each.kind)}</b> {html.escape(each.sentence)}.'
        f'{f" Explains {each.share:.0%}." if math.isfinite(each.share) else ""}'
        f'<code>{html.escape(each.remedy)}</code>'
        for each in findings
    )
    return f'<section><h2>What else was tried and fits less</h2><ol start="2">{lines}</ol></section>'


def _term_table(terms: Iterable[TermAccount]) -> str:
    rows = ''.join(
        f'<tr><td rowspan="2">{html.escape(term.name)}<td rowspan="2">{html.escape(term.source)}'
        f'<td rowspan="2">{term.odd:.1f}<td>robot{_cells(term.robot)}<tr><td>simulation{_cells(term.simulation)}'
        for term in terms
    )
    heads = 'term', 'source', 'oddness', '', '5 %', '50 %', '95 %', 'beyond 5 σ', 'at bounds', 'still', 'gap'
    about = (
        'Quantiles are in standard deviations of training (of simulation, where training has no statistics). Oddness: '
        'difference of mean and spread, in those between simulated robots. Still: steps in which it does not change '
        'and the action does. Gap: longest time between messages, in usual ones.'
    )
    return _table('All terms', about, heads, rows)


def _cells(figures: Figures) -> str:
    spread = figures.spread
    numbers = [f'{each:.2f}' for each in (spread.low, spread.middle, spread.high)]
    shares = [
        f'{each:.1%}' if math.isfinite(each) else '–' for each in (figures.outside, figures.bounded, figures.still)
    ]
    gap = f'{figures.gap:.1f}' if math.isfinite(figures.gap) else '–'
    return ''.join(f'<td>{each}' for each in (*numbers, *shares, gap))


def _command_table(commands: Iterable[CommandAccount]) -> str:
    rows = ''.join(
        f'<tr><td>{html.escape(each.name)}<td>{side}<td>{one.error:.3g}<td>{1e3 * one.lag:.0f} ms<td>{one.gain:.3f}'
        f'<td>{one.chatter:.1%}<td>{one.at_bound:.1%}'
        for each in commands
        for side, one in (('robot', each.robot), ('simulation', each.simulation))
    )
    if not rows:
        return ''
    heads = 'command', '', 'error, RMS', 'lag', 'share of the error gone per step', 'turns back', 'at bounds'
    return _table('How it follows its commands', 'Command less what is measured of it, in its own unit.', heads, rows)


def _table(title: str, about: str, heads: Sequence[str], rows: str) -> str:
    head = ''.join(f'<th>{each}' for each in heads)
    return f'<section><h2>{title}</h2><p>{about}</p><table><thead><tr>{head}</thead>{rows}</table></section>'


_CSS = """
body { margin: 0; background: #f3f5f7; color: #26323d; font: 15px/1.5 system-ui, 'DejaVu Sans', sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 28px 24px 48px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 0; }
header p { font-size: 12px; color: #6b7683; margin: 0 0 16px; }
section, .verdict { background: #fff; border: 1px solid #e1e6ea; border-radius: 8px; margin-top: 14px; }
section, .verdict { padding: 16px 18px; }
.verdict { border-left: 6px solid #d9822b; } .verdict.healthy { border-left-color: #3a8f6a; }
.verdict b { display: block; font-size: 20px; line-height: 1.35; } .verdict p { margin: 6px 0; color: #4a5560; }
.verdict i { font-style: normal; font-size: 12px; text-transform: uppercase; letter-spacing: .06em; color: #b06312; }
code { display: block; background: #f3f5f7; border-radius: 6px; padding: 8px 12px; font-size: 13px; }
summary { font-size: 16px; font-weight: bold; cursor: pointer; }
code { overflow-wrap: anywhere; max-height: 5em; overflow: auto; }
section p { margin: 2px 0 10px; font-size: 13px; color: #6b7683; } li { margin: 8px 0; }
img { width: 100%; display: block; }
table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 3px 8px; border-bottom: 1px solid #eef1f3; } th { color: #4a5560; }
td:first-child, th:first-child { text-align: left; }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Why the robot differs</title>
<meta name="viewport" content="width=device-width"><style>{style}</style></head>
<body><main>
<header><h1>Why it works in simulation and not on the robot</h1><p>{subtitle}</p></header>
{verdict}
{pictures}
{rivals}
{terms}
{commands}
</main></body></html>
"""
