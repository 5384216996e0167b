# SPDX-License-Identifier: Apache-2.0
"""Why two recordings of other episodes differ, such as a robot's and a simulator's. `explain` is the whole of it."""

from rl_policy_node.mismatch.unpaired.account import Account, EXPLAINED, Finding, HEALTHY, UNEXPLAINED
from rl_policy_node.mismatch.unpaired.explaining import explain

__all__ = ['EXPLAINED', 'HEALTHY', 'UNEXPLAINED', 'Account', 'Finding', 'explain']
