# SPDX-License-Identifier: Apache-2.0
"""Bare ONNX Runtime: the lower bound that backends are compared with."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from rl_policy_node.policy.backends.export import exported
from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.backends.player_step import Step

if TYPE_CHECKING:  # it imports the backends
    from rl_policy_node.policy.policy import Policy

_TYPES = {'tensor(float)': np.float32, 'tensor(uint8)': np.uint8}


def bare_onnx(policy: 'Policy', threads: int = 1) -> Callable[[], object]:
    """Return a step of a Policy as a call without arguments: torch's export of all rows, run on random numbers.

    It writes, checks and keeps nothing: the returned states do not become the next inputs.
    """
    step = Step(policy.player, Inputs(policy.spaces, policy.rows, policy.joined), policy.deterministic)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(exported(step), options, providers=['CPUExecutionProvider'])
    random = np.random.default_rng(0)
    feed = {wanted.name: random.random(wanted.shape).astype(_TYPES[wanted.type]) for wanted in session.get_inputs()}
    return lambda: session.run(None, feed)
