# SPDX-License-Identifier: Apache-2.0
"""One page about a run of the simulator: figures, an episode in pictures, traces, latency, episodes.

A record holds T steps of N rows under flat keys, as the simulator bridge writes them:
`obs/<key>` (T, N, ...), `actions` (T, N, ...), `rewards` (T, N), `dones` (T, N), 1 at the last step of an
episode, `successes` (T, N) after the step, `latency` (T,), s, NaN where it was not measured, and for the
insertion task `qpos` (T, N, 12) before the step. What a record lacks is left out of the page.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
import html
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
import numpy as np

from rl_policy_node.control.arrays import Array
from rl_policy_node.tools.demo.report_figures import (
    episode_figure,
    latency_figure,
    moments_of,
    Record,
    STYLE,
    Summary,
    time_of,
    traces_figure,
)

PICTURES = ('episode.png', 'traces.png', 'latency.png')


@dataclass(frozen=True)
class Episode:
    """Steps start ≤ t < stop of one row; `ended` is False if the record stops before the episode ends."""

    row: int
    start: int
    stop: int
    episode_return: float
    success: bool | None
    ended: bool

    @property
    def length(self) -> int:
        return self.stop - self.start


def load_record(path: Path) -> dict[str, Array]:
    """Return the arrays of a record file (.npz) by their keys."""
    with np.load(path) as file:
        return dict(file)


def write_report(folder: Path, summary: Summary, record: Record) -> Path:
    """Write `report.html`, which needs no other file, and its pictures into `folder`; return its path.

    summary: the run's figures (`episodes`, `success_rate` 0..1, `return_mean`, `latency_ms` with p50, p99
    and max, `deadline_misses`, `steps`, `mode`, `robots`, `control_rate` Hz, `checkpoint`,
    `checkpoint_sha256`), each optional. record: see the module.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:  # delete pictures of an earlier run
        (folder / picture).unlink(missing_ok=True)
    episodes = _find_episodes(record)
    # the first success, one of row 0 if any, else the last episode
    succeeded = sorted((episode for episode in episodes if episode.success), key=lambda episode: episode.row != 0)
    shown = next(iter(succeeded + episodes[::-1]), None)
    with matplotlib.rc_context(STYLE):
        sections = [
            _episode_section(folder, summary, record, shown) if shown else '',
            _latency_section(folder, summary, record),
            _episodes_section(episodes, shown),
        ]
    subtitle = _formatted('{}', summary.get('checkpoint')), _formatted('sha256 {}', summary.get('checkpoint_sha256'))
    page = _PAGE.format(
        style=_CSS,
        subtitle='<br>'.join(filter(None, subtitle)),
        cards=_cards(summary, record),
        sections='\n'.join(filter(None, sections)),
    )
    target = folder / 'report.html'
    target.write_text(page, encoding='utf-8')
    return target


def _find_episodes(record: Record) -> list[Episode]:
    """Return the episodes in the order in which they ended; unfinished ones only if none ended."""
    dones, rewards = record['dones'].astype(bool), record['rewards']
    found = []
    for row in range(dones.shape[1]):
        stops = np.nonzero(dones[:, row])[0] + 1
        starts = np.concatenate([[0], stops])
        for start, stop in zip(starts, [*stops, len(dones)]):
            if stop > start:
                success = bool(record['successes'][stop - 1, row]) if 'successes' in record else None
                total = float(rewards[start:stop, row].sum(dtype=np.float64))
                found.append(Episode(row, int(start), int(stop), total, success, bool(dones[stop - 1, row])))
    found.sort(key=lambda episode: (episode.stop, episode.row))
    return [episode for episode in found if episode.ended] or found


# ---- one episode ------------------------------------------------------------------------------------


def _episode_section(folder: Path, summary: Summary, record: Record, episode: Episode) -> str:
    outcome = {True: ', which succeeded', False: ', which did not succeed', None: ''}[episode.success]
    about = f'Row {episode.row}, steps {episode.start} to {episode.stop - 1}{outcome}.'
    moments = moments_of(record, episode)
    titles = [time_of(summary, step - episode.start) for step in moments]
    figure, note = episode_figure(record, episode, moments, titles)
    pictures = _save(figure, folder / 'episode.png') if figure else ''
    if figure:
        about += ' The dotted lines are the moments of the pictures.'
    traces = traces_figure(summary, record, episode, moments if figure else ())
    return _section('One episode', about, pictures + _note(note) + _save(traces, folder / 'traces.png'))


# ---- latency ----------------------------------------------------------------------------------------


def _latency_section(folder: Path, summary: Summary, record: Record) -> str:
    if not len(record.get('latency', ())):
        return ''
    latency = 1e3 * np.asarray(record['latency'], dtype=np.float64)
    timed = latency[np.isfinite(latency) & (latency > 0)]
    about = 'From publishing the observations to having every robot’s command.'
    if len(timed) < len(latency):
        about += f' {len(timed):,} of {len(latency):,} steps were answered in full and timed.'
    figure = latency_figure(timed, summary.get('control_rate')) if len(timed) else None
    return _section('Latency', about, _save(figure, folder / 'latency.png') if figure else '')


# ---- page -------------------------------------------------------------------------------------------


def _save(figure: Figure, path: Path) -> str:
    """Write a figure and return it as an <img> with embedded data."""
    figure.savefig(path)
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{path.stem}" src="data:image/png;base64,{data}">'


def _section(title: str, about: str, body: str) -> str:
    return f'<section><h2>{title}</h2><p>{html.escape(about)}</p>{body}</section>'


def _note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>' if text else ''


def _cards(summary: Summary, record: Record) -> str:
    latency = summary.get('latency_ms') or {}
    steps, rows = summary.get('steps') or len(record['dones']), record['dones'].shape[1]
    cards = [
        (
            'success rate',
            '{:.1%}',
            summary.get('success_rate'),
            _formatted('of {:,} episodes', summary.get('episodes')),
        ),
        ('mean return', '{:.2f}', summary.get('return_mean'), 'per episode'),
        (
            'latency, median',
            '{:.2f} ms',
            latency.get('p50'),
            _joined(_formatted('p99 {:.2f}', latency.get('p99')), _formatted('max {:.1f} ms', latency.get('max'))),
        ),
        ('deadline misses', '{:,}', summary.get('deadline_misses'), f'of {steps:,} steps'),
        (
            'robots',
            '{:,}',
            summary.get('robots') or rows,
            _joined(_formatted('{:g} Hz', summary.get('control_rate')), _formatted('{}', summary.get('mode'))),
        ),
    ]
    return ''.join(
        f'<div class="card"><b>{_formatted(shape, value)}</b>{label}<i>{more}</i></div>'
        for label, shape, value, more in cards
        if value is not None
    )


def _formatted(shape: str, value: object) -> str:
    """Return the value, formatted and escaped for HTML; nothing for None, a dash for NaN."""
    if value is None:
        return ''
    return '–' if value != value else html.escape(shape.format(value))


def _joined(*parts: str) -> str:
    return ' · '.join(filter(None, parts))


def _episodes_section(episodes: Sequence[Episode], shown: Episode | None) -> str:
    words = {True: 'yes', False: 'no', None: '–'}
    lines = ''.join(
        f'<tr{" class=shown" if episode is shown else ""}><td>{number}<td>{episode.row}<td>{episode.start}'
        f'<td>{episode.length}<td>{episode.episode_return:.3f}<td>{words[episode.success]}'
        for number, episode in enumerate(episodes, 1)
    )
    heads = ''.join(f'<th>{head}' for head in ('', 'row', 'first step', 'length', 'return', 'success'))
    about = 'In the order in which they ended; the one above is highlighted.'
    if not all(episode.ended for episode in episodes):
        about = 'No episode ended; these are cut off where the record stops.'
    table = f'<div class="rows"><table><thead><tr>{heads}</thead>{lines}</table></div>'
    return _section('Episodes', about if episodes else 'The record holds no step.', table if episodes else '')


_CSS = """
body { margin: 0; background: #f3f5f7; color: #26323d; font: 15px/1.5 system-ui, 'DejaVu Sans', sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 28px 24px 48px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 0; }
header p { font-size: 12px; color: #6b7683; margin: 0 0 20px; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 12px; }
.card, section { background: #fff; border: 1px solid #e1e6ea; border-radius: 8px; }
.card { padding: 12px 16px; font-size: 13px; color: #4a5560; }
.card b { display: block; font-size: 25px; line-height: 1.3; color: #26323d; }
.card i { display: block; font-style: normal; font-size: 12px; color: #8a949e; }
section { margin-top: 14px; padding: 16px 18px; }
section p { margin: 2px 0 10px; font-size: 13px; color: #6b7683; } section .note { margin: 8px 0 14px; }
img { width: 100%; display: block; margin-bottom: 8px; }
.rows { max-height: 420px; overflow: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 3px 14px; border-bottom: 1px solid #eef1f3; }
th { position: sticky; top: 0; background: #fff; font-weight: 600; color: #4a5560; }
.shown td { background: #eaf3ee; font-weight: 600; }
@media print { .rows { max-height: none; } }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Policy run</title>
<meta name="viewport" content="width=device-width"><style>{style}</style></head>
<body><main>
<header><h1>Policy run</h1><p>{subtitle}</p></header>
<div class="cards">{cards}</div>
{sections}
</main></body></html>
"""
