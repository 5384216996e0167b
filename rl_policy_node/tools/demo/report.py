# SPDX-License-Identifier: Apache-2.0
"""One page about a run of the simulator: figures, an episode in pictures, traces, latency, episodes.

What a record (`run_record`) lacks is left out of the page.
"""

import base64
from collections.abc import Sequence
import html
import math
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
import numpy as np

from rl_policy_node.tools.demo.episode_video import VideoUnavailable, write_video
from rl_policy_node.tools.demo.report_figures import (
    episode_figure,
    latency_figure,
    moments_of,
    STYLE,
    Summary,
    time_of,
    traces_figure,
)
from rl_policy_node.tools.demo.run_record import Episode, find_episodes, Record, size_of
from rl_policy_node.tools.demo.tactile_figure import tactile_figure

PICTURES, VIDEOS = ('episode.png', 'tactile.png', 'traces.png', 'latency.png'), ('best.mp4', 'worst.mp4')


def write_report(
    folder: Path, summary: Summary, record: Record, about: Summary | None = None, first: Sequence[str] = ()
) -> Path:
    """Write `report.html`, which needs no other file, its pictures and videos into `folder`; return its path.

    summary: the run's figures (`episodes`, `success_rate` 0..1, `return_mean`, `latency_ms` with p50, p99
    and max, `deadline_misses`, `steps`, `mode`, `robots`, `control_rate` Hz, `latency_budget` s), each optional.
    record: see `run_record`. about: what the run is of, as `about` returns it. first: sections before all others.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*PICTURES, *VIDEOS):  # delete those of an earlier run
        (folder / name).unlink(missing_ok=True)
    episodes = find_episodes(record)
    # the first success, one of row 0 if any, else the last episode
    succeeded = sorted((episode for episode in episodes if episode.success), key=lambda episode: episode.row != 0)
    shown = next(iter(succeeded + episodes[::-1]), None)
    with matplotlib.rc_context(STYLE):
        sections = [
            *first,
            _episode_section(folder, summary, record, shown) if shown else '',
            _videos_section(folder, summary, record, episodes),
            _latency_section(folder, summary, record),
            _episodes_section(episodes, shown),
        ]
    return write_page(folder / 'report.html', about or {}, _cards(summary, record), sections)


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
    felt = tactile_figure(record, episode, moments, titles)
    tactile = _save(felt, folder / 'tactile.png') if felt else ''
    traces = traces_figure(summary, record, episode, moments if figure else ())
    shown = pictures + _note(note) + tactile + _save(traces, folder / 'traces.png')
    return section('One episode', about, shown)


def _videos_section(folder: Path, summary: Summary, record: Record, episodes: Sequence[Episode]) -> str:
    """Show the best and the worst episode, by success, then return."""
    if not episodes:
        return ''
    best, worst = max(episodes, key=lambda each: each.rank), min(episodes, key=lambda each: each.rank)
    parts = []
    for name, episode in (('best', best), ('worst', worst))[: 1 if best is worst else 2]:
        path = folder / f'{name}.mp4'
        try:
            write_video(path, record, episode, summary.get('control_rate'))
        except VideoUnavailable as reason:
            return section('Videos', f'None: {reason}', '')
        data = base64.b64encode(path.read_bytes()).decode()
        parts.append(
            f'<figure><video controls muted loop playsinline src="data:video/mp4;base64,{data}"></video>'
            f'<figcaption>{name}: {html.escape(_told(episode))}</figcaption></figure>'
        )
    slower = '' if summary.get('control_rate') else ' The rate is not known: not in real time.'
    return section('The best and the worst episode', f'By success, then by return.{slower}', ''.join(parts))


def _told(episode: Episode) -> str:
    """Return what an episode is, in words."""
    outcome = {True: 'success', False: 'no success', None: ''}[episode.success]
    total = '' if math.isnan(episode.episode_return) else f'return {episode.episode_return:.2f}'
    return ', '.join(filter(None, (f'row {episode.row}, {episode.length} steps', outcome, total)))


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
    return section('Latency', about, _save(figure, folder / 'latency.png') if figure else '')


# ---- page -------------------------------------------------------------------------------------------


def _save(figure: Figure, path: Path) -> str:
    """Write a figure, and return it as an <img> with embedded data."""
    figure.savefig(path)
    return embedded(path)


def embedded(path: Path) -> str:
    """Return a PNG file as an <img> with its data."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{path.stem}" src="data:image/png;base64,{data}">'


def section(title: str, about: str, body: str) -> str:
    """Return a section of the page. about: text below its title; body: HTML."""
    return f'<section><h2>{title}</h2><p>{html.escape(about)}</p>{body}</section>'


def _note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>' if text else ''


def _cards(summary: Summary, record: Record) -> str:
    latency = summary.get('latency_ms') or {}
    steps, rows = size_of(record)
    steps = summary.get('steps') or steps
    bears = summary.get('latency_budget')
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
        ('latency budget', '{:.0f} ms', 1e3 * bears if bears else None, 'age of observations that the policy bears'),
        ('deadline misses', '{:,}', summary.get('deadline_misses'), f'of {steps:,} steps'),
        (
            'robots',
            '{:,}',
            summary.get('robots') or rows,
            _joined(_formatted('{:g} Hz', summary.get('control_rate')), _formatted('{}', summary.get('mode'))),
        ),
    ]
    shown = ''.join(
        f'<div class="card"><b>{_formatted(shape, value)}</b>{label}<i>{more}</i></div>'
        for label, shape, value, more in cards
        if value is not None
    )
    return f'<div class="cards">{shown}</div>'


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
        f'<td>{episode.length}<td>{_formatted("{:.3f}", episode.episode_return)}<td>{words[episode.success]}'
        for number, episode in enumerate(episodes, 1)
    )
    heads = ''.join(f'<th>{head}' for head in ('', 'row', 'first step', 'length', 'return', 'success'))
    about = 'In the order in which they ended; the one above is highlighted.'
    if not all(episode.ended for episode in episodes):
        about = 'No episode ended; these are cut off where the record stops.'
    table = f'<div class="rows"><table><thead><tr>{heads}</thead>{lines}</table></div>'
    return section('Episodes', about if episodes else 'The record holds no step.', table if episodes else '')


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
header code { font-size: 12px; }
img { width: 100%; display: block; margin-bottom: 8px; }
figure { display: inline-block; margin: 0 24px 0 0; } video { height: 360px; display: block; }
figcaption { font-size: 13px; color: #4a5560; margin-top: 4px; }
.rows { max-height: 420px; overflow: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 3px 14px; border-bottom: 1px solid #eef1f3; }
th { position: sticky; top: 0; background: #fff; font-weight: 600; color: #4a5560; }
.shown td { background: #eaf3ee; font-weight: 600; }
@media print { .rows { max-height: none; } }
"""


def write_page(target: Path, about: Summary, cards: str, sections: Sequence[str]) -> Path:
    """Write a page that needs no other file; return its path. about: as `about` returns it; cards, sections: HTML."""
    lines = [
        _formatted('{}', about.get('policy')),
        _formatted('{}', about.get('checkpoint')),
        _formatted('sha256 {}', about.get('checkpoint_sha256')),
        _joined(_formatted('{}', about.get('date')), _formatted('{}', about.get('machine'))),
        _joined(*(f'{html.escape(name)} {html.escape(text)}' for name, text in about.get('versions', {}).items())),
        f'<code>$ {html.escape(about["command"])}</code>' if 'command' in about else '',
    ]
    body = '\n'.join(filter(None, sections))
    page = _PAGE.format(style=_CSS, subtitle='<br>'.join(filter(None, lines)), cards=cards, sections=body)
    target.write_text(page, encoding='utf-8')
    return target


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Policy run</title>
<meta name="viewport" content="width=device-width"><style>{style}</style></head>
<body><main>
<header><h1>Policy run</h1><p>{subtitle}</p></header>
{cards}
{sections}
</main></body></html>
"""
