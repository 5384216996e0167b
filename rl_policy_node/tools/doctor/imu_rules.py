# SPDX-License-Identifier: Apache-2.0
"""Whether an IMU at rest measures gravity, in m/s², and where its own orientation says that down is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.nodes.doctor.heard import Heard
from rl_policy_node.nodes.doctor.traffic import Traffic
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, WARNING

IMU: Final = 'sensor_msgs/msg/Imu'
GRAVITY: Final = 9.81  # m/s²
APART: Final = 30.0  # degrees between gravity as measured, and as the orientation has it


def imu_rules(heard: Heard) -> Iterator[Diagnosis]:
    """Yield what the last message of each IMU tells."""
    for traffic in heard.traffic:
        if traffic.source.spec.type == IMU and traffic.last is not None:
            yield from _gravity(traffic)


def _gravity(traffic: Traffic) -> Iterator[Diagnosis]:
    arrays = traffic.source.adapter.to_arrays(traffic.decoded())
    where = f'sources.{traffic.source.spec.name}'
    acceleration = arrays.get('linear_acceleration')
    size = 0.0 if acceleration is None else float(np.linalg.norm(acceleration))
    if acceleration is None or size < 1e-6:  # some drivers leave it at zero
        return
    if not 0.8 < size / GRAVITY < 1.2:
        words = 'in units of g' if 0.8 < size < 1.2 else 'without gravity, or the robot moves'
        yield Diagnosis(
            WARNING,
            'gravity',
            f'{where} ({traffic.topic})',
            f'linear_acceleration of {size:.3g}: {words}',
            f'about {GRAVITY:g} m/s² at rest',
            'let the driver publish m/s² with gravity in it (REP 145)',
            where,
        )
    if 'orientation' not in arrays or size < 0.8:
        return
    up = geometry.rotate_inverse(arrays['orientation'][None], np.array([[0.0, 0.0, 1.0]]))[0]
    angle = float(np.degrees(np.arccos(np.clip(up @ acceleration / size, -1.0, 1.0))))
    if angle > APART:
        yield Diagnosis(
            WARNING,
            'frame',
            f'{where} ({traffic.topic})',
            f'the measured acceleration points {angle:.0f}° away from where the orientation says that up is',
            'the same direction at rest',
            'orientation and acceleration are in different frames, or the quaternion is not x, y, z, w',
            where,
        )
