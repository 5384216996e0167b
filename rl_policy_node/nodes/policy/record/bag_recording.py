# SPDX-License-Identifier: Apache-2.0
"""Records each activation of a policy node into a bag of its own, and tells how that goes."""

from __future__ import annotations

from collections.abc import Callable
import datetime
import os
import time
from typing import Any

from rclpy.node import Node

from rl_policy_node.core.recording import Ended, Event
from rl_policy_node.nodes.policy.policy_metadata import Deployed
from rl_policy_node.nodes.policy.record.bag_folder import STARTED
from rl_policy_node.nodes.policy.record.bag_journal import BagJournal
from rl_policy_node.nodes.policy.record.bag_layout import Layout, layout
from rl_policy_node.nodes.policy.record.record_options import RecordSpec
from rl_policy_node.nodes.policy.record.recorder import MEGABYTE
from rl_policy_node.nodes.policy.record.recorder_link import RecorderLink

PATIENCE = 1.0  # s that cleanup waits for the recorder to close the bag; it goes on by itself afterwards


class BagRecording:
    """A core Journal that writes a bag from `begin` to `end`; nothing that fails in it reaches the robots.

    deployed(): what the node has configured; called at the first activation.
    """

    def __init__(self, node: Node, spec: RecordSpec, deployed: Callable[[], Deployed]) -> None:
        self._node, self._spec, self._deployed = node, spec, deployed
        self._log = node.get_logger()
        self._layout: Layout | None = None
        self._link: RecorderLink | None = None
        self._journal: BagJournal | None = None
        self._opened: BagJournal | None = None  # of the last bag
        self._said: set[str] = set()
        self._fault = ''

    # a core Journal

    @property
    def due(self) -> bool:
        """Whether the core shall add a Snapshot."""
        journal = self._journal
        return journal is not None and journal.due

    def add(self, event: Event) -> None:
        """Take an event; drop it while no bag is open."""
        journal = self._journal
        if journal is not None:
            journal.add(event)

    # from one activation to the next

    def begin(self) -> None:
        """Open a bag; if that fails, the log says why, and the robots move without."""
        self._said.clear()
        self._fault = ''
        try:
            self._layout = self._layout or layout(self._node, self._deployed())
            self._link = RecorderLink(self._setup(self._layout))
            spec = self._spec
            self._opened = BagJournal(self._link.ring, self._layout.plan, spec.split_duration, spec.split_size)
            self._journal = self._opened
        except Exception as error:  # noqa: BLE001 - a robot moves without a record, too
            self._fail(f'{type(error).__name__}: {error}')

    def end(self, reason: str) -> None:
        """Close the bag; its recorder finishes it by itself."""
        journal, self._journal, link = self._journal, None, self._link
        if journal is not None and link is not None:
            journal.add(Ended(reason))
            journal.end()
            link.close()

    def close(self) -> None:
        """Wait at most PATIENCE s for the last bag."""
        self.end('the node was cleaned up')
        if self._link is not None:
            self._link.wait(PATIENCE)
            self._listen(self._link)

    def report(self) -> str:
        """Return how it goes, for the diagnostics; the log says once what is wrong."""
        link, journal = self._link, self._opened
        if link is None or journal is None:
            return f'none: {self._fault}'
        self._listen(link)
        if self._fault:
            return f'stopped: {self._fault}'
        megabytes = link.ring.bag_size / MEGABYTE
        return f'{link.path or "starts"}, {megabytes:.1f} MB, {journal.dropped} events dropped'

    def _listen(self, link: RecorderLink) -> None:
        link.listen()
        journal = self._opened
        assert journal is not None
        for path in link.removed:
            self._log.info(f'record.budget: removed the oldest bag, {path}')
        link.removed.clear()
        if link.path:
            self._say_once(f'recording into {link.path}', self._log.info)
        if journal.dropped:
            self._say_once(
                'the recorder does not keep up, and events are dropped: is the disk slow? The diagnostics count them',
                self._log.warning,
            )
        if link.fault or journal.fault:
            self._fail(link.fault or journal.fault)

    def _fail(self, fault: str) -> None:
        self._fault, self._journal = fault, None
        self._say_once(f'recording has stopped; the robots go on: {fault}', self._log.error)

    def _say_once(self, text: str, say: Callable[[str], object]) -> None:
        if text not in self._said:
            self._said.add(text)
            say(text)

    def _setup(self, made: Layout) -> dict[str, Any]:
        """Return what the recorder needs to know."""
        now = time.time_ns()
        moment = datetime.datetime.fromtimestamp(now * 1e-9, datetime.timezone.utc)
        name = self._node.get_fully_qualified_name().strip('/').replace('/', '_')
        policy = self._deployed().policy
        attached = {} if policy.checkpoint is None else {'checkpoint': policy.checkpoint.path}
        attached['configuration'] = policy.config.path
        return {
            'directory': os.path.abspath(self._spec.directory),
            'name': f'{name}_{moment:%Y-%m-%d_%H-%M-%S}',
            'topics': made.topics,
            'distribution': os.environ.get('ROS_DISTRO', ''),
            'custom': {STARTED: str(now), 'node': self._node.get_fully_qualified_name()},
            'budget': self._spec.budget,
            'attachments': [
                {'name': f'{what}/{path.name}', 'path': str(path), 'type': 'application/octet-stream'}
                for what, path in attached.items()
                if self._spec.checkpoint
            ],
        }
