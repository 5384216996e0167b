# SPDX-License-Identifier: Apache-2.0
"""Terms and actions from the filled entries of a catalogue: a data file of what published tasks observe and do."""

from collections.abc import Iterable
from typing import Any

from rl_policy_node.policy.layouts.layout import LayoutAction, LayoutTerm
from rl_policy_node.policy.shared_types import Numbers, YamlTree

# Of an action: what may be one number or a list of them.
_ACTION_NUMBERS = (
    'scale',
    'offset',
    'position_scale',
    'rotation_scale',
    'lower',
    'upper',
    'max_velocity',
    'max_effort',
    'open',
    'closed',
    'initial',
)
_SIZES = {'pose_delta': 6, 'wrench': 6, 'gripper': 1}


def term_of(entry: YamlTree) -> LayoutTerm:
    """Return the LayoutTerm of an entry, whose `shape` may be a size; joints state it where it has none."""
    size = entry.get('shape', len(entry.get('joints') or ()) or None)
    shape = (size,) if isinstance(size, int) else None if size is None else tuple(size)
    return LayoutTerm(
        **{
            **entry,
            'shape': shape,
            **{name: tuple(entry.get(name) or ()) for name in ('joints', 'elements', 'zero_channels', 'sensor_shape')},
            'offset': _numbers_of(entry.get('offset', ())),
            'scale': _numbers_of(entry.get('scale', ())),
        }
    )


def action_of(entry: YamlTree) -> LayoutAction:
    """Return the LayoutAction of an entry; its size follows from kind or joints unless it states one.

    middle, half: of the range of each joint, from which lower and upper follow.
    """
    joints = tuple(entry.get('joints') or ())
    range_of = {name: entry[name] for name in ('middle', 'half') if name in entry}
    entry = {name: value for name, value in entry.items() if name not in range_of}
    return LayoutAction(
        **{
            'size': _SIZES.get(entry.get('kind', ''), len(joints)) or None,
            **entry,
            'joints': joints,
            **_between(**range_of),
            **{name: _numbers_of(entry[name]) for name in _ACTION_NUMBERS if name in entry},
        }
    )


def _numbers_of(value: Any) -> Numbers | None:
    """Return one number or a list of numbers as a tuple, None for none."""
    if value is None:
        return None
    return tuple(map(float, value)) if isinstance(value, (list, tuple)) else (float(value),)


def _between(middle: Iterable[float] = (), half: Iterable[float] = ()) -> dict[str, tuple[float, ...]]:
    """Return lower and upper of the limits that are stated as their middle and the half of their range."""
    return {
        name: tuple(float(f'{m + sign * h:.8g}') for m, h in zip(middle, half))
        for name, sign in (('lower', -1), ('upper', 1))
        if middle
    }
