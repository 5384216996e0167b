# SPDX-License-Identifier: Apache-2.0
"""The findings of a comparison as a table, and what explains those that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from rl_policy_node.tools.verify.finding import Finding, NOT_CHECKED
from rl_policy_node.tools.verify.played_steps import Recording

_STYLES = {'agrees': 'green', NOT_CHECKED: 'dim'}


def show(findings: Sequence[Finding], recording: Recording, console: Console, first_steps: int) -> None:
    """Print the findings. first_steps: of each episode, in which observations were not compared."""
    table = Table(box=None, pad_edge=False)
    for column in ('side', 'of', 'term', 'largest difference', 'where', 'verdict'):
        table.add_column(column)
    for finding in findings:
        cells = finding.side, finding.place, finding.name, *_difference(finding)
        table.add_row(*cells, f'[{_STYLES.get(finding.status, "red")}]{finding.status}[/]')
    console.print(table)
    for finding in findings:
        for line in _lines(finding):
            console.print(line, highlight=False, markup=False)
    if first_steps:
        console.print(_left_out(findings, recording, first_steps), highlight=False)
    console.print(_sum(findings, recording), highlight=False, style='bold')


def content(findings: Sequence[Finding], recording: Recording, first_steps: int) -> dict[str, object]:
    """Return the findings as JSON has them."""
    unchecked = sum(finding.status == NOT_CHECKED for finding in findings)
    return {
        'agrees': not any(finding.differs for finding in findings),
        'checked': len(findings) - unchecked,
        'not_checked': unchecked,
        'first_steps': first_steps,
        'left_out': int(recording.first(first_steps).sum()),
        'terms': [finding.content() for finding in findings],
    }


def _difference(finding: Finding) -> tuple[str, str]:
    verdict = finding.verdict
    if verdict is None:
        return '', ''
    step, row, _ = verdict.where
    return f'{verdict.largest:.2g}', f'step {step}, row {row}, {finding.label}' if verdict.largest else ''


def _lines(finding: Finding) -> Iterator[str]:
    """Yield what is said of a finding below the table."""
    name = f'{finding.side} {finding.name}'
    if finding.reason:
        yield f'{name}: {finding.status}: {finding.reason}'
    verdict = finding.verdict
    for explanation in verdict.explanations if verdict is not None else ():
        doubt = f' (not proven: {explanation.doubt})' if explanation.doubt else ''
        yield f'{name}: {explanation.hypothesis}: {explanation.sentence}{doubt}'
        yield f'  remedy: {explanation.remedy}'
    if verdict is not None and not verdict.agrees and not verdict.explanations:
        yield f'{name}: no known fault explains the difference'
    for remark in (*([verdict.note] if verdict is not None and verdict.note else []), *finding.remarks):
        yield f'{name}: {remark}'


def _left_out(findings: Sequence[Finding], recording: Recording, first_steps: int) -> str:
    """Return which observations were left out, and which terms differ there."""
    which = 'the first step' if first_steps == 1 else f'the first {first_steps} steps'
    samples = f'{int(recording.first(first_steps).sum())} of {recording.begins.size} samples'
    apart = {each.name: each.verdict.left_out for each in findings if each.verdict is not None}
    differ = ', '.join(f'{name} by {value:.2g}' for name, value in apart.items() if value > 0)
    return f'left out: observations in {which} of each episode, {samples}; there {differ or "none"} differ'


def _sum(findings: Sequence[Finding], recording: Recording) -> str:
    counts = Counter(finding.status for finding in findings)
    differ = sum(finding.differs for finding in findings)
    unchecked = counts[NOT_CHECKED]
    steps, rows = recording.begins.shape
    verdict = f'{counts["agrees"]} terms agree'
    if differ:
        verdict = f'{differ} of {len(findings)} terms {"differs" if differ == 1 else "differ"}'
    return f'{verdict} over {steps} steps of {rows} rows' + (f'; {unchecked} not checked' if unchecked else '')
