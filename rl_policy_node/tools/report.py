"""One page about a run of the simulator: figures, an episode in pictures, traces, latency, episodes.

A record holds T steps of N rows under flat keys, as the simulator bridge writes them:
`obs/<key>` (T, N, ...), `actions` (T, N, ...), `rewards` (T, N), `dones` (T, N), 1 at the last step of an
episode, `successes` (T, N) after the step, `latency` (T,), s, NaN where it was not measured, and for the
insertion task `qpos` (T, N, 12) before the step. What a record lacks is left out of the page.
"""
import base64
from dataclasses import dataclass
import html
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
import numpy as np

from rl_policy_node import geometry
from rl_policy_node.sim.insertion.render import (
    POSITIONS, RenderingUnavailable, draw_cross_section, peg_pose, render_frames)

PICTURES = ('episode.png', 'traces.png', 'latency.png')
MOMENTS = 6                  # pictures of an episode
LATENCY_BINS = 60
POSE_ACTIONS = ('x', 'y', 'z', 'rx', 'ry', 'rz')
COLOURS = ('#2f6f9f', '#d9822b', '#3a8f6a', '#8a5fa8', '#b5533c', '#6b7683')
STYLE = {
    'font.family': 'sans-serif', 'font.size': 9, 'axes.edgecolor': '#b8c0c8', 'axes.labelcolor': '#4a5560',
    'axes.spines.top': False, 'axes.spines.right': False, 'axes.grid': True, 'grid.color': '#e9edf0',
    'axes.axisbelow': True, 'axes.prop_cycle': matplotlib.cycler(color=COLOURS), 'lines.linewidth': 1.3,
    'xtick.color': '#6b7683', 'ytick.color': '#6b7683', 'text.color': '#26323d', 'legend.frameon': False,
    'legend.fontsize': 8, 'savefig.dpi': 150, 'figure.constrained_layout.use': True,
}


@dataclass(frozen=True)
class Episode:
    """Steps start ≤ t < stop of one row; `ended` is False where the record stops in its midst."""

    row: int
    start: int
    stop: int
    episode_return: float
    success: bool | None
    ended: bool

    @property
    def length(self):
        return self.stop - self.start


def load_record(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a record file (.npz) by their keys."""
    with np.load(path) as file:
        return dict(file)


def write_report(folder: Path, summary: dict, record: dict[str, np.ndarray]) -> Path:
    """Write `report.html`, which needs no other file, and its pictures into `folder`; return its path.

    summary: the run's figures (`episodes`, `success_rate` 0..1, `return_mean`, `latency_ms` with p50, p99
    and max, `deadline_misses`, `steps`, `mode`, `robots`, `control_rate` Hz, `checkpoint`,
    `checkpoint_sha256`), each optional. record: see the module.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:                             # an earlier run's must not pass for this one's
        (folder / picture).unlink(missing_ok=True)
    episodes = find_episodes(record)
    shown = _episode_to_show(episodes)
    with matplotlib.rc_context(STYLE):
        sections = [_episode_section(folder, summary, record, shown) if shown else '',
                    _latency_section(folder, summary, record), _episodes_section(episodes, shown)]
    page = _PAGE.format(style=_CSS, subtitle=_subtitle(summary), cards=_cards(summary, record),
                        sections='\n'.join(filter(None, sections)))
    target = folder / 'report.html'
    target.write_text(page, encoding='utf-8')
    return target


def find_episodes(record: dict[str, np.ndarray]) -> list[Episode]:
    """Return the episodes in the order in which they ended; unfinished ones only where none ended."""
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


def _episode_to_show(episodes):
    """Return the first success, row 0 before the others, else the last episode, else None."""
    succeeded = [episode for episode in episodes if episode.success]
    first_row = [episode for episode in succeeded if episode.row == 0]
    return next(iter(first_row + succeeded + episodes[::-1]), None)


def _moments(record, episode):
    """Return MOMENTS steps of the episode: spread over the way to the success, then the end."""
    last, settled = episode.stop - 1, episode.stop - 1
    if episode.success:
        failing = np.nonzero(~record['successes'][episode.start:episode.stop, episode.row].astype(bool))[0]
        settled = episode.start + (failing[-1] + 1 if len(failing) else 0)
    settled = min(settled + 1, last)                     # a success shows in the state after its step
    way = np.linspace(episode.start, settled, MOMENTS - 1 if settled < last else MOMENTS)
    return np.unique(np.append(np.round(way).astype(int), last))


# ---- one episode ------------------------------------------------------------------------------------

def _episode_section(folder, summary, record, episode):
    outcome = {True: ', which succeeded', False: ', which did not succeed'}.get(episode.success, '')
    about = f'Row {episode.row}, steps {episode.start} to {episode.stop - 1}{outcome}.'
    moments = _moments(record, episode)
    titles = [_time(summary, step - episode.start) for step in moments]
    figure, note = _pictures(record, episode, moments, titles)
    pictures = _save(figure, folder / 'episode.png') if figure else ''
    if figure:
        about += ' The dotted lines are the moments of the pictures.'
    traces = _traces_figure(summary, record, episode, moments if figure else ())
    return _section('One episode', about, pictures + _note(note) + _save(traces, folder / 'traces.png'))


def _time(summary, steps):
    rate = summary.get('control_rate')
    return f'{steps / rate:.2f} s' if rate else f'step {steps}'


def _pictures(record, episode, moments, titles):
    """Return the figure of the episode's moments, or None, and a note on how it was drawn."""
    qpos = record.get('qpos')
    qpos = qpos[moments, episode.row] if qpos is not None and qpos.shape[2:] == (POSITIONS,) else None
    try:
        if qpos is None:
            raise RenderingUnavailable('the record holds no generalised positions (qpos).')
        return _frames_figure(render_frames(qpos, width=320, height=480), titles), ''
    except RenderingUnavailable as unavailable:
        reason = unavailable
    poses = peg_pose(qpos) if qpos is not None else _observed_peg(record, episode, moments)
    if poses is None:
        return None, ''
    try:
        figure = _schematic_figure(*poses, titles)
    except RenderingUnavailable as unavailable:
        return None, f'No pictures: {unavailable}'
    return figure, f'Drawn as a cross-section, because {reason}{_OBSERVED_NOTE if qpos is None else ""}'


def _frames_figure(frames, titles):
    figure = Figure(figsize=(10.4, 2.8))
    for axes, frame, title in zip(figure.subplots(1, len(frames), squeeze=False)[0], frames, titles):
        axes.imshow(frame, interpolation='lanczos')
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    return figure


def _schematic_figure(positions, quaternions, titles):
    figure = Figure(figsize=(10.4, 2.9))
    columns = figure.subplots(1, len(titles), squeeze=False, sharey=True)[0]
    for axes, position, quaternion, title in zip(columns, positions, quaternions, titles):
        draw_cross_section(axes, position, quaternion)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel('x, mm')
    columns[0].set_ylabel('z, mm')
    return figure


def _observed_peg(record, episode, moments):
    """Return position (K, 3), m, and rotation (K, 4) xyzw of a peg held straight, or None if not observed."""
    gripper = _gripper_in_socket(record, episode)
    if gripper is None:
        return None
    position, quaternion = (value[moments - episode.start] for value in gripper)
    # the gripper's z axis points down, the peg's up
    return position, geometry.multiply(quaternion, _HALF_TURN_ABOUT_X)


def _gripper_in_socket(record, episode):
    """Return position (L, 3), m, and rotation (L, 4) xyzw of the gripper in the observed socket's frame."""
    keys = [f'obs/{key}' for key in ('ee_pos', 'ee_quat', 'socket_pos', 'socket_quat')]
    if any(key not in record for key in keys):
        return None
    position, quaternion, origin, frame = (
        record[key][episode.start:episode.stop, episode.row].astype(np.float64) for key in keys)
    to_socket = geometry.conjugate(geometry.normalize_quaternion(frame))
    offset = np.einsum('nij,nj->ni', geometry.matrix_from_quaternion(to_socket), position - origin)
    return offset, geometry.multiply(to_socket, geometry.normalize_quaternion(quaternion))


def _traces_figure(summary, record, episode, moments):
    rate = summary.get('control_rate')
    period = 1.0 / rate if rate else 1.0
    panels = [*_motion_panels(record, episode), *_force_panels(record, episode),
              ('reward', '', [('', _rows(record, 'rewards', episode), '-')])]
    lines = -(-len(panels) // 2)
    figure = Figure(figsize=(10.4, 0.3 + 1.7 * lines))
    grid = figure.subplots(lines, 2, squeeze=False).flat
    for number, (axes, panel) in enumerate(zip(grid, panels)):
        _draw_panel(axes, np.arange(episode.length) * period, panel)
        for moment in moments:
            axes.axvline((moment - episode.start) * period, color='#b8c0c8', linewidth=0.8, linestyle=':')
        axes.set_xlabel(('time, s' if rate else 'step') if number >= len(panels) - 2 else '')
    for axes in list(figure.axes)[len(panels):]:
        axes.set_axis_off()
    return figure


def _rows(record, key, episode):
    """Return the values (L, features) of an episode; a scalar is one feature."""
    return record[key][episode.start:episode.stop, episode.row].reshape(episode.length, -1)


def _motion_panels(record, episode):
    panels, moved = [], _gripper_in_socket(record, episode)
    actions = _rows(record, 'actions', episode) if 'actions' in record else np.empty((episode.length, 0))
    count = actions.shape[1]
    if count == len(POSE_ACTIONS):
        moves = [(name, actions[:, k], '-') for k, name in enumerate(POSE_ACTIONS)]
        panels = [('action, translation', '', moves[:3]), ('action, rotation', '', moves[3:])]
    elif count:
        names = range(count) if count <= 8 else [''] * count     # more names would hide the curves
        panels = [('actions', '', [(str(name), actions[:, k], '-') for k, name in enumerate(names)])]
    if moved is not None:
        x, y, z = 1e3 * moved[0].T
        panels.insert(0, ('end effector, across the observed socket', 'mm', [('x', x, '-'), ('y', y, '-')]))
        panels.insert(2, ('end effector, above the observed socket', 'mm', [('', z, '-')]))
    return panels


def _force_panels(record, episode):
    """Return the panel of the fingers' forces (L,), N, means over the taxels."""
    curves = []
    for colour, finger in (('C0', 'left'), ('C1', 'right')):
        field = record.get(f'obs/tactile_force_field_{finger}')
        if field is not None and field.ndim >= 3 and field.shape[-1] == 3:
            taxels = field[episode.start:episode.stop, episode.row].reshape(episode.length, -1, 3)
            shear = np.linalg.norm(taxels[..., 1:], axis=-1).mean(axis=1)
            curves += [(f'{finger}, normal', taxels[..., 0].mean(axis=1), f'{colour}-'),
                       (f'{finger}, shear', shear, f'{colour}--')]
    return [('force on the fingers, mean of the taxels', 'N', curves)] if curves else []


def _draw_panel(axes, time, panel):
    title, unit, curves = panel
    for label, values, line in curves:
        axes.plot(time, values, line, label=label)
    axes.set_title(title, fontsize=9, loc='left')
    axes.set_ylabel(unit)
    if any(label for label, _, _ in curves):
        axes.legend(ncol=3 if len(curves) == 3 else 2, loc='best')


# ---- latency ----------------------------------------------------------------------------------------

def _latency_section(folder, summary, record):
    if not len(record.get('latency', ())):
        return ''
    latency = 1e3 * np.asarray(record['latency'], dtype=np.float64)
    timed = latency[np.isfinite(latency) & (latency > 0)]
    about = 'From publishing the observations to having every robot’s command.'
    if len(timed) < len(latency):
        about += f' {len(timed):,} of {len(latency):,} steps were answered in full and timed.'
    figure = _latency_figure(timed, summary.get('control_rate')) if len(timed) else None
    return _section('Latency', about, _save(figure, folder / 'latency.png') if figure else '')


def _latency_figure(latency, rate):
    """Return the histogram of `latency` (T,), ms; logarithmic, for the tail is the point."""
    marks = [(f'p{q}', np.percentile(latency, q), COLOURS[k]) for k, q in ((2, 50), (1, 99))]
    marks += [('control period', 1e3 / rate, COLOURS[4])] if rate else []
    ends = [latency.min(), latency.max(), *(value for _, value, _ in marks)]
    figure = Figure(figsize=(10.4, 2.6))
    axes = figure.subplots()
    axes.hist(latency, np.geomspace(min(ends) * 0.9, max(ends) * 1.1, LATENCY_BINS), color='#9dbdd6')
    for label, value, colour in marks:
        axes.axvline(value, color=colour, label=f'{label} {value:.3g} ms')
    axes.set(xscale='log', yscale='symlog', xlabel='latency, ms', ylabel='steps')
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter('{x:g}')
    axes.legend(loc='best')
    return figure


# ---- page -------------------------------------------------------------------------------------------

def _save(figure, path):
    """Write a figure and return it as an <img> that carries its own data."""
    figure.savefig(path)
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{path.stem}" src="data:image/png;base64,{data}">'


def _section(title, about, body):
    return f'<section><h2>{title}</h2><p>{html.escape(about)}</p>{body}</section>'


def _note(text):
    return f'<p class="note">{html.escape(text)}</p>' if text else ''


def _subtitle(summary):
    parts = [_filled('{}', summary.get('checkpoint')), _filled('sha256 {}', summary.get('checkpoint_sha256'))]
    return '<br>'.join(filter(None, parts))


def _cards(summary, record):
    latency = summary.get('latency_ms') or {}
    steps, rows = summary.get('steps') or len(record['dones']), record['dones'].shape[1]
    cards = [
        ('success rate', '{:.1%}', summary.get('success_rate'),
         _filled('of {:,} episodes', summary.get('episodes'))),
        ('mean return', '{:.2f}', summary.get('return_mean'), 'per episode'),
        ('latency, median', '{:.2f} ms', latency.get('p50'),
         _joined(_filled('p99 {:.2f}', latency.get('p99')), _filled('max {:.1f} ms', latency.get('max')))),
        ('deadline misses', '{:,}', summary.get('deadline_misses'), f'of {steps:,} steps'),
        ('robots', '{:,}', summary.get('robots') or rows,
         _joined(_filled('{:g} Hz', summary.get('control_rate')), _filled('{}', summary.get('mode')))),
    ]
    return ''.join(f'<div class="card"><b>{_filled(shape, value)}</b>{label}<i>{more}</i></div>'
                   for label, shape, value, more in cards if value is not None)


def _filled(shape, value):
    """Return the value in its shape, safe for HTML; nothing for None, a dash for NaN."""
    if value is None:
        return ''
    return '–' if value != value else html.escape(shape.format(value))


def _joined(*parts):
    return ' · '.join(filter(None, parts))


def _episodes_section(episodes, shown):
    words = {True: 'yes', False: 'no', None: '–'}
    lines = ''.join(
        f'<tr{" class=shown" if episode is shown else ""}><td>{number}<td>{episode.row}<td>{episode.start}'
        f'<td>{episode.length}<td>{episode.episode_return:.3f}<td>{words[episode.success]}'
        for number, episode in enumerate(episodes, 1))
    heads = ''.join(f'<th>{head}' for head in ('', 'row', 'first step', 'length', 'return', 'success'))
    about = 'In the order in which they ended; the one above is highlighted.'
    if not all(episode.ended for episode in episodes):
        about = 'No episode ended; these are cut off where the record stops.'
    table = f'<div class="rows"><table><thead><tr>{heads}</thead>{lines}</table></div>'
    return _section('Episodes', about if episodes else 'The record holds no step.', table if episodes else '')


_HALF_TURN_ABOUT_X = np.array([1.0, 0.0, 0.0, 0.0])      # xyzw
_OBSERVED_NOTE = (' The socket stands where it was observed, that observation’s error included, and the '
                  'peg is drawn straight in the grasp.')

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
