# SPDX-License-Identifier: Apache-2.0
"""Commands on their way to a robot: late, and never into another episode than their own."""
from collections.abc import Mapping
import time

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.sim.imperfections.delay_lines import CommandLine
from rl_policy_node.sim.imperfections.robot_sensors import Mask, Received, Robots, Values


class DelayedCommands:
    """Commands that take effect `steps` steps after they arrived.

    The commands of an episode that has ended do not reach the next one. Until the first of the new one takes
    effect, the robot is held by the fallback of each action, from where it truly is.
    """

    def __init__(self, robots: Robots, steps: int) -> None:
        self._robots = robots
        self._line = CommandLine(self._newest(), robots.rows, steps)
        self._episode = np.zeros(robots.rows, dtype=np.int64)
        self._opened = np.full(robots.rows, -np.inf)        # s, when the start of the episode went out

    def begin(self, episode: NDArray[np.int64], delay: float) -> Mask:
        """Take in the starts of the rows' episodes, ns; return which rows begin a new one.

        delay: s until the policy hears of a start; what it commands before is of the episode before.
        """
        begins: Mask = episode != self._episode
        self._episode[:] = episode
        if begins.any():
            self._line.restart(begins, self._robots.hold())
            self._opened[begins] = time.monotonic() + delay
        return begins

    def obeyed(self) -> Mapping[str, Values]:
        """Return the commands obeyed in this step; once a step, commands kept out."""
        valid = {name: self._of_this_episode(command) for name, command in self._robots.commands.items()}
        return self._line.push(self._newest(), valid)

    def _newest(self) -> dict[str, Values]:
        return {name: command.values for name, command in self._robots.commands.items()}

    def _of_this_episode(self, command: Received) -> Mask:
        unstamped = command.stamps == 0
        valid: Mask = (command.received >= self._opened) & (unstamped | (command.stamps >= self._episode))
        return valid
