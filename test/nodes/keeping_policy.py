# SPDX-License-Identifier: Apache-2.0
"""A policy node that keeps what its network sees and gives: `python keeping_policy.py FILE.npz --ros-args …`."""

import functools
import sys

import numpy as np

from rl_policy_node.nodes.policy.policy_node import PolicyNode
from rl_policy_node.nodes.process.runtime import run


class Kept:
    """A StepObserver. steps: of each step of the network stamp, inputs and actions."""

    def __init__(self):
        self.steps = []

    def observe(self, frame, outcome):
        if outcome.actions is not None:
            stamp = max(int(buffer.stamps.max()) for buffer in frame.sources.values())
            self.steps.append({'stamp': stamp, 'actions': outcome.actions.copy(), **outcome.copy().inputs})


def main():
    path, kept = sys.argv.pop(1), Kept()
    code = run(functools.partial(PolicyNode, [kept]))
    np.savez(path, **{name: np.stack([step[name] for step in kept.steps]) for name in kept.steps[0]})
    sys.exit(code)


if __name__ == '__main__':
    main()
