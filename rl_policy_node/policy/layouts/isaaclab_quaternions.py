# SPDX-License-Identifier: Apache-2.0
"""In which order a run of Isaac Lab writes quaternions: w, x, y, z until 2.x, x, y, z, w from 3.0 on."""

from collections.abc import Iterator, Mapping, Sequence

from rl_policy_node.policy.shared_types import YamlTree

_ORDERS = {'xyzw': 'x, y, z, w', 'wxyz': 'w, x, y, z', None: 'w, x, y, z until Isaac Lab 2.x, x, y, z, w from 3.0 on'}


def convention(env: Mapping[str, object]) -> str | None:
    """Return 'xyzw' or 'wxyz' by env.yaml, None where it leaves it open.

    Most assets begin unturned: their `init_state.rot` is (0, 0, 0, 1) or (1, 0, 0, 0). A half turn looks like the
    identity of the other order, so the greater number counts.
    """
    unturned = [rotation for rotation in map(_rounded, _rotations(env)) if rotation is not None]
    xyzw, wxyz = unturned.count((0, 0, 0, 1)), unturned.count((1, 0, 0, 0))
    return None if xyzw == wxyz else 'xyzw' if xyzw > wxyz else 'wxyz'


def order(name: str | None) -> str:
    """Return the order of a convention in words."""
    return _ORDERS[name]


def quaternion_options(quantity: str, params: YamlTree, env: YamlTree, description: str) -> YamlTree:
    """Return the fields of a LayoutTerm that holds quaternions, {} for a quantity without; the text names {order}.

    params: of the term's function.
    """
    if quantity not in ('orientation', 'relative_orientation', 'pose'):
        return {}
    known = convention(env)
    return {
        'convention': known,
        'unique_sign': bool(params.get('make_quat_unique')),
        'description': description.format(order=order(known)),
    }


def _rotations(node: object) -> Iterator[object]:
    """Yield `rot` of every `init_state`."""
    if isinstance(node, Mapping):
        state = node.get('init_state')
        if isinstance(state, Mapping):
            yield state.get('rot')
        for child in node.values():
            yield from _rotations(child)
    elif isinstance(node, list):
        for child in node:
            yield from _rotations(child)


def _rounded(rotation: object) -> tuple[int, ...] | None:
    """Return the four numbers where each is 0 or ±1, signs aside."""
    if (
        isinstance(rotation, Sequence)
        and len(rotation) == 4
        and all(isinstance(number, (int, float)) and abs(number) in (0, 1) for number in rotation)
    ):
        return tuple(int(abs(number)) for number in rotation)
    return None
