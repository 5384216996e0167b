# SPDX-License-Identifier: Apache-2.0
"""Exported models on disk; the key is a checksum of everything that they depend on."""

from collections.abc import Mapping
import hashlib
import json
import os
from pathlib import Path
import tempfile
from typing import Any

from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.run.train_config import TrainConfig
from rl_policy_node.policy.shared_types import Player

VERSION = 3  # of the models of `export`
KEPT = 64  # number of models kept, the newest


class Cache:
    """Files below a folder, $XDG_CACHE_HOME/rl_policy_node by default; without a home folder nothing is kept.

    A file begins with the checksum of its content: a damaged file counts as missing.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder else _users_own()

    def read(self, key: str) -> bytes | None:
        """Return the bytes kept under a key, or None."""
        if not self.folder:
            return None
        try:
            kept = (self.folder / f'{key}.onnx').read_bytes()
        except OSError:
            return None
        return kept[32:] if hashlib.sha256(kept[32:]).digest() == kept[:32] else None

    def write(self, key: str, content: bytes) -> str:
        """Keep bytes under a key; return a text that says what prevents it, or ''."""
        if not self.folder:
            return 'neither $XDG_CACHE_HOME nor $HOME is set'
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # another process may write, or read, the same at the same time
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                _put(hashlib.sha256(content).digest() + content, file, self.folder / f'{key}.onnx')
            newest_first = sorted(self.folder.glob('*.onnx'), key=lambda kept: kept.stat().st_mtime, reverse=True)
            for oldest in newest_first[KEPT:]:
                oldest.unlink(missing_ok=True)
        except OSError as error:
            return f'{self.folder}: {error.strerror or error}'
        return ''


def _users_own() -> Path | None:
    try:
        return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'rl_policy_node'
    except RuntimeError:  # a container's user without an entry in passwd
        return None


def _put(content: bytes, file: Any, place: Path) -> None:
    """Write a temporary file and move it to its place; on failure leave no file behind."""
    try:
        file.write(content)
        file.flush()
        os.replace(file.name, place)
    except OSError:
        os.unlink(file.name)
        raise


def key_of(
    player: Player, config: TrainConfig | None, inputs: Inputs, deterministic: bool, versions: Mapping[str, str]
) -> str:
    """Return the checksum of a player's weights, its config, its spaces, and of versions (name → version)."""
    digest = hashlib.sha256()
    made_from = {
        'version': VERSION,
        'params': config.params if config else None,
        'rows': inputs.rows,
        'spaces': vars(inputs.spaces),
        'deterministic': deterministic,
        'versions': versions,
        'player': f'{type(player).__module__}.{type(player).__qualname__}',
    }
    # in the order of the file: that of a network's inputs counts
    digest.update(json.dumps(made_from, default=repr).encode())
    for name, tensor in sorted(player.model.state_dict().items()):
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
