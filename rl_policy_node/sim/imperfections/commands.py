# SPDX-License-Identifier: Apache-2.0
"""Delayed commands, which take effect only in their own episode."""

from collections.abc import Mapping
import time

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.sim.imperfections.delay_lines import CommandLine
from rl_policy_node.sim.imperfections.robot_sensors import Mask, Robots, Values


class DelayedCommands:
    """Commands that take effect `steps` steps after they arrived.

    The commands of an ended episode have no effect in the next one. Until the first command of the new one takes
    effect, the fallback of each action holds the robot at its true position.
    """

    def __init__(self, robots: Robots, steps: int) -> None:
        self._robots = robots
        self._line = CommandLine(self._newest(), robots.rows, steps)
        self._episode = np.zeros(robots.rows, dtype=np.int64)
        self._opened = np.full(robots.rows, -np.inf)  # s, steady, when the policy learns of the episode

    def begin(self, episode: NDArray[np.int64], delay: float) -> Mask:
        """Compare the starts of the rows' episodes, ns, with the last ones; return the rows that begin a new episode.

        delay: s until the policy learns of a start; its earlier commands belong to the episode before.
        """
        begins: Mask = episode != self._episode
        self._episode[:] = episode
        if begins.any():
            self._line.restart(begins, self._robots.hold())
            self._opened[begins] = time.monotonic() + delay
        return begins

    def obeyed(self) -> Mapping[str, Values]:
        """Return the commands obeyed in this step; call it once a step, while no command can arrive."""
        valid: dict[str, Mask] = {}
        for name, command in self._robots.commands.items():
            of_this_episode = (command.stamps == 0) | (command.stamps >= self._episode)  # 0: unstamped
            valid[name] = (command.received >= self._opened) & of_this_episode
        return self._line.push(self._newest(), valid)

    def _newest(self) -> dict[str, Values]:
        return {name: command.values for name, command in self._robots.commands.items()}
