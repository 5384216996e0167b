# SPDX-License-Identifier: Apache-2.0
"""Reads rl_games' checkpoints as data, and converts them into one form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import torch

from rl_policy_node.policy.checkpoint.checkpoint_file import read_file, Refused
from rl_policy_node.policy.checkpoint.tensors import check_tensors
from rl_policy_node.policy.run.other_frameworks import DEPLOYED, framework_of_checkpoint

# parts of a SAC file → where they are in the player's model
_SAC_PARTS = {part: f'sac_network.{part}.' for part in ('actor', 'critic', 'critic_target')}
# statistics that older rl_games keeps beside the model and restores from there
_BESIDE = {'running_mean_std': 'running_mean_std.', 'reward_mean_std': 'value_mean_std.'}
_SET_ASIDE = {
    'assymetric_vf_nets': 'central value',
    'assymetric_vf_mean_std': 'central value',
    'central_val_stats': 'central value statistics',
    'amp_input_mean_std': 'AMP input statistics',
    **{f'{part}optimizer': 'optimizer' for part in ('', 'actor_', 'critic_', 'log_alpha_', 'assymetric_vf_')},
}
_READ = {'model', 'epoch', 'frame', 'last_mean_rewards', *_SAC_PARTS, *_BESIDE}
_EXPECTED = "expected one that rl_games wrote, with 'model' (PPO) or 'actor' and 'critic' (SAC)"


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a run, and further information in the file.

    model: parameter name → CPU tensor, named as in the player's model, input statistics included.
    sha256: of the whole file. size: in bytes. algorithm: 'ppo' or 'sac'. epoch, frame, mean_reward: how
    far training was, None where the file is silent. extras: what else is in the file and acting does not
    need. beside_model: names in `model` that the file keeps outside of it; rl_games' player ignores those
    that its model lacks. executed: whether code in the file was run, as `allow_untrusted_pickle` asked.
    """

    model: dict[str, torch.Tensor]
    path: Path
    sha256: str
    epoch: int | None = None
    frame: int | None = None
    mean_reward: float | None = None
    algorithm: str = 'ppo'
    size: int = 0
    extras: tuple[str, ...] = ()
    beside_model: tuple[str, ...] = ()
    executed: bool = False


def load_checkpoint(path: str | Path, sha256: str = '', allow_untrusted_pickle: str = '') -> Checkpoint:
    """Read a checkpoint that rl_games wrote, on the CPU, without running any pickled code.

    sha256: the checksum the file must have; empty to accept any. allow_untrusted_pickle: the name (no
    folder) of the file if it may be unpickled by running what it asks for, which is done only where it
    is no plain data. Raises ConfigurationError, in one line, for a file that is missing, empty, damaged,
    not a checkpoint, or that wants code run.
    """
    path = Path(path)
    content: Any
    content, digest, size, executed = read_file(path, sha256, allow_untrusted_pickle)
    content = _state(content)
    algorithm = _algorithm(content, path)
    parts = {'model': ''} if algorithm == 'ppo' else {part: at for part, at in _SAC_PARTS.items() if part in content}
    inside = _tensors(content, parts, path)
    beside = _tensors(content, {part: at for part, at in _BESIDE.items() if content.get(part) is not None}, path)
    model = inside | beside
    check_tensors(model, size, path)
    return Checkpoint(
        model=model,
        path=path,
        sha256=digest,
        size=size,
        algorithm=algorithm,
        executed=executed,
        epoch=_integer(content, 'epoch', path),
        frame=_integer(content, 'frame', path),
        mean_reward=_number(content, 'last_mean_rewards', path),
        extras=_extras(content),
        beside_model=tuple(beside),
    )


def _state(content: object) -> object:
    """Return the content; of a file of SAPG, rank → state, the state of rank 0, as SAPG's own player takes it.

    SAPG: jayeshs999/sapg, rl_games/rl_games/algos_torch/a2c_continuous.py, save, and players.py, restore.
    """
    ranks = isinstance(content, Mapping) and bool(content) and all(isinstance(key, int) for key in content)
    return content[0] if isinstance(content, Mapping) and ranks and isinstance(content.get(0), Mapping) else content


def _algorithm(content: object, path: Path) -> str:
    if not isinstance(content, Mapping):
        raise Refused(path, f'holds one {type(content).__name__}; {_EXPECTED}')
    other = framework_of_checkpoint(content)
    if 'model' in content and not other:
        return 'ppo'
    actor = content.get('actor')
    # others, too, save an `actor`; rl_games' has a trunk
    if isinstance(actor, Mapping) and any(str(name).replace('_orig_mod.', '').startswith('trunk.') for name in actor):
        return 'sac'
    if other:
        raise Refused(path, f'looks like a file of {other}; it has {_listed(content)}; {DEPLOYED}: {_EXPECTED}')
    half = 'a2c_network.mu.weight' in content
    looks = "looks like a file of rl_games' model without the rest of the file" if half else "no 'model' in it"
    raise Refused(path, f'{looks}; it has {_listed(content)}; {_EXPECTED}')


def _tensors(content: Mapping[str, object], parts: Mapping[str, str], path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of some parts under the names of the player's model; parts: name → what names begin with."""
    found = {}
    for part, prefix in parts.items():
        tensors = content[part]
        if not isinstance(tensors, Mapping) or not tensors:
            kind = 'empty' if isinstance(tensors, Mapping) else f'a {type(tensors).__name__}'
            raise Refused(path, f'{part} is {kind}; expected a dict of tensors')
        for name, tensor in tensors.items():
            if not isinstance(name, str):
                raise Refused(path, f'{part} has the key {name!r:.80}; expected names of parameters')
            if not isinstance(tensor, torch.Tensor):
                raise Refused(path, f"'{name:.80}' in {part} is a {type(tensor).__name__}; expected a tensor")
            # training under torch.compile puts this into the names, wherever the compiled module is
            found[prefix + name.replace('_orig_mod.', '')] = tensor.detach()
    return found


def _extras(content: Mapping[str, object]) -> tuple[str, ...]:
    names = [
        _SET_ASIDE.get(key, str(key))
        for key, value in content.items()
        if key not in _READ and value is not None and not (isinstance(value, (Mapping, list, tuple)) and not value)
    ]
    return tuple(dict.fromkeys(names))


def _listed(content: Iterable[object]) -> str:
    names = sorted(map(repr, content))
    return f'[{", ".join(name[:60] for name in names[:8])}{", …" if len(names) > 8 else ""}]'


def _integer(content: Mapping[str, object], name: str, path: Path) -> int | None:
    value = _number(content, name, path)
    if value is None:
        return None
    if not math.isfinite(value):
        raise Refused(path, f'{name} is {value}; expected a whole number')
    return int(value)


def _number(content: Mapping[str, Any], name: str, path: Path) -> float | None:
    value = content.get(name)
    if value is None:
        return None
    if isinstance(value, int):
        return value
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Refused(path, f'{name} is {value!r:.80}; expected a number') from error
