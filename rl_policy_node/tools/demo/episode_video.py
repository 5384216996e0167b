# SPDX-License-Identifier: Apache-2.0
"""Videos of episodes: small H.264 files that any browser plays."""

from __future__ import annotations

from collections.abc import Iterator
import io
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
import numpy as np

from rl_policy_node.control.arrays import Array, Indices
from rl_policy_node.sim.insertion.render import draw_cross_section, peg_pose, render_frames, RenderingUnavailable
from rl_policy_node.tools.demo.report_figures import observed_peg, positions_of
from rl_policy_node.tools.demo.run_record import Episode, Record

WIDTH, HEIGHT = 240, 360  # pixels, even numbers as H.264 needs them
DPI: Final = 60
FASTEST: Final = 30.0  # pictures a second
MOST: Final = 600  # pictures; a longer episode is shown in quick motion
_CAMERAS: Final = ('obs/wrist', 'obs/image', 'obs/rgb')


class VideoUnavailable(RuntimeError):
    """There is no video; the text says why."""


def write_video(path: Path, record: Record, episode: Episode, rate: float | None) -> None:
    """Write a video of an episode, in real time where its rate, Hz, is known; raises VideoUnavailable."""
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise VideoUnavailable(f'{error}; pip install imageio-ffmpeg') from error
    every = max(int(np.ceil((rate or FASTEST) / FASTEST)), -(-episode.length // MOST))
    steps = np.arange(episode.start, episode.stop, every)
    frames = _frames(record, episode, steps)
    first = next(frames)
    try:
        writer = imageio_ffmpeg.write_frames(
            str(path),
            (first.shape[1], first.shape[0]),
            fps=(rate or FASTEST) / every,
            codec='libx264',
            macro_block_size=2,
            output_params=['-crf', '28', '-movflags', '+faststart', '-threads', '1'],
            ffmpeg_log_level='error',
        )
        writer.send(None)
        for frame in (first, *frames):
            writer.send(np.ascontiguousarray(frame))
        writer.close()
    except (OSError, RuntimeError) as error:
        path.unlink(missing_ok=True)
        raise VideoUnavailable(f'ffmpeg failed: {error}') from error


def _frames(record: Record, episode: Episode, steps: Indices) -> Iterator[Array]:
    """Yield pictures (height, width, 3), uint8, of steps: rendered, else as a cross-section, else what a camera saw."""
    qpos = positions_of(record, episode, steps)
    try:
        if qpos is not None:
            yield from render_frames(qpos, WIDTH, HEIGHT)
            return
    except RenderingUnavailable:
        pass
    poses = peg_pose(qpos) if qpos is not None else observed_peg(record, episode, steps)
    if poses is not None:
        yield from _cross_sections(*poses)
        return
    camera = next((record[key] for key in _CAMERAS if key in record and record[key].dtype == np.uint8), None)
    if camera is None or camera.ndim != 5 or camera.shape[-1] != 3:
        raise VideoUnavailable('the record holds nothing that can be drawn step by step.')
    even = camera[steps, episode.row]
    yield from even[:, : even.shape[1] // 2 * 2, : even.shape[2] // 2 * 2]


def _cross_sections(positions: Array, quaternions: Array) -> Iterator[Array]:
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
    figure.set_layout_engine('none')  # the axes are placed by hand
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    for position, quaternion in zip(positions, quaternions):
        axes.clear()
        try:
            draw_cross_section(axes, position, quaternion)
        except RenderingUnavailable as error:
            raise VideoUnavailable(str(error)) from error
        axes.set_axis_off()
        figure.savefig(picture := io.BytesIO(), format='raw', dpi=DPI)
        pixels = np.frombuffer(picture.getvalue(), np.uint8).reshape(HEIGHT, WIDTH, 4)
        yield pixels[..., :3]
