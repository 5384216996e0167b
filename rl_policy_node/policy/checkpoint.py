"""Checkpoints: read as data, never executed."""
import contextlib
from dataclasses import dataclass
import hashlib
from pathlib import Path
import pickle

import numpy as np
import torch

from rl_policy_node.errors import ConfigurationError


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a run, with what the file says of itself.

    model: parameter name → CPU tensor, input statistics included. sha256: of the whole file.
    """

    model: dict
    path: Path
    sha256: str
    epoch: int | None = None
    frame: int | None = None


def load_checkpoint(path, sha256=''):
    """Read a checkpoint that rl_games wrote, on the CPU, without running any pickled code.

    sha256: the checksum the file must have; empty to accept any. Raises ConfigurationError, in one
    line, for a file that is missing, empty, damaged, not a checkpoint, or that wants code run.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigurationError(f'checkpoint {path}: no such file')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 and digest != sha256.lower():
        raise ConfigurationError(f'checkpoint {path}: its sha256 is {digest}, expected {sha256}')
    content = _read(path)
    return Checkpoint(model=_model(content, path), path=path, sha256=digest,
                      epoch=_number(content, 'epoch', path), frame=_number(content, 'frame', path))


def _read(path):
    try:
        with _allowed(_numpy_scalars()):
            content = torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        raise ConfigurationError(f'checkpoint {path}: refused, it is not plain weights '
                                 f'({_reason(error)}); nothing in it was run') from error
    except Exception as error:      # noqa: B902 - torch raises nearly anything on damaged archives
        raise ConfigurationError(f'checkpoint {path}: damaged or not a checkpoint '
                                 f'({path.stat().st_size} bytes; {_reason(error)})') from error
    if not isinstance(content, dict):
        raise ConfigurationError(f'checkpoint {path}: expected a dict with `model`, got {type(content).__name__}')
    return content


def _allowed(names):
    """torch before 2.5 knows no allow-list: it then refuses files that hold numpy scalars."""
    allow = getattr(torch.serialization, 'safe_globals', None)
    return allow(names) if allow else contextlib.nullcontext()


def _reason(error):
    text = str(error).strip() or type(error).__name__
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    unsupported = [line for line in lines if 'GLOBAL' in line]
    return (unsupported or lines)[0][:200]


def _numpy_scalars():
    """rl_games saves its mean reward as a numpy scalar; numpy 1 and 2 name its constructor differently."""
    multiarray = getattr(np, '_core', None) or np.core
    scalar = multiarray.multiarray.scalar
    dtypes = [type(np.dtype(name)) for name in ('bool', 'float32', 'float64', 'int32', 'int64')]
    return [np.dtype, *dtypes, (scalar, 'numpy._core.multiarray.scalar'), (scalar, 'numpy.core.multiarray.scalar')]


def _model(content, path):
    model = content.get('model')
    if not isinstance(model, dict) or not model:
        raise ConfigurationError(f'checkpoint {path}: no `model` in it; it has {sorted(map(str, content))[:12]}')
    odd = [name for name in model if not isinstance(name, str)]
    if odd:
        raise ConfigurationError(f'checkpoint {path}: `model` has the key {odd[0]!r}; expected names of parameters')
    # training under torch.compile prefixes the names
    model = {name.replace('_orig_mod.', ''): tensor for name, tensor in model.items()}
    # files of older rl_games keep the statistics beside the model, and there they count
    statistics = content.get('running_mean_std', {})
    if not isinstance(statistics, dict):
        kind = type(statistics).__name__
        raise ConfigurationError(f'checkpoint {path}: running_mean_std is a {kind}, expected a dict')
    model.update({f'running_mean_std.{name}': tensor for name, tensor in statistics.items()})
    for name, tensor in model.items():
        if not isinstance(tensor, torch.Tensor):
            raise ConfigurationError(f"checkpoint {path}: '{name}' is a {type(tensor).__name__}, expected a tensor")
    return model


def _number(content, name, path):
    value = content.get(name)
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f'checkpoint {path}: {name} is {value!r}, expected a number') from error
