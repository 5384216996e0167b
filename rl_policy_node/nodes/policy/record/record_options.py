# SPDX-License-Identifier: Apache-2.0
"""What the node records, and how much of it may lie on the disk."""

from __future__ import annotations

from dataclasses import dataclass
import importlib.util

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import option, TO_PATHS

NEEDED = ('mcap', 'msgpack', 'zstandard')


@dataclass(frozen=True)
class RecordSpec:
    """A bag per activation."""

    directory: str = option('', 'folder for a bag of each activation; empty: nothing is recorded', refers_to=TO_PATHS)
    split_duration: float = option(300.0, 'a new file of a bag begins after this time', unit='s', low=1.0, high=86400.0)
    split_size: float = option(512.0, 'and after this size', unit='MB', low=1.0, high=100_000.0)
    budget: float = option(
        10_000.0,
        'disk space for all bags in the folder: the oldest bags of policy nodes are removed first, never the one that '
        'is being written, and no other file. Recording ends where that is not enough',
        unit='MB',
        low=1.0,
        high=1e8,
    )
    checkpoint: bool = option(False, "attach the checkpoint and the run's configuration, so that the bag alone replays")

    def check(self) -> None:
        """Raise ConfigurationError if something is to be recorded, and what that needs is not installed."""
        missing = [name for name in NEEDED if self.directory and importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigurationError(
                f"record.directory is '{self.directory}', and recording needs {', '.join(missing)}, not installed here; "
                "`pip install 'rl_policy_node[record]'`, or leave record.directory empty",
                where='record.directory',
                got=self.directory,
            )
