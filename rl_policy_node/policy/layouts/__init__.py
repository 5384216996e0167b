# SPDX-License-Identifier: Apache-2.0
"""The composition of published environments' observations and actions, by name of the task."""

from rl_policy_node.policy.layouts.complete import complete
from rl_policy_node.policy.layouts.layout import Layout, LayoutAction, LayoutTerm, QUANTITIES

__all__ = ['Layout', 'LayoutAction', 'LayoutTerm', 'QUANTITIES', 'complete']
