# SPDX-License-Identifier: Apache-2.0
"""Keeps the bags of a folder within their disk space: removes the oldest bags of our nodes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import fcntl
import os
from pathlib import Path
from typing import NamedTuple

import yaml

from rl_policy_node.nodes.policy.record.bag_folder import MARK, STARTED
from rl_policy_node.nodes.policy.record.record_options import METADATA, TOP


class OldBag(NamedTuple):
    """A bag of one of our nodes. started: ns, system time. files: all that it consists of. size: bytes."""

    started: int
    path: Path
    files: tuple[Path, ...]
    size: int


def make_room(directory: Path, own: Path, own_size: int, budget: int) -> tuple[list[Path], int]:
    """Remove the oldest bags until all of them fit; return those removed, and the bytes that are left over the budget.

    own: the bag that is being written, of own_size bytes. Bags that another recorder writes count, and stay.
    """
    bags = sorted(bag for bag in _bags(directory) if bag.path != own)
    size = own_size + sum(bag.size for bag in bags)
    removed = []
    for bag in bags:
        if size <= budget:
            break
        if _remove(bag):
            removed.append(bag.path)
            size -= bag.size
    return removed, max(size - budget, 0)


def _bags(directory: Path) -> Iterator[OldBag]:
    """Yield the bags of our nodes in a folder; what cannot be read is none."""
    for path in directory.iterdir():
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
            metadata = path / METADATA
            if path.is_symlink() or not metadata.is_file():
                continue
            found = yaml.load(metadata.read_text(), getattr(yaml, 'CSafeLoader', yaml.SafeLoader))[TOP]
            if MARK not in (found['custom_data'] or {}):
                continue
            listed = [path / Path(name).name for name in found['relative_file_paths']]
            files = (*(file for file in listed if file.is_file()), metadata)
            size = sum(file.lstat().st_size for file in files)
            yield OldBag(int(found['custom_data'][STARTED]), path, files, size)


def _remove(bag: OldBag) -> bool:
    """Remove a bag unless it is being written; foreign files in its folder stay, and so does the folder then."""
    try:
        lock = os.open(bag.path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # metadata.yaml comes last: half a bag is still found, and removed the next time
        for file in bag.files:
            file.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(lock)
    with contextlib.suppress(OSError):
        bag.path.rmdir()
    return True
