# SPDX-License-Identifier: Apache-2.0
"""Observations of Isaac Lab's ray casters and cameras."""

import math
from typing import Any

from rl_policy_node.policy.layouts.isaaclab_names import asset_config
from rl_policy_node.policy.shared_types import YamlTree

# ray_alignment -> how the grid moves with the robot, the frame of its points
_GRIDS = {
    'yaw': ('the grid turns with the yaw of the body and stays level', "the body's x and y, level"),
    'base': ('the grid and its rays turn and tilt with the body', "the body's"),
    'world': ('the grid keeps the axes of the world', 'world'),
}


def height_scan(params: YamlTree, env: YamlTree) -> YamlTree:
    """Return the fields of the LayoutTerm of a height scan; params: of the function height_scan."""
    name = (params.get('sensor_cfg') or {}).get('name', 'height_scanner')
    sensor = asset_config(env, name)
    pattern = sensor.get('pattern_cfg') or {}
    size: Any = pattern.get('size') or ()
    step = pattern.get('resolution')
    points = [math.floor(float(length) / float(step) + 1e-6) + 1 for length in size] if step else []
    order = 'x in the inner order, y in the outer' if pattern.get('ordering', 'xy') == 'xy' else 'y in the inner order'
    grid = f'{points[0]} x {points[1]} points over {size[0]} x {size[1]} m, {order}' if points else 'its rays'
    turns, frame = _alignment(sensor)
    return {
        'shape': (math.prod(points),) if points else None,
        'quantity': 'height_scan',
        'subject': name,
        'frame': frame,
        'unit': 'm',
        'offset': (float(params.get('offset', 0.5)),),
        'description': f'height of the sensor above what each ray hits, {grid}; {turns}',
    }


def _alignment(sensor: YamlTree) -> tuple[str, str]:
    """Return how the grid moves with the robot, and its frame; older runs have `attach_yaw_only` alone."""
    stated = sensor.get('ray_alignment')
    if stated in _GRIDS:
        turns, frame = _GRIDS[stated]
        return f'{turns} (ray_alignment: {stated})', frame
    if 'attach_yaw_only' in sensor:
        turns, frame = _GRIDS['yaw' if sensor['attach_yaw_only'] else 'base']
        return f'{turns} (attach_yaw_only: {str(sensor["attach_yaw_only"]).lower()})', frame
    return 'whether the grid turns with the body, the run does not state', ''


def image(params: YamlTree, env: YamlTree) -> YamlTree:
    """Return the fields of the LayoutTerm of a camera's image; params: of the function image, or image_rgb (3.0)."""
    sensor = (params.get('sensor_cfg') or {}).get('name', 'tiled_camera')
    camera = (env.get('scene') or {}).get(sensor) or {}
    data = params.get('data_type', 'rgb')
    channels = {'rgb': 3, 'rgba': 4}.get(data, 1)
    shape = (camera['height'], camera['width'], channels) if camera.get('height') and camera.get('width') else None
    normalised = params.get('normalize', True)
    treated = bool(normalised and data == 'rgb' and params.get('mean') is None)
    known: YamlTree = {
        'shape': shape,
        'quantity': 'image',
        'subject': sensor,
        'difference_to_mean': treated,
        'description': f'{data} image' + (', by 255, minus the mean of each channel over the image' if treated else ''),
    }
    stacked, first = params.get('frame_stack') or 1, bool(params.get('channel_first'))
    if stacked == 1 and not first and params.get('mean') is None:
        return known
    # no message has it so: the user makes the array
    text = known['description'] + (f', by 255, minus {params["mean"]}' if params.get('mean') is not None else '')
    text += f'; {stacked} of them along the channels, the oldest first' if stacked > 1 else ''
    if shape is not None:
        shape = (stacked * channels, *shape[:2]) if first else (*shape[:2], stacked * channels)
    text += '; channels first' if first else ''
    return {**known, 'shape': shape, 'quantity': 'other', 'difference_to_mean': False, 'description': text}
