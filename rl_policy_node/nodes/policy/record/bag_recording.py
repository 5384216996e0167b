# SPDX-License-Identifier: Apache-2.0
"""Records each activation of a policy node into a bag of its own, and tells how that goes."""

from __future__ import annotations

from collections.abc import Callable
import datetime
import os
import time
from typing import Any, TYPE_CHECKING

from rclpy.node import Node

from rl_policy_node.core import Journal
from rl_policy_node.core.recording import Ended, Event
from rl_policy_node.errors import unfit
from rl_policy_node.nodes.policy.policy_metadata import Deployed
from rl_policy_node.nodes.policy.record.record_options import MEGABYTE, RecordSpec
from rl_policy_node.nodes.policy.record.recorder_link import RecorderLink

if TYPE_CHECKING:  # they need what only a recording needs
    from rl_policy_node.nodes.policy.record.bag_journal import BagJournal
    from rl_policy_node.nodes.policy.record.bag_layout import Layout

PATIENCE = 1.0  # s that cleanup waits for the recorder to close the bag; it goes on by itself afterwards


class BagRecording:
    """A core Journal that writes a bag from `begin` to `end`; nothing that fails in it reaches the robots.

    Without record.directory it does nothing. deployed(): what the node has configured; called at the first activation.
    Raises ConfigurationError if a library is missing.
    """

    def __init__(self, node: Node, spec: RecordSpec, deployed: Callable[[], Deployed]) -> None:
        spec.check()
        self._node, self._spec, self._deployed = node, spec, deployed
        self._log = node.get_logger()
        self._layout: Layout | None = None
        self._link: RecorderLink | None = None
        self._journal: BagJournal | None = None
        self._opened: BagJournal | None = None  # of the last bag
        self._said: set[str] = set()
        self._fault = ''

    def journal(self, other: Journal | None) -> Journal | None:
        """Return the journal for the core: this one where bags are wanted. other: that of the program around the node.

        Raises ConfigurationError if both are wanted.
        """
        if not self._spec.directory:
            return other
        if other is not None:
            raise unfit('record.directory', f"'{self._spec.directory}'", "'': this program has a journal of its own")
        return self

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
        if not self._spec.directory:
            return
        self._said.clear()
        self._fault, self._link, self._opened = '', None, None
        try:
            from rl_policy_node.nodes.policy.record.bag_journal import BagJournal
            from rl_policy_node.nodes.policy.record.bag_layout import layout

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
            journal.add(Ended(reason or 'deactivated'))
            journal.end()
            link.close()

    def close(self) -> None:
        """Wait at most PATIENCE s for the last bag."""
        self.end('the node was cleaned up')
        if self._link is not None:
            self._link.wait(PATIENCE)
            self._listen(self._link)

    def report(self) -> dict[str, str]:
        """Return how it goes, for the diagnostics; the log says once what is wrong."""
        return {'recording': self._told()} if self._spec.directory else {}

    def _told(self) -> str:
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
        for path in link.removed:
            self._log.info(f'record.budget: removed the oldest bag, {path}')
        link.removed.clear()
        if link.path and self._first('path'):
            self._log.info(f'recording into {link.path}')
        journal = self._opened
        if journal is not None and journal.dropped and self._first('dropped'):
            self._log.warning(
                'the recorder does not keep up, and events are dropped: is the disk slow? The diagnostics count them'
            )
        fault = link.fault or (journal.fault if journal is not None else '')
        if fault:
            self._fail(fault)

    def _fail(self, fault: str) -> None:
        self._fault, self._journal = fault, None
        if self._first('fault'):
            self._log.error(f'recording has stopped; the robots go on: {fault}')

    def _first(self, what: str) -> bool:
        """Return whether this is said for the first time of a bag."""
        first = what not in self._said
        self._said.add(what)
        return first

    def _setup(self, made: Layout) -> dict[str, Any]:
        """Return what the recorder needs to know."""
        now = time.time_ns()
        moment = datetime.datetime.fromtimestamp(now * 1e-9, datetime.timezone.utc)
        name = self._node.get_fully_qualified_name().strip('/').replace('/', '_')
        policy = self._deployed().policy
        attached = {} if policy.checkpoint is None else {'checkpoint': policy.checkpoint.path}
        attached['configuration'] = policy.config.path
        return {
            'directory': os.path.abspath(os.path.expanduser(self._spec.directory)),
            'name': f'{name}_{moment:%Y-%m-%d_%H-%M-%S}',
            'topics': made.topics,
            'distribution': os.environ.get('ROS_DISTRO', ''),
            'custom': {'node': self._node.get_fully_qualified_name()},
            'started': now,
            'budget': self._spec.budget,
            'attachments': [
                {'name': f'{what}/{path.name}', 'path': str(path), 'type': 'application/octet-stream'}
                for what, path in attached.items()
                if self._spec.checkpoint
            ],
        }
