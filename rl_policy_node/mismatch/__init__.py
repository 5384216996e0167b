# SPDX-License-Identifier: Apache-2.0
"""Why two sides of a term differ, such as a simulator's own observation and what the parameter file makes of messages.

numpy only; it knows neither ROS nor simulators. `compare` is the whole of it.
"""

from rl_policy_node.mismatch.comparison import compare
from rl_policy_node.mismatch.hypotheses import HYPOTHESES, PAIRS
from rl_policy_node.mismatch.series import Body, Scene, Series, Written
from rl_policy_node.mismatch.verdict import Explanation, Verdict

__all__ = ['HYPOTHESES', 'PAIRS', 'Body', 'Explanation', 'Scene', 'Series', 'Verdict', 'Written', 'compare']
