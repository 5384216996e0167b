# SPDX-License-Identifier: Apache-2.0
"""Summaries of runs: everything that `rl_policy inspect` shows."""

from rl_policy_node.policy.summary.plain import as_plain
from rl_policy_node.policy.summary.record import Summary
from rl_policy_node.policy.summary.summary import summarize

__all__ = ['Summary', 'as_plain', 'summarize']
