# SPDX-License-Identifier: Apache-2.0
"""Records each activation of a policy node into a bag of its own, and tells how that goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

from rclpy.node import Node

from rl_policy_node.core import Journal
from rl_policy_node.core.journal import Notes
from rl_policy_node.core.recording import Ended, Event
from rl_policy_node.errors import unfit
from rl_policy_node.nodes.policy.policy_metadata import Deployed
from rl_policy_node.nodes.policy.record.record_options import MEGABYTE, RecordSpec
from rl_policy_node.nodes.policy.record.recorder_link import RecorderLink, setup_of
from rl_policy_node.nodes.policy.record.recorder_talk import RecorderTalk

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
        self._talk = RecorderTalk(self._log)

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
        self._talk, self._link, self._opened = RecorderTalk(self._log), None, None
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

    def report(self, notes: Notes | None) -> dict[str, str]:
        """Return how it goes, for the diagnostics; the log says once what is wrong. notes: what the core tells it."""
        if notes is not None and notes.fault:
            self._talk.fault = notes.fault
        return {'recording': self._told()} if self._spec.directory else {}

    def _told(self) -> str:
        link, journal = self._link, self._opened
        if link is None or journal is None:
            return f'none: {self._talk.fault}'
        self._listen(link)
        if self._talk.fault:
            return f'stopped: {self._talk.fault}'
        megabytes = link.ring.bag_size / MEGABYTE
        return f'{link.path or "starts"}, {megabytes:.1f} MB, {journal.dropped} events dropped'

    def _listen(self, link: RecorderLink) -> None:
        journal = self._opened
        self._talk.listen(link, 0 if journal is None else journal.dropped)
        fault = link.fault or (journal.fault if journal is not None else '')
        if fault:
            self._fail(fault)

    def _fail(self, fault: str) -> None:
        self._journal = None
        self._talk.fail(fault)

    def _setup(self, made: Layout) -> dict[str, Any]:
        """Return what the recorder needs to know."""
        policy = self._deployed().policy
        attached = {} if policy.checkpoint is None else {'checkpoint': policy.checkpoint.path}
        attached['configuration'] = policy.config.path
        return {
            **setup_of(self._node.get_fully_qualified_name(), self._spec, made.topics),
            'attachments': [
                {'name': f'{what}/{path.name}', 'path': str(path), 'type': 'application/octet-stream'}
                for what, path in attached.items()
                if self._spec.checkpoint
            ],
        }
