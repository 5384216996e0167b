# SPDX-License-Identifier: Apache-2.0
"""Draws pictures of the insertion scene without a display, or a cross-section if that fails.

MuJoCo chooses its OpenGL backend when it is imported, and a backend that does not fit the machine may
abort the process. Therefore a child process draws, trying one backend after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_policy_node import geometry
from rl_policy_node.geometry import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    import mujoco

BACKENDS = ('egl', 'osmesa')
OFF = ('disable', 'disabled', 'off', 'false', '0')  # MUJOCO_GL's words for 'no rendering'
POSITIONS = 12  # generalised positions of one row
TIMEOUT = 60.0  # s, per backend
HINT = 'On Debian and Ubuntu, libegl1 with libgl1, or libosmesa6, is enough.'


class RenderingUnavailable(RuntimeError):
    """No OpenGL backend of this machine can draw off screen; the message says why for each."""


def render_frames(qpos: ArrayLike, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """Return pictures (K, height, width, 3), uint8 RGB, of the generalised positions `qpos` (K, 12).

    `qpos` is one row of `InsertionEnv.qpos` over time: m and rad, socket frame. The backend named by
    MUJOCO_GL is tried first, then EGL, then OSMesa.
    """
    qpos = np.asarray(qpos, dtype=np.float64)
    if qpos.ndim != 2 or qpos.shape[1] != POSITIONS:
        raise ValueError(f'qpos has shape {qpos.shape}, expected (K, {POSITIONS})')
    reasons = []
    for backend in _backends():
        try:
            return _render_in_child(backend, qpos, width, height)
        except RenderingUnavailable as reason:
            reasons.append(f'{backend}: {reason}')
    raise RenderingUnavailable(f'{"; ".join(reasons)}. {HINT}')


def _backends() -> tuple[str, ...]:
    wanted = os.environ.get('MUJOCO_GL', '').strip().lower()
    if wanted in OFF:
        raise RenderingUnavailable(f'MUJOCO_GL={wanted} turns rendering off.')
    return tuple(dict.fromkeys(filter(None, (wanted, *BACKENDS))))


def _render_in_child(backend: str, qpos: Floats, width: int, height: int) -> NDArray[np.uint8]:
    # PYTHONPATH: what this process can import, its child can, wherever the package lies
    environment = {**os.environ, 'MUJOCO_GL': backend, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))}
    environment.pop('PYOPENGL_PLATFORM', None)  # MuJoCo sets it, and refuses another's value
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, 'qpos.npy'), Path(folder, 'frames.npy')
        np.save(source, qpos)
        assert __spec__ is not None, 'imported'
        command = [sys.executable, '-m', __spec__.name, str(source), str(target), str(width), str(height)]
        try:
            child = subprocess.run(
                command, env=environment, capture_output=True, text=True, errors='replace', timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise RenderingUnavailable(f'no picture within {TIMEOUT:.0f} s') from None
        if child.returncode != 0:
            raise RenderingUnavailable(_reason(child))
        frames: NDArray[np.uint8] = np.load(target)
        return frames


def _reason(child: subprocess.CompletedProcess[str]) -> str:
    """Return the child's last line of output, or the signal that ended it."""
    if child.returncode < 0:
        return f'ended by {signal.Signals(-child.returncode).name}'
    lines = child.stderr.strip().splitlines()
    return lines[-1].strip(' .') if lines else f'exit status {child.returncode}'


def peg_pose(qpos: Floats) -> tuple[Floats, Floats]:
    """Return the position at which the peg is held, (K, 3), m, and its rotation, (K, 4) xyzw, in the socket frame.

    The peg's z axis lies along it.
    """
    gripper, in_grasp = _hinges(qpos[:, 3:6]), _hinges(qpos[:, 9:12])
    moved = np.einsum('kij,kj->ki', geometry.matrix_from_quaternion(gripper), qpos[:, 6:9])
    return qpos[:, 0:3] + moved, geometry.multiply(gripper, in_grasp)


def _hinges(angles: Floats) -> Floats:
    """Return the rotation (K, 4) xyzw of three hinges in series, Rx(a) Ry(b) Rz(c). angles: (K, 3), rad."""
    x, y, z = (geometry.quaternion_from_rotation_vector(angles[:, [k]] * np.eye(3)[k]) for k in range(3))
    return geometry.multiply(geometry.multiply(x, y), z)


def draw_cross_section(axes: Axes, position: Floats, quaternion: Floats) -> None:
    """Draw peg and socket onto matplotlib's `axes`, mm: the plane x-z of the socket.

    position (3,), m, and quaternion (4,) xyzw: where the peg is held and its rotation, see `peg_pose`.
    Raises RenderingUnavailable where the scene's dimensions cannot be read, for want of MuJoCo.
    """
    from matplotlib.patches import Polygon, Rectangle  # here: only drawing needs it

    scene = _scene()
    hole, depth, outer = 1e3 * scene.HOLE_RADIUS, 1e3 * scene.HOLE_DEPTH, 25.0
    for side in (-1, 1):
        axes.add_patch(Rectangle((side * hole, -depth), side * (outer - hole), depth, color='#a9bccd'))
    axes.add_patch(Rectangle((-outer, -depth - 6), 2 * outer, 6, color='#8fa5b9'))
    tip, top = -scene.TIP, scene.PEG_LENGTH - scene.TIP
    corners = np.array([(-1, 0, tip), (1, 0, tip), (1, 0, top), (-1, 0, top)]) * [scene.PEG_RADIUS, 0.0, 1.0]
    outline = 1e3 * (position + corners @ geometry.matrix_from_quaternion(quaternion).T)[:, [0, 2]]
    axes.add_patch(Polygon(outline, closed=True, facecolor='#e39a2e', edgecolor='#a86d17', alpha=0.85))
    axes.set(xlim=(-27, 27), ylim=(-28, 90), aspect='equal')


def _scene() -> ModuleType:
    try:
        from rl_policy_node.sim.insertion import scene
    except Exception as error:  # MuJoCo answers a bad MUJOCO_GL with any type
        raise RenderingUnavailable(f'MuJoCo cannot be imported: {error}') from error
    return scene


def _renderer(width: int, height: int) -> tuple[mujoco.Renderer, mujoco.MjModel]:
    """Return a renderer with its model; to be called in the child, whose backend is decided."""
    import mujoco

    model = _scene().build_model()
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    return mujoco.Renderer(model, height, width), model


def _draw(renderer: mujoco.Renderer, model: mujoco.MjModel, qpos: Floats) -> NDArray[np.uint8]:
    import mujoco

    frames = np.empty((len(qpos), renderer.height, renderer.width, 3), dtype=np.uint8)
    data = mujoco.MjData(model)
    for frame, positions in zip(frames, qpos):
        data.qpos[:] = positions
        mujoco.mj_forward(model, data)
        renderer.update_scene(data)
        renderer.render(out=frame)
    return frames


def main(arguments: Sequence[str]) -> None:
    """Draw for the parent process and exit; `arguments`: qpos file, frames file, width, height."""
    source, target, width, height = arguments
    renderer, model = _renderer(int(width), int(height))
    np.save(target, _draw(renderer, model, np.load(source)))
    # the pictures are safe; freeing a context raises with OSMesa and may crash with some drivers
    os._exit(0)


if __name__ == '__main__':
    main(sys.argv[1:])
