# SPDX-License-Identifier: Apache-2.0
"""What is known of environments: the make-up of their observations and actions, by name of the task."""
from rl_policy_node.policy.layouts.complete import complete
from rl_policy_node.policy.layouts.layout import Layout, LayoutAction, LayoutTerm, QUANTITIES

__all__ = ['Layout', 'LayoutAction', 'LayoutTerm', 'QUANTITIES', 'complete']
