# SPDX-License-Identifier: Apache-2.0
"""The figures of a report: an episode in pictures, its traces, the latencies. See `report` for the record."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
import numpy as np

from rl_policy_node import geometry
from rl_policy_node.control.arrays import Array, Floats, Indices
from rl_policy_node.sim.insertion.render import (
    draw_cross_section,
    peg_pose,
    POSITIONS,
    render_frames,
    RenderingUnavailable,
)
from rl_policy_node.tools.demo.run_record import Episode, Record

MOMENTS = 6  # pictures of an episode
LATENCY_BINS = 60
MOST_TICKS = 10  # of a logarithmic axis
POSE_ACTIONS = ('x', 'y', 'z', 'rx', 'ry', 'rz')
COLOURS = ('#2f6f9f', '#d9822b', '#3a8f6a', '#8a5fa8', '#b5533c', '#6b7683')
STYLE: dict[Any, Any] = {
    'font.family': 'sans-serif',
    'font.size': 9,
    'axes.edgecolor': '#b8c0c8',
    'axes.labelcolor': '#4a5560',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'grid.color': '#e9edf0',
    'axes.axisbelow': True,
    'axes.prop_cycle': cycler(color=COLOURS),
    'lines.linewidth': 1.3,
    'xtick.color': '#6b7683',
    'ytick.color': '#6b7683',
    'text.color': '#26323d',
    'legend.frameon': False,
    'legend.fontsize': 8,
    'savefig.dpi': 150,
    'figure.constrained_layout.use': True,
}
_OBSERVED_NOTE = (
    ' The socket stands where it was observed, that observation’s error included, and the '
    'peg is drawn straight in the grasp.'
)

_HALF_TURN_ABOUT_X = np.array([1.0, 0.0, 0.0, 0.0])  # xyzw


# the figures of a run by their names; see `report`
Summary: TypeAlias = Mapping[str, Any]
# label, values (L,), matplotlib's format of the line
_Curve: TypeAlias = tuple[str, Floats, str]
# title, unit, curves
_Panel: TypeAlias = tuple[str, str, list[_Curve]]


def moments_of(record: Record, episode: Episode) -> Indices:
    """Return MOMENTS steps of the episode: spread over the time until success, then the last step."""
    last, settled = episode.stop - 1, episode.stop - 1
    if episode.success:
        failing = np.nonzero(~record['successes'][episode.start : episode.stop, episode.row].astype(bool))[0]
        settled = episode.start + (failing[-1] + 1 if len(failing) else 0)
    settled = min(settled + 1, last)  # a success shows in the state after its step
    way = np.linspace(episode.start, settled, MOMENTS - 1 if settled < last else MOMENTS)
    return np.unique(np.append(np.round(way).astype(int), last))


def time_of(summary: Summary, steps: int) -> str:
    """Return the time after so many steps, or their number where the rate is not known."""
    rate = summary.get('control_rate')
    return f'{steps / rate:.2f} s' if rate else f'step {steps}'


def episode_figure(
    record: Record, episode: Episode, moments: Indices, titles: Sequence[str]
) -> tuple[Figure | None, str]:
    """Return the figure of the episode's moments, or None, and a note on how it was drawn."""
    qpos = positions_of(record, episode, moments)
    try:
        if qpos is None:
            raise RenderingUnavailable('the record holds no generalised positions (qpos).')
        return _frames_figure(render_frames(qpos, width=320, height=480), titles), ''
    except RenderingUnavailable as unavailable:
        reason = unavailable
    poses = peg_pose(qpos) if qpos is not None else observed_peg(record, episode, moments)
    if poses is None:
        return None, ''
    try:
        positions, quaternions = poses
        figure = _schematic_figure(positions, quaternions, titles)
    except RenderingUnavailable as unavailable:
        return None, f'No pictures: {unavailable}'
    return figure, f'Drawn as a cross-section, because {reason}{_OBSERVED_NOTE if qpos is None else ""}'


def _frames_figure(frames: Array, titles: Sequence[str]) -> Figure:
    figure = Figure(figsize=(10.4, 2.8))
    for axes, frame, title in zip(figure.subplots(1, len(frames), squeeze=False)[0], frames, titles):
        axes.imshow(frame, interpolation='lanczos')
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    return figure


def _schematic_figure(positions: Floats, quaternions: Floats, titles: Sequence[str]) -> Figure:
    figure = Figure(figsize=(10.4, 2.9))
    columns = figure.subplots(1, len(titles), squeeze=False, sharey=True)[0]
    for axes, position, quaternion, title in zip(columns, positions, quaternions, titles):
        draw_cross_section(axes, position, quaternion)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel('x, mm')
    columns[0].set_ylabel('z, mm')
    return figure


def positions_of(record: Record, episode: Episode, moments: Indices) -> Floats | None:
    """Return the generalised positions (K, POSITIONS) at moments of an episode, or None if the record has none."""
    qpos = record.get('qpos')
    return qpos[moments, episode.row] if qpos is not None and qpos.shape[2:] == (POSITIONS,) else None


def observed_peg(record: Record, episode: Episode, moments: Indices) -> tuple[Floats, Floats] | None:
    """Return position (K, 3), m, and rotation (K, 4) xyzw of a peg held straight, or None if not observed."""
    gripper = _gripper_in_socket(record, episode)
    if gripper is None:
        return None
    position, quaternion = (value[moments - episode.start] for value in gripper)
    # the gripper's z axis points down, the peg's up
    return position, geometry.multiply(quaternion, _HALF_TURN_ABOUT_X)


def _gripper_in_socket(record: Record, episode: Episode) -> tuple[Floats, Floats] | None:
    """Return position (L, 3), m, and rotation (L, 4) xyzw of the gripper in the observed socket's frame."""
    keys = [f'obs/{key}' for key in ('ee_pos', 'ee_quat', 'socket_pos', 'socket_quat')]
    if any(key not in record for key in keys):
        return None
    position, quaternion, origin, frame = (
        record[key][episode.start : episode.stop, episode.row].astype(np.float64) for key in keys
    )
    to_socket = geometry.conjugate(geometry.normalize_quaternion(frame))
    offset = np.einsum('nij,nj->ni', geometry.matrix_from_quaternion(to_socket), position - origin)
    return offset, geometry.multiply(to_socket, geometry.normalize_quaternion(quaternion))


def traces_figure(summary: Summary, record: Record, episode: Episode, moments: Indices | tuple[()]) -> Figure:
    """Return the motions and forces of an episode over time, with marks at moments."""
    rate = summary.get('control_rate')
    period = 1.0 / rate if rate else 1.0
    panels = [
        *_motion_panels(record, episode),
        *_force_panels(record, episode),
        *([('reward', '', [('', _rows(record, 'rewards', episode), '-')])] if 'rewards' in record else []),
    ]
    lines = -(-len(panels) // 2)
    figure = Figure(figsize=(10.4, 0.3 + 1.7 * lines))
    grid = figure.subplots(lines, 2, squeeze=False).flat
    for number, (axes, (title, unit, curves)) in enumerate(zip(grid, panels)):
        for label, values, line in curves:
            axes.plot(np.arange(episode.length) * period, values, line, label=label)
        axes.set_title(title, fontsize=9, loc='left')
        axes.set_ylabel(unit)
        if any(label for label, _, _ in curves):
            axes.legend(ncol=3 if len(curves) == 3 else 2, loc='best')
        for moment in moments:
            axes.axvline((moment - episode.start) * period, color='#b8c0c8', linewidth=0.8, linestyle=':')
        axes.set_xlabel(('time, s' if rate else 'step') if number >= len(panels) - 2 else '')
    for axes in list(figure.axes)[len(panels) :]:
        axes.set_axis_off()
    return figure


def _rows(record: Record, key: str, episode: Episode) -> Array:
    """Return the values (L, features) of an episode; a scalar is one feature."""
    return record[key][episode.start : episode.stop, episode.row].reshape(episode.length, -1)


def _motion_panels(record: Record, episode: Episode) -> list[_Panel]:
    panels: list[_Panel] = []
    moved = _gripper_in_socket(record, episode)
    actions = _rows(record, 'actions', episode) if 'actions' in record else np.empty((episode.length, 0))
    count = actions.shape[1]
    if count == len(POSE_ACTIONS):
        moves = [(name, actions[:, k], '-') for k, name in enumerate(POSE_ACTIONS)]
        panels = [('action, translation', '', moves[:3]), ('action, rotation', '', moves[3:])]
    elif count:
        names = range(count) if count <= 8 else [''] * count  # more names would hide the curves
        panels = [('actions', '', [(str(name), actions[:, k], '-') for k, name in enumerate(names)])]
    if moved is not None:
        x, y, z = 1e3 * moved[0].T
        panels.insert(0, ('end effector, across the observed socket', 'mm', [('x', x, '-'), ('y', y, '-')]))
        panels.insert(2, ('end effector, above the observed socket', 'mm', [('', z, '-')]))
    return panels


def _force_panels(record: Record, episode: Episode) -> list[_Panel]:
    """Return the panel of the fingers' forces (L,), N, means over the taxels."""
    curves: list[_Curve] = []
    for colour, finger in (('C0', 'left'), ('C1', 'right')):
        field = record.get(f'obs/tactile_force_field_{finger}')
        if field is not None and field.ndim >= 3 and field.shape[-1] == 3:
            taxels = field[episode.start : episode.stop, episode.row].reshape(episode.length, -1, 3)
            shear = np.linalg.norm(taxels[..., 1:], axis=-1).mean(axis=1)
            curves += [
                (f'{finger}, normal', taxels[..., 0].mean(axis=1), f'{colour}-'),
                (f'{finger}, shear', shear, f'{colour}--'),
            ]
    return [('force on the fingers, mean of the taxels', 'N', curves)] if curves else []


def latency_figure(latency: Floats, rate: float | None) -> Figure:
    """Return the histogram of `latency` (T,), ms; logarithmic, since the tail matters most."""
    marks = [(f'p{q}', float(np.percentile(latency, q)), COLOURS[k]) for k, q in ((2, 50), (1, 99))]
    marks += [('control period', 1e3 / rate, COLOURS[4])] if rate else []
    ends = [latency.min(), latency.max(), *(value for _, value, _ in marks)]
    low, high = min(ends) * 0.9, max(ends) * 1.1
    figure = Figure(figsize=(10.4, 2.6))
    axes = figure.subplots()
    counts, *_ = axes.hist(latency, np.geomspace(low, high, LATENCY_BINS).tolist(), color='#9dbdd6')
    for label, value, colour in marks:
        axes.axvline(value, color=colour, label=f'{label} {value:.3g} ms')
    # a bin with a single step is as visible as one with two among thousands
    axes.set(xscale='log', yscale='log', xlabel='latency, ms', ylabel='steps')
    axes.set(xlim=(low, high), ylim=(0.7, 2.0 * max(float(np.max(counts)), 1.0)))
    for axis, (least, most) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        ticks = _round_numbers(least, most)
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:,g}'))
        axis.set_minor_locator(NullLocator())
    axes.legend(loc='best')
    return figure


def _round_numbers(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten between two numbers; only powers of ten where these would be many."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**decade for decade in decades for factor in factors]
        found = [number for number in found if low <= number <= high]
        if len(found) <= MOST_TICKS:
            break
    return found
