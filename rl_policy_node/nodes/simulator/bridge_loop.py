# SPDX-License-Identifier: Apache-2.0
"""The thread that plays an environment, in lockstep with the policy or by the clock."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
import traceback
from typing import TypeAlias

from rl_policy_node.core.protocols import Logger
from rl_policy_node.errors import SimulationError
from rl_policy_node.nodes.simulator.bridge import Bridge, SimFrame
from rl_policy_node.nodes.simulator.episodes import Episode
from rl_policy_node.nodes.topics.row_names import listed

PATIENCE = 1.0  # s; at the end, a step under way that takes longer has its worker killed
OnEpisodes: TypeAlias = Callable[[list[Episode]], None]


class BridgeLoop:
    """Steps a Bridge and publishes its frames.

    Lockstep: one step for each complete set of commands that answers the frame. Real time: one step in each period,
    whose frame is published at its end; if commands are late, the last ones stay in effect. on_episodes(ended): called
    with the episodes that ended with a step.
    """

    def __init__(
        self, bridge: Bridge, lockstep: bool, publish: Callable[[SimFrame], None], on_episodes: OnEpisodes, log: Logger
    ) -> None:
        self._bridge, self._lockstep, self._publish, self._on_episodes = bridge, lockstep, publish, on_episodes
        self._log, self._commands, self._record = log, bridge.commands, bridge.record
        self._period = 1.0 / bridge.control.rate
        self._thread: threading.Thread | None = None
        self._running = self._paused = self._reset_asked = False
        self.finished = self.failed = False

    def start(self) -> None:
        """Start the thread."""
        for note in self._bridge.notes:
            self._log.info(note)
        self._running = True
        self._thread = threading.Thread(target=self._run, name='bridge', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, close the environment and the recording, and write the summary."""
        with self._commands.condition:
            self._running = False
            self._commands.condition.notify_all()
        if self._thread is not None:
            self._thread.join(PATIENCE)
            self._bridge.close()
            self._thread.join()
            self._thread = None
            self._bridge.imperfections.close()
            self._record.write(self._bridge.imperfections.summary())

    def ask_reset(self) -> None:
        """Begin new episodes in every row before the next step."""
        with self._commands.condition:
            self._reset_asked = True
            self._commands.condition.notify_all()

    def pause(self, paused: bool) -> None:
        """Pause the environment and its clock, or let them continue."""
        with self._commands.condition:
            self._paused = paused
            self._commands.condition.notify_all()

    def _run(self) -> None:
        try:
            self._bridge.begin()
            self._show()
            if not self._lockstep:
                self._await_commands()
            due = time.monotonic() + self._period
            while self._running and not self._record.over():
                if self._paused or self._reset_asked:
                    due = self._interrupted()
                elif self._may_step(due):
                    due = self._step(due)
        except Exception as error:  # noqa: BLE001 - the log names the fault of the environment, and the node ends
            if self._running:  # else stop() closed the environment
                self.failed = True
                text = str(error) if isinstance(error, SimulationError) else traceback.format_exc()
                self._log.error(f'sim.environment failed at step {self._record.steps}:\n{text}')
        self.finished = True

    def _step(self, due: float) -> float:
        """Step, and publish the frame at `due`, s, steady; return the time at which the next one is due."""
        ended = self._bridge.step()
        if ended:
            self._on_episodes(ended)
        if not self._lockstep:
            time.sleep(max(due - time.monotonic(), 0.0))
        self._show()
        return max(due + self._bridge.imperfections.period(), time.monotonic())

    def _show(self) -> None:
        """Publish a frame; commands that come from now on can answer it."""
        frame = self._bridge.frame()
        self._record.show(frame.stamp)
        self._commands.expect(frame.stamp, self._record.steps)
        self._publish(frame)

    def _interrupted(self) -> float:
        self._bridge.check()
        with self._commands.condition:
            if self._paused:
                self._commands.condition.wait(0.05)
            # unstamped commands cannot be matched to an observation: drain them before a reset
            drained = not (self._lockstep and self._commands.unstamped)
            asked = self._reset_asked and (drained or self._commands.wait(self._commands.complete, 0.2))
            self._reset_asked &= not asked
        if asked:
            self._bridge.restart()
            self._show()
        return time.monotonic() + self._period

    def _await_commands(self) -> None:
        """Repeat the first observation until every robot has a command, then begin the episodes."""
        commanded = False
        while self._running and not commanded:
            commanded = self._commands.wait(self._commands.commanded, self._period)
            self._bridge.stay(begin=commanded)
            self._show()

    def _may_step(self, due: float) -> bool:
        """Wait for the commands; return whether to step.

        Real time: wait at most until the end of the period (`due`, s, steady); then the last commands stay in effect.
        Lockstep: wait for a while; the log names the rows for which the simulator waits.
        """
        if not self._lockstep:
            if not self._commands.wait(self._commands.complete, max(due - time.monotonic(), 0.0)):
                self._record.misses += 1
            return True
        if self._commands.wait(self._commands.complete, 0.2):
            return True
        silent, waited = self._commands.silent()
        if silent and waited > 5.0 and self._record.steps:
            self._log.warning(
                f'no command for {listed(self._bridge.control, silent)} in answer to observation '
                f'{self._record.steps} for {waited:.0f} s',
                throttle_duration_sec=5.0,
            )
        self._bridge.check()
        return False
