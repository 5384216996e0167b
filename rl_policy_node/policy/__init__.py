# SPDX-License-Identifier: Apache-2.0
"""Policies: rl_games players, loaded from a train config and a checkpoint.

torch is imported with the first name that is used: reading only a list of names does not wait for it.
"""

import importlib
from typing import Final, TYPE_CHECKING

if TYPE_CHECKING:
    from rl_policy_node.policy.contract.spaces import Spaces
    from rl_policy_node.policy.policy import Policy, set_threads

__all__ = ['Policy', 'Spaces', 'set_threads']

_HOMES: Final = {'Policy': 'policy', 'set_threads': 'policy', 'Spaces': 'contract.spaces'}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'), name)
