# SPDX-License-Identifier: Apache-2.0
"""Pictures of the insertion scene: real ones where the machine can draw, an answer in words where not."""

import sys

import numpy as np
import pytest

mujoco = pytest.importorskip('mujoco')

from rl_policy_node import geometry  # noqa: E402
from rl_policy_node.sim.insertion import render, scene  # noqa: E402
from rl_policy_node.sim.insertion.environment import InsertionEnv  # noqa: E402

PEG_RGB = np.array([0.93, 0.60, 0.18])


@pytest.fixture(scope='module')
def qpos():
    """Return three positions (3, 12): high above the socket, at its mouth, and inserted."""
    positions = np.zeros((3, 12))
    positions[:, 2] = scene.TIP + np.array([0.025, 0.0, -scene.HOLE_DEPTH])
    return positions


@pytest.fixture(scope='module')
def frames(qpos):
    """Return the pictures of `qpos`."""
    try:
        return render.render_frames(qpos, width=96, height=72)
    except render.RenderingUnavailable as reason:
        pytest.skip(str(reason))


def _peg_height(frame):
    """Return the mean line of the peg's pixels, from the top, and their number."""
    colour = frame / np.maximum(np.linalg.norm(frame, axis=-1, keepdims=True), 1.0)
    lines = np.nonzero(colour @ (PEG_RGB / np.linalg.norm(PEG_RGB)) > 0.985)[0]
    return lines.mean() if len(lines) else np.nan, len(lines)


def test_frames_are_rgb_of_the_size_asked_for(frames):
    assert frames.shape == (3, 72, 96, 3)
    assert frames.dtype == np.uint8


def test_peg_is_seen_and_comes_down(frames):
    heights, pixels = zip(*(_peg_height(frame) for frame in frames))
    assert min(pixels) > 40
    assert heights[0] < heights[1] - 3 < heights[2] - 6


def test_pictures_may_be_larger_than_the_scene_says(frames, qpos):
    assert render.render_frames(qpos[:1], width=700, height=500).shape == (1, 500, 700, 3)


def test_backend_that_fails_is_followed_by_the_next(frames, qpos, monkeypatch):
    monkeypatch.setenv('MUJOCO_GL', 'nonsense')
    np.testing.assert_array_equal(render.render_frames(qpos, width=96, height=72), frames)


def test_reason_of_each_backend_is_told(qpos, monkeypatch):
    monkeypatch.setenv('MUJOCO_GL', 'nonsense')
    monkeypatch.setattr(render, 'BACKENDS', ('rubbish',))
    with pytest.raises(render.RenderingUnavailable, match='nonsense: .*MUJOCO_GL.*rubbish: .*MUJOCO_GL'):
        render.render_frames(qpos)


def test_user_may_turn_rendering_off(qpos, monkeypatch):
    monkeypatch.setenv('MUJOCO_GL', 'off')
    with pytest.raises(render.RenderingUnavailable, match='MUJOCO_GL=off'):
        render.render_frames(qpos)


def test_crash_of_the_child_is_told_by_its_signal(qpos, monkeypatch, tmp_path):
    aborting = tmp_path / 'aborting'
    aborting.write_text('#!/bin/sh\nkill -ABRT $$\n')
    aborting.chmod(0o755)
    monkeypatch.setattr(sys, 'executable', str(aborting))
    with pytest.raises(render.RenderingUnavailable, match='ended by SIGABRT'):
        render.render_frames(qpos)


def test_wrong_shape_is_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r'\(5, 11\).*\(K, 12\)'):
        render.render_frames(np.zeros((5, 11)))


def test_nothing_that_is_only_drawn_touches_anything():
    model = scene.build_model()
    drawn = model.geom_group < 3
    assert drawn.any() and not drawn.all()
    assert not model.geom_contype[drawn].any() and not model.geom_conaffinity[drawn].any()
    assert model.geom_contype[~drawn].all()


def test_peg_pose_is_the_environments():
    env = InsertionEnv(5, seed=1, threads=1)
    env.reset()
    for _ in range(20):
        states = env.step(np.tile([0.3, -0.2, -1.0, 0.5, -0.5, 0.3], (5, 1)))[0]['states']
    position, quaternion = render.peg_pose(env.qpos)
    tip = position - scene.TIP * geometry.matrix_from_quaternion(quaternion)[:, :, 2]
    np.testing.assert_allclose(tip, states['plug_pos'] - states['socket_pos_gt'], atol=1e-6)
    assert geometry.angle_between(quaternion, states['plug_quat'].numpy()).max() < 1e-3
