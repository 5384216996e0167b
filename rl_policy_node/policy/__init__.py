# SPDX-License-Identifier: Apache-2.0
"""Policies: rl_games players, loaded from a train config and a checkpoint."""
from rl_policy_node.policy.contract.spaces import Spaces
from rl_policy_node.policy.policy import Policy, set_threads

__all__ = ['Policy', 'Spaces', 'set_threads']
