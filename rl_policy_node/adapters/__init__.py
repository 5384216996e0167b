# SPDX-License-Identifier: Apache-2.0
"""Adapters between ROS messages and arrays, in both directions: one per message type, found by the type's name."""

from rl_policy_node.adapters.adapter import Adapter, MessageError, Options
from rl_policy_node.adapters.registry import ADAPTERS, create_adapter, reference
from rl_policy_node.adapters.vectors import VectorAdapter

__all__ = ['ADAPTERS', 'Adapter', 'MessageError', 'Options', 'VectorAdapter', 'create_adapter', 'reference']
