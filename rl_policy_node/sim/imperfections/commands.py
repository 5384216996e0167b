# SPDX-License-Identifier: Apache-2.0
"""Delayed commands, which never reach another episode than their own."""
from collections.abc import Mapping
import time

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.sim.imperfections.delay_lines import CommandLine
from rl_policy_node.sim.imperfections.robot_sensors import Mask, Robots, Values


class DelayedCommands:
    """Commands that take effect `steps` steps after they arrived.

    The commands of an episode that has ended do not reach the next one. Until the first of the new one takes
    effect, the robot is held by the fallback of each action, from where it truly is.
    """

    def __init__(self, robots: Robots, steps: int) -> None:
        self._robots = robots
        self._line = CommandLine(self._newest(), robots.rows, steps)
        self._episode = np.zeros(robots.rows, dtype=np.int64)
        self._opened = np.full(robots.rows, -np.inf)        # s, when the policy hears of the episode

    def begin(self, episode: NDArray[np.int64], delay: float) -> Mask:
        """Compare the starts of the rows' episodes, ns, with the last; return which rows begin a new one.

        delay: s until the policy hears of a start; its earlier commands belong to the episode before.
        """
        begins: Mask = episode != self._episode
        self._episode[:] = episode
        if begins.any():
            self._line.restart(begins, self._robots.hold())
            self._opened[begins] = time.monotonic() + delay
        return begins

    def obeyed(self) -> Mapping[str, Values]:
        """Return the commands obeyed in this step; once a step, commands kept out."""
        valid: dict[str, Mask] = {}
        for name, command in self._robots.commands.items():
            of_this_episode = (command.stamps == 0) | (command.stamps >= self._episode)     # 0: unstamped
            valid[name] = (command.received >= self._opened) & of_this_episode
        return self._line.push(self._newest(), valid)

    def _newest(self) -> dict[str, Values]:
        return {name: command.values for name, command in self._robots.commands.items()}
