# SPDX-License-Identifier: Apache-2.0
"""The values that a robot's sensors would measure, from the raw state of a simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
from typing import Final, TypeAlias

import numpy as np

from rl_policy_node.control.arrays import Array, Shape, Values
from rl_policy_node.control.indices import index_of
from rl_policy_node.control.source_spec import SourceSpec, TRANSFORM
from rl_policy_node.core.protocols import Source
from rl_policy_node.core.raw_readings import of_body, of_command, of_joints, of_sensor, Readings
from rl_policy_node.core.raw_scene import Scene
from rl_policy_node.core.sensor_spec import SensorSpec
from rl_policy_node.errors import ConfigurationError, unknown

_POSES: Final = ('body', 'command', 'sensor')
_TWISTS: Final = ('Twist', 'TwistStamped', 'TwistWithCovarianceStamped')
# message type, without its package → the kinds of parts of a simulator that it can show
_SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    'JointState': ('articulation',),
    'Imu': ('body',),
    'Odometry': ('body',),
    **dict.fromkeys(_TWISTS, ('body', 'command')),
    **dict.fromkeys(('Wrench', 'WrenchStamped', 'Image', 'CompressedImage'), ('sensor',)),
    **dict.fromkeys(('Vector3', 'Vector3Stamped'), ('command', 'sensor')),
    **dict.fromkeys(('Point', 'PointStamped', 'Quaternion', 'QuaternionStamped', TRANSFORM), _POSES),
    **dict.fromkeys(('Pose', 'PoseStamped', 'PoseWithCovarianceStamped', 'TransformStamped'), _POSES),
}
# what any other type can show: arrays, and types of the user's own adapters
_ANYTHING: Final = ('sensor', 'command', 'articulation', 'body')
# types that show the root of an articulation, unless another body is stated
_OF_ROOTS: Final = ('Imu', 'Odometry')
_ELSE: Final = 'or state the body, and its frame if that is not the world, in sim.sensors'
# a part of the simulator: its kind, its name, and of a body the frame in which its pose is, '' for the world
Part: TypeAlias = tuple[str, str, str]


class RawState:
    """Turns raw arrays, name → (rows, …), into the values of sources.

    specs, sources: name → SourceSpec, Source; scene: of the environment; raw: its raw state at any time; stated:
    source → SensorSpec. Raises ConfigurationError if it is not clear what a source measures, or if the raw state lacks
    a field that the parameter file reads.
    """

    def __init__(
        self,
        specs: Mapping[str, SourceSpec],
        sources: Mapping[str, Source],
        scene: Scene,
        raw: Values,
        stated: Mapping[str, SensorSpec],
    ) -> None:
        self._specs, self._scene, self._raw = specs, scene, raw
        self._buffers = {name: source.buffer for name, source in sources.items()}
        self._readings = {
            name: self._found(name, source, stated.get(name) or SensorSpec(name)) for name, source in sources.items()
        }

    def values(self, source: str, raw: Values) -> dict[str, Array]:
        """Return the values of a source, field → (rows, *shape), for each field that the parameter file reads.

        Joints are in the order of the source's joints. Poses are in the world of the row, or in the frame of another
        body; velocities are those of a body's origin against the world, in the body's own axes. SI units; quaternions
        x, y, z, w.
        """
        shapes = {field: value.shape for field, value in self._buffers[source].values.items()}
        return {
            field: reading.read(raw[reading.key]).reshape(shapes[field])
            for field, reading in self._readings[source].items()
        }

    def fill(self, raw: Values) -> None:
        """Write the values of all sources into their buffers."""
        for name, buffer in self._buffers.items():
            for field, value in self.values(name, raw).items():
                np.copyto(buffer.values[field], value, casting='same_kind')

    def _found(self, name: str, source: Source, stated: SensorSpec) -> Readings:
        """Return the readings of the fields of a source."""
        part = self._part(name, source, stated)
        gives, what = self._gives(part, source, stated), f"{part[0]} '{part[1]}' of the simulator"
        readings = {}
        for field, value in source.buffer.values.items():
            where = f"source '{name}': its field '{field}'"
            reading = gives.get(field)
            if reading is None or reading.key not in self._raw:
                have = sorted(each for each, reading in gives.items() if reading.key in self._raw)
                raise ConfigurationError(f'{where} is read, and {what} does not give it; it gives {have}')
            if not _alike(reading.shape, value.shape[1:]):
                raise ConfigurationError(
                    f'{where} has the shape {value.shape[1:]} as it is read; in {what} it has {reading.shape}'
                )
            if not np.can_cast(self._raw[reading.key].dtype, value.dtype, 'same_kind'):
                raise ConfigurationError(
                    f'{where} is {value.dtype} in its messages; in {what} it is {self._raw[reading.key].dtype}'
                )
            readings[field] = reading
        return readings

    def _part(self, name: str, source: Source, stated: SensorSpec) -> Part:
        """Return the part that a source measures: the one stated, or the only one that fits."""
        spec, where = self._specs[name], f'sim.sensors.{name}'
        kinds = _SHOWN.get(spec.type.rpartition('/')[2], _ANYTHING)
        kind, part, frame = stated.part()
        if spec.type == TRANSFORM and not kind:
            where, kind, part, frame = f'sources.{name}', 'body', spec.source_frame, spec.target_frame
        if not kind:
            return self._fitting(name, source, stated, kinds)
        if kind not in kinds:
            raise ConfigurationError(f'{where} states {kind}; a source of {spec.type} measures one of {list(kinds)}')
        if part not in self._scene.parts(kind):
            raise unknown(kind, part, self._scene.parts(kind), where, _ELSE if spec.type == TRANSFORM else '')
        if frame and frame not in self._scene.bodies:
            raise unknown('frame', frame, self._scene.bodies, where, _ELSE if spec.type == TRANSFORM else '')
        if frame and spec.type.rpartition('/')[2] in ('Imu', *_TWISTS):
            raise ConfigurationError(f"{where}.frame is '{frame}'; a source of {spec.type} measures in the body's axes")
        return kind, part, frame

    def _fitting(self, name: str, source: Source, stated: SensorSpec, kinds: Sequence[str]) -> Part:
        """Return the only part that fits a source; raises ConfigurationError if there is none, or more than one."""
        parts = [(kind, part, '') for kind in kinds for part in self._scene.parts(kind)]
        fitting = [part for part in parts if self._fits(part, name, source, stated)]
        if len(fitting) == 1:
            return fitting[0]
        found = ', '.join(f"{kind} '{part}'" for kind, part, _ in fitting or parts) or 'none of its kind'
        fit = f'{len(fitting)} parts of the simulator fit: {found}' if fitting else f'no part fits, of {found}'
        joints = f' with the joints {list(source.joints)}' if source.joints else ''
        raise ConfigurationError(
            f"source '{name}' ({self._specs[name].type}){joints}: "
            f'{fit}; state one of {list(kinds)} in sim.sensors.{name}'
        )

    def _fits(self, part: Part, name: str, source: Source, stated: SensorSpec) -> bool:
        """Return whether a part may be meant without being stated."""
        kind, called, _ = part
        type_name = self._specs[name].type.rpartition('/')[2]
        if kind == 'body' and type_name in _OF_ROOTS:
            return called in self._scene.roots.values()
        if kind == 'body' and (type_name in _TWISTS or type_name not in _SHOWN):
            return False
        if kind == 'articulation' and not {*_simulated(source, stated)} <= {*self._scene.articulations[called]}:
            return False
        gives = self._gives(part, source, stated)
        return all(
            field in gives and _alike(gives[field].shape, value.shape[1:])
            for field, value in source.buffer.values.items()
        )

    def _gives(self, part: Part, source: Source, stated: SensorSpec) -> Readings:
        """Return the readings that a part gives, by field."""
        kind, name, frame = part
        if kind == 'body':
            return of_body(self._scene, name, frame)
        if kind == 'sensor':
            return of_sensor(name, self._scene.sensors[name])
        if kind == 'command':
            return of_command(name, self._scene.commands[name])
        have = self._scene.articulations[name]
        wanted = _simulated(source, stated) or have
        return of_joints(name, index_of(have, wanted, f"sim.sensors.{stated.name}: articulation '{name}'"))


def _simulated(source: Source, stated: SensorSpec) -> tuple[str, ...]:
    """Return the simulator's names of a source's joints."""
    renamed = stated.renamed()
    return tuple(renamed.get(joint, joint) for joint in source.joints)


def _alike(shape: Shape, wanted: Shape) -> bool:
    """Return whether shapes agree but for axes of length 1, or one of them is flat."""
    these, those = ([size for size in each if size != 1] for each in (shape, wanted))
    return these == those or (min(len(these), len(those)) <= 1 and math.prod(these) == math.prod(those))
