"""Observation terms: one named piece of an input each, computed from sources or from the last action.

Every term is two-way: `compute` gives what the policy sees, `scatter` gives a simulator's observation
back to the source it would have come from.
"""
import numpy as np

from rl_policy_node.control.source_buffer import index_of
from rl_policy_node.errors import ConfigurationError


class FieldTerm:
    """A field of a source: (value − offset), clipped to ±clip, times scale; joints picked by name.

    compute: (rows, *shape), float32, in the unit of the field.
    """

    def __init__(self, spec, source_shape, source_joints):
        self.spec = spec
        where = f'terms.{spec.name}'
        self._columns = index_of(source_joints, spec.joints, where) if spec.joints else None
        self.shape = (len(spec.joints),) if spec.joints else tuple(spec.shape or source_shape)
        if int(np.prod(self.shape)) != (len(spec.joints) or int(np.prod(source_shape))):
            raise ConfigurationError(f'{where}.shape is {self.shape}; the field {spec.source}.{spec.field} '
                                     f'has the shape {source_shape}')
        self._offset = _axes(spec.offset, self.shape, f'{where}.offset')
        self._scale = _axes(spec.scale, self.shape, f'{where}.scale')

    def compute(self, sources, _context):
        """Return the term's value from `sources[name].values[field]`."""
        value = sources[self.spec.source].values[self.spec.field]
        value = value if self._columns is None else value[:, self._columns]
        value = value.reshape(len(value), *self.shape).astype(np.float32)
        if self._offset is not None:
            value -= self._offset
        if np.isfinite(self.spec.clip):
            np.clip(value, -self.spec.clip, self.spec.clip, out=value)
        return value if self._scale is None else value * self._scale

    def scatter(self, value, sources):
        """Write the source's values that would have given `value` (rows, *shape)."""
        value = value if self._scale is None else value / self._scale
        value = value if self._offset is None else value + self._offset
        target = sources[self.spec.source].values[self.spec.field]
        if self._columns is None:
            target[:] = value.reshape(target.shape)
        else:
            target[:, self._columns] = value


class LastActionTerm:
    """What the policy gave at the last step (rows, actions); zeros after a reset."""

    def __init__(self, spec, num_actions):
        self.spec, self.shape = spec, (num_actions,)
        self._scale = _axes(spec.scale, self.shape, f'terms.{spec.name}.scale')

    def compute(self, _sources, context):
        """Return the last action, scaled."""
        return context.last_action if self._scale is None else context.last_action * self._scale

    def scatter(self, value, sources):
        """The policy knows its own actions: nothing is to be published."""


def _axes(values, shape, where):
    if not len(values):
        return None
    values = np.asarray(values, dtype=np.float32)
    if values.size == 1:
        return values.reshape(())
    if values.size != int(np.prod(shape)):
        raise ConfigurationError(f'{where} has {values.size} numbers; expected 1 or {int(np.prod(shape))}')
    return values.reshape(shape)


def build_term(spec, buffers, joints, num_actions):
    """Return the term of a TermSpec; buffers: source name → SourceBuffer, joints: source name → names."""
    if spec.kind == 'last_action':
        return LastActionTerm(spec, num_actions)
    values = buffers[spec.source].values
    if spec.field not in values:
        raise ConfigurationError(f"terms.{spec.name}: source '{spec.source}' has no field '{spec.field}'; "
                                 f'it has {sorted(values)}')
    return FieldTerm(spec, values[spec.field].shape[1:], joints.get(spec.source, ()))
