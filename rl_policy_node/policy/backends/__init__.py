# SPDX-License-Identifier: Apache-2.0
"""Backends compute the actions: rl_games' player, or a faster one that was checked against it."""

from rl_policy_node.policy.backend_names import BACKENDS
from rl_policy_node.policy.backends.choice import choose
from rl_policy_node.policy.backends.eager import EagerBackend
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.backends.making import Setup

__all__ = ['BACKENDS', 'choose', 'EagerBackend', 'Inputs', 'Setup']
