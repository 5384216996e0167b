# SPDX-License-Identifier: Apache-2.0
"""Whether an arm moves as the policy commands, or is held."""

import numpy as np

from rl_policy_node.policy import Policy
from rl_policy_node.tools.process.processes import ToolProcess


def acted(arm, count=3):
    """Wait for some commands of the policy, that is, others than where the arm is."""

    def moved():
        return sum(command != arm.position for command in arm.commands) >= count

    assert arm.live_until(moved, 40), 'the node never acted'


def held(arm, timeout=10):
    """Whether the last commands come to hold the arm where it is."""
    return arm.live_until(lambda: len(arm.commands) > 3 and arm.commands[-3:] == [arm.position] * 3, timeout)


def expected(run, arm, steps, rows=1):
    """What rl_games' player commands for the constant observation of an arm that is one of `rows`."""
    policy = Policy.load(run / 'train.yaml', run / 'policy.pth', device='cpu', rows=rows)
    position = np.float32(arm.position) - np.float32([0.1, 0.2, 0.3])
    observation = np.concatenate([position, np.float32(arm.velocity) * np.float32(0.05), np.float32(arm.force)])
    actions = [policy.act(np.tile(observation, (rows, 1)))[0] for _ in range(steps)]
    return [(np.float64(action) * 0.5 + np.array([0.1, 0.2, 0.3])).tolist() for action in actions]


def in_order(commands, wanted):
    """Whether the commands are those wanted, in their order; a busy machine may lose some on the way."""
    places = [wanted.index(command) for command in commands]
    return places == sorted(set(places))


def picture(arm, *arguments):
    """Return the exit code of `rl_policy watch --once`, and what it prints, while the arm lives."""
    log = arm.folder / 'watch.log'
    tool = ToolProcess('watch', ['-m', 'rl_policy_node.tools.main', 'watch', '--once', *arguments], log)
    assert arm.live_until(lambda: tool.poll() is not None, 60)
    return tool.poll(), tool.tail(200)
