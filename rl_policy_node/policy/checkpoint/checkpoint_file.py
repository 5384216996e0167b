# SPDX-License-Identifier: Apache-2.0
"""The file of a checkpoint: its bytes, checked and read as data."""

import hashlib
import io
import logging
from pathlib import Path
import pickle
import re
import warnings

import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.checkpoint import numpy_stand_ins
from rl_policy_node.policy.checkpoint.file_kinds import damaged_record, other_kind

_log = logging.getLogger(__name__)
_ADVICE = ('Weights only load failed', 'Please file an issue', 'Check the documentation')
_TELLING = re.compile('GLOBAL|nsupported|Can only|Trying to call')
_SUFFIXES = ('.pth', '.pt')


class Refused(ConfigurationError):
    """A checkpoint that is not loaded; the message is one line and begins with the file."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f'checkpoint {path}: ' + ' '.join(str(reason).split()))


def read_file(path: Path, sha256: str = '', allow_untrusted_pickle: str = '') -> tuple[object, str, int, bool]:
    """Return (content, sha256, size in bytes, executed) of the file at `path`, tensors on the CPU.

    Nothing in the file is run, unless it is no plain data and `allow_untrusted_pickle` is its name.
    Raises Refused for a file that cannot be read, has another checksum, or is of another kind.
    """
    if allow_untrusted_pickle not in ('', path.name):
        raise Refused(
            path,
            f"allow_untrusted_pickle is '{allow_untrusted_pickle}', which does not name this file; "
            f"expected '{path.name}', or '' to run nothing",
        )
    data = _bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    _check_sum(path, digest, sha256)
    kind = other_kind(data)
    if kind:
        raise Refused(path, f'{kind}; expected a .pth file that rl_games wrote')
    record = damaged_record(data)
    if record:
        raise Refused(path, f'damaged or not a checkpoint ({len(data)} bytes; {record})')
    content, executed = _content(path, data, digest, bool(allow_untrusted_pickle))
    return content, digest, len(data), executed


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            files = [file for pattern in ('*', 'nn/*') for file in path.glob(pattern) if file.suffix in _SUFFIXES]
            names = sorted(str(file.relative_to(path)) for file in files)
            raise Refused(path, f'a folder; expected one .pth file{f", such as {names[:6]}" if names else ""}')
        if not path.exists():
            raise Refused(path, 'no such file')
        if not path.is_file():
            raise Refused(path, 'not a regular file; expected a .pth file')
        return path.read_bytes()
    except OSError as error:
        raise Refused(path, f'cannot be read ({error.strerror or error})') from error


def _check_sum(path: Path, digest: str, wanted: str) -> None:
    wanted = str(wanted).strip().lower()
    if wanted and not re.fullmatch('[0-9a-f]{64}', wanted):
        raise Refused(
            path,
            f"the checksum given is '{wanted[:80]}'; expected 64 hexadecimal digits of a sha256 "
            f"(this file's is {digest})",
        )
    if wanted and digest != wanted:
        raise Refused(path, f'its sha256 is {digest}, expected {wanted}')


def _content(path: Path, data: bytes, digest: str, may_execute: bool) -> tuple[object, bool]:
    try:
        with torch.serialization.safe_globals(numpy_stand_ins.safe_globals()), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of protocols and of storages, which users cannot change
            content = torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if may_execute:
            return _as_program(path, data, digest), True
        raise Refused(path, _refusal(len(data), error)) from error
    except Exception as error:  # torch raises nearly anything on damaged archives
        raise Refused(path, _damage(len(data), error)) from error
    if may_execute:
        _log.warning('checkpoint %s is plain weights: nothing in it was run, allow_untrusted_pickle can go', path)
    return content, False


def _as_program(path: Path, data: bytes, digest: str) -> object:
    _log.warning(
        'RUNNING CODE from checkpoint %s (sha256 %s): it is no plain data, and allow_untrusted_pickle names '
        'it; whoever wrote it can do here whatever this user can',
        path,
        digest,
    )
    try:
        return torch.load(io.BytesIO(data), map_location='cpu', weights_only=False)
    except Exception as error:  # code of strangers raises anything
        raise Refused(path, f'unpickled as allow_untrusted_pickle asks, which failed ({_reason(error)})') from error


def _refusal(size: int, error: Exception) -> str:
    reason = _reason(error)
    if 'operand' in reason or 'magic number' in reason:  # bytes at random, or no file of torch.save
        return _damage(size, error)
    return f'refused, it is not plain weights ({reason}); nothing in it was run'


def _damage(size: int, error: Exception) -> str:
    return f'damaged or not a checkpoint ({size} bytes; {_reason(error)})'


def _reason(error: Exception) -> str:
    """Return the line of torch's long error that names the cause."""
    lines = [line.strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith(_ADVICE)]
    telling = [line for line in lines if _TELLING.search(line)] or lines or [type(error).__name__]
    reason = telling[0].removeprefix('WeightsUnpickler error: ')
    return reason.split(' was not an allowed global')[0].split('. (Could this error')[0][:200]
