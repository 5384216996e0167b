# SPDX-License-Identifier: Apache-2.0
"""What the node records, and how much of it may lie on the disk."""

from __future__ import annotations

from dataclasses import dataclass
import importlib.util
from typing import Final

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.options import option

MEGABYTE: Final = 1_000_000
# of rosbag2: the file that describes a bag, and its only key
METADATA, TOP = 'metadata.yaml', 'rosbag2_bagfile_information'
_NEEDED: Final = ('mcap', 'msgpack', 'zstandard')


@dataclass(frozen=True)
class RecordSpec:
    """A bag per activation."""

    directory: str = option(
        '', 'folder for a bag of each activation, relative to the working directory; empty: nothing is recorded'
    )
    split_duration: float = option(300.0, 'a new file of a bag begins after this time', unit='s', low=1.0, high=86400.0)
    split_size: float = option(512.0, 'and after this size', unit='MB', low=1.0, high=100_000.0)
    budget: float = option(
        10_000.0,
        'disk space for all bags in the folder: the oldest bags of these nodes are removed first, never one that is '
        'being written, and no other file. Recording ends where that is not enough',
        unit='MB',
        low=1.0,
        high=1e8,
    )
    checkpoint: bool = option(False, "attach the checkpoint and the run's configuration to the bag")

    def check(self) -> None:
        """Raise ConfigurationError if something is to be recorded, and what that needs is not installed."""
        if self.directory:
            need_libraries(f"record.directory is '{self.directory}', and recording")


def missing_libraries() -> list[str]:
    """Return the libraries of the extra `record` that are not installed."""
    return [name for name in _NEEDED if importlib.util.find_spec(name) is None]


def need_libraries(what: str, where: str = 'record.directory') -> None:
    """Raise ConfigurationError if a library of the extra `record` is not installed.

    what: needs it, in words. where: the parameter that asks for it.
    """
    missing = missing_libraries()
    if missing:
        raise ConfigurationError(
            f"{what} needs {', '.join(missing)}, not installed here; `pip install 'rl_policy_node[record]'`",
            where=where,
            expected=', '.join(missing),
        )
