# SPDX-License-Identifier: Apache-2.0
"""Opens bags. What that needs is imported only then."""

from __future__ import annotations

from pathlib import Path
import re
from typing import TYPE_CHECKING

import yaml

from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.nodes.policy.record.record_options import METADATA, need_libraries, TOP

if TYPE_CHECKING:
    from rl_policy_node.tools.bag.bag_reader import Bag


def open_bag(path: str | Path) -> Bag:
    """Return the bag at a path: a folder, or one of its files. Raises ConfigurationError if there is none."""
    need_libraries('reading a bag')
    from rl_policy_node.tools.bag.bag_reader import Bag

    place = Path(path)
    if not place.exists():
        raise unfit(f"bag '{path}'", 'not there', 'a folder with metadata.yaml, or a file of one')
    if place.is_file():
        if place.suffix not in ('.mcap', '.db3'):
            raise unfit(f"bag '{path}'", f"a file '{place.suffix}'", "a folder with metadata.yaml, or a file '.mcap'")
        return Bag(place, (place,))
    listed = _listed(place)
    # a recorder that was killed may not have listed its last file
    files = {file.name: file for pattern in ('*.mcap', '*.db3') for file in place.glob(pattern)}
    missing = [name for name in listed if name not in files]
    if missing:
        packed = [name for name in missing if name.endswith('.zstd')]
        hint = '; `zstd -d` unpacks it' if packed else ''
        raise ConfigurationError(f"bag '{path}': its file {missing[0]} is not there{hint}")
    if not files:
        raise unfit(f"bag '{path}'", 'a folder without a file of a bag', 'one with metadata.yaml and .mcap')
    return Bag(place, tuple(files[name] for name in sorted(files, key=_numbers)))


def _listed(folder: Path) -> list[str]:
    """Return the files that metadata.yaml lists; none if there is no such file."""
    metadata = folder / METADATA
    if not metadata.is_file():
        return []
    try:
        return [Path(name).name for name in yaml.safe_load(metadata.read_text())[TOP]['relative_file_paths']]
    except (yaml.YAMLError, TypeError, KeyError, UnicodeDecodeError) as error:
        raise unfit(f"'{metadata}'", f'not readable ({type(error).__name__})', f"the '{TOP}' of a bag") from error


def _numbers(name: str) -> list[int | str]:
    """Return a name with its numbers as such, to sort by."""
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', name)]
