# SPDX-License-Identifier: Apache-2.0
"""Names of the numbers that a policy observes and gives: joints, axes, places in a grid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
import math
from typing import Final

from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.control.arrays import Shape
from rl_policy_node.control.terms.term_spec import TermSpec
from rl_policy_node.options import value_of

_NO_TEXTS: Final[tuple[str, ...]] = ()
_NO_NUMBERS: Final[tuple[int, ...]] = ()
# fields, and kinds of terms, that are vectors or quaternions
_VECTORS: Final = frozenset(
    {
        'position',
        'linear_velocity',
        'angular_velocity',
        'linear_acceleration',
        'force',
        'torque',
        'vector',
        'projected_gravity',
        'rotate',
        'relative_position',
    }
)
_QUATERNIONS: Final = frozenset({'orientation', 'relative_orientation'})
# numbers of the kinds of actions that move a frame: along its axes, then about them
_SIX: Final = ('x', 'y', 'z', 'rx', 'ry', 'rz')


def term_names(spec: TermSpec, size: int, shape: Shape) -> tuple[str, ...]:
    """Return a name for each of the `size` numbers of an observation term, in order, '' for the only one.

    shape: of a sample; a history has none. Its older samples have the number of samples since then: 'x/-1'.
    """
    if spec.history == 1:
        return _sample_names(spec, shape)
    names = _sample_names(spec, (size // spec.history,))
    ages = [str(age) if age else '' for age in range(1 - spec.history, 1)]
    return tuple('/'.join(filter(None, (name, age))) for age in ages for name in names)


def action_names(term: ActionTerm[ActionOptions]) -> tuple[str, ...]:
    """Return a name for each number of the action that a term takes, in order, '' for the only one."""
    for names in (value_of(term.options, 'joints', _NO_TEXTS), _SIX, term.axis_names):
        if len(names) == term.size:
            return _without_robot(names)
    return _indices((term.size,))


def _sample_names(spec: TermSpec, shape: Shape) -> tuple[str, ...]:
    size, options = math.prod(shape), spec.options
    joints = value_of(options, 'joints', _NO_TEXTS)
    if len(joints) == size:
        return _without_robot(joints)
    axes = _axes(spec)
    elements = value_of(options, 'elements', _NO_NUMBERS)
    if elements and len(elements) == size:
        return tuple(axes[each] if each < len(axes) else str(each) for each in elements)
    return axes if len(axes) == size else _indices(shape)


def _axes(spec: TermSpec) -> tuple[str, ...]:
    """Return the axes of a vector or a quaternion, () for anything else."""
    quantity = value_of(spec.options, 'field', '') if spec.kind == 'field' else spec.kind
    if quantity in _QUATERNIONS:
        return tuple(value_of(spec.options, 'convention', 'xyzw'))
    return ('x', 'y', 'z') if quantity in _VECTORS else ()


def _indices(shape: Shape) -> tuple[str, ...]:
    if math.prod(shape) == 1:
        return ('',)
    return tuple('_'.join(map(str, place)) for place in product(*map(range, shape)))


def _without_robot(joints: Sequence[str]) -> tuple[str, ...]:
    """Return names of joints without the robot's own name, which stands before them anyway."""
    return tuple(joint.replace('{robot}', '').strip('/_') for joint in joints)
