# SPDX-License-Identifier: Apache-2.0
"""What a log says of a bag that is being written."""

from __future__ import annotations

from rl_policy_node.core.protocols import Logger
from rl_policy_node.nodes.policy.record.recorder_link import RecorderLink


class RecorderTalk:
    """Tells a log what becomes of a bag, each thing once. fault: why recording has ended, '': it goes on.

    what: is dropped where the recorder does not keep up. others: who goes on without a bag.
    """

    def __init__(self, log: Logger, what: str = 'events', others: str = 'the robots go on') -> None:
        self._log, self._what, self._others = log, what, others
        self._said: set[str] = set()
        self.fault = ''

    def listen(self, link: RecorderLink, dropped: int) -> None:
        """Say what the recorder says. dropped: number of what it had no room for."""
        link.listen()
        for path in link.removed:
            self._log.info(f'record.budget: removed the oldest bag, {path}')
        link.removed.clear()
        if link.path and self._first('path'):
            self._log.info(f'recording into {link.path}')
        if dropped and self._first('dropped'):
            self._log.warning(
                f'the recorder does not keep up, and {self._what} are dropped: is the disk slow? '
                'The diagnostics count them'
            )
        if link.fault:
            self.fail(link.fault)

    def fail(self, fault: str) -> None:
        """Say that recording has ended."""
        self.fault = self.fault or fault
        if self._first('fault'):
            self._log.error(f'recording has stopped; {self._others}: {fault}')

    def _first(self, what: str) -> bool:
        """Return whether this is said for the first time."""
        first = what not in self._said
        self._said.add(what)
        return first
