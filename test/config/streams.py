# SPDX-License-Identifier: Apache-2.0
"""What a robot's sensors might send: smooth, never the same twice, of the right shapes."""

import numpy as np

# Field → middle, and how far about it
RANGES = {
    'position': (0.1, 0.05),
    'velocity': (0.0, 0.2),
    'linear_velocity': (0.0, 0.2),
    'angular_velocity': (0.0, 0.2),
    'linear_acceleration': (0.0, 1.0),
    'data': (0.5, 0.1),
}


class Stream:
    """Yields (s since the last one, (source, row) → message); silent and frozen name sources that fail."""

    def __init__(self, dry_run, rows=None):
        self._dry_run, self.period = dry_run, 1.0 / dry_run.control.timing.control_rate
        self.rows = list(range(dry_run.control.rows) if rows is None else rows)
        self.silent, self.frozen, self._step = set(), set(), 0

    def steps(self, count):
        for _ in range(count):
            self._step += 1
            stamp = self._dry_run.clock.ros() + round(self.period * 1e9)
            yield (
                self.period,
                {
                    (name, row): self._message(name, row, stamp)
                    for name in self._dry_run.sources
                    if name not in self.silent
                    for row in self.rows
                },
            )

    def _message(self, name, row, stamp):
        source = self._dry_run.sources[name]
        time = 0.0 if name in self.frozen else self._step * self.period
        shapes = {field: shape for field, shape in source.adapter.fields.items() if shape is not None}
        shapes |= {field: value.shape[1:] for field, value in source.buffer.values.items()}
        arrays = {field: _value(field, shape, time, row, source.adapter.dtype) for field, shape in shapes.items()}
        return source.adapter.to_message(arrays, stamp, source.joints)


def _value(field, shape, time, row, dtype):
    wave = np.sin(2 * np.pi * 0.7 * time + np.arange(int(np.prod(shape))) + row).reshape(shape)
    if field == 'orientation':
        return np.array([0.0, 0.0, np.sin(wave[0] / 4), np.cos(wave[0] / 4)])
    if field == 'image':
        return (127.5 + 100.0 * wave).astype(dtype)
    middle, most = RANGES[field]
    return (middle + most * wave).astype(dtype)
