# SPDX-License-Identifier: Apache-2.0
"""rl_games' own player, built without an environment and without the code for training."""

from collections.abc import Iterable, Iterator
import copy
import random
from typing import Any

import numpy as np
import torch

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.checkpoint.checkpoint import Checkpoint
from rl_policy_node.policy.contract.agreement import joined_keys
from rl_policy_node.policy.contract.spaces import Spaces
from rl_policy_node.policy.rl_games.deferred_compile import deferred_compile
from rl_policy_node.policy.rl_games.global_state import preserved
from rl_policy_node.policy.rl_games.random_stream import RandomStream
from rl_policy_node.policy.run.train_config import TrainConfig
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.policy.shared_types import Player, Tensors, YamlTree

with preserved(), deferred_compile():  # importing rl_games registers environments of its tests
    from rl_games.algos_torch import model_builder

    from rl_policy_node.policy import networks
    from rl_policy_node.policy.rl_games.patched_players import check_bounds
    from rl_policy_node.policy.rl_games.play_runner import PlayRunner
    from rl_policy_node.policy.rl_games.plugins import load_plugins


_OWN = 'a module that registers your own is named by --plugin MODULE, or by policy.plugins in the parameter file'


def trained_player(run: TrainedRun, spaces: Spaces, device: str) -> Player:
    """Return rl_games' player of a TrainedRun, with the weights of its checkpoint; without one with initial weights.

    spaces: of the policy, whose keys a flat network takes as one vector. Raises ConfigurationError, in one line.
    """
    joined = joined_keys(run.config.params['network'], spaces)
    player = create_player(run.config, spaces.joined() if joined else spaces, device, run.plugins)
    if run.checkpoint is not None:
        restore(player, run.checkpoint)
    return player


def create_player(
    config: TrainConfig,
    spaces: Spaces,
    device: str,
    plugins: Iterable[str] = (),
    environment: tuple[str, int] | None = None,
) -> Player:
    """Return rl_games' player for a TrainConfig, with the network's initial weights.

    spaces: Spaces. device: a torch device name. plugins: modules that register networks, models or players
    (see load_plugins). environment: (name, rows) of a vectorised one that is registered with rl_games, which the
    player shall make, ask for its spaces and keep; None: it is built for `spaces`, without an environment.
    Raises ConfigurationError, in one line, for what rl_games cannot build or play.
    The process' random state, thread count, precision flags and stdout are left as they were.
    """
    params = copy.deepcopy(config.params)
    seed = _complete(params, spaces, device)
    if environment:
        # the player makes its environment by itself, as with IsaacGymEnvs' training script
        made = params['config']
        del made['env_info']
        made['env_name'], made['num_actors'] = environment
        made['player']['use_vecenv'] = True
    with preserved():
        runner = _runner(params, plugins)
        _seed(seed)
        try:
            player: Player = runner.player_factory.create(params['algo']['name'], params=params)
            check_bounds(player)
            _try(player, spaces, seed)
        except ConfigurationError:
            raise
        except Exception as error:  # a network may raise anything on what does not fit it
            raise ConfigurationError(
                f'train config {config.path}: rl_games cannot build its player for the '
                f'observation {spaces.observation} and the action {spaces.action}: '
                f'{_reason(error, config.params)}'
            ) from error
    player.seed = seed
    return player


def check_names(config: TrainConfig, plugins: Iterable[str] = ()) -> None:
    """Raise ConfigurationError for an algorithm, model or network that neither rl_games nor a plug-in has.

    create_player does the same; this asks before the spaces are known, which depend on the network.
    """
    with preserved():
        _runner(config.params, plugins)


def _runner(params: YamlTree, plugins: Iterable[str]) -> PlayRunner:
    """Return a PlayRunner that knows every network, model and player; raises for a name in params that is none."""
    runner = PlayRunner()
    networks.register()
    load_plugins(plugins, runner)
    builder = model_builder.ModelBuilder()
    factories = {
        'algo': runner.player_factory,
        'model': builder.model_factory,
        'network': builder.get_network_builder().network_factory,
    }
    for part, factory in factories.items():
        name = params[part]['name']
        if not isinstance(name, str) or name not in factory._builders:
            raise unknown(f'params.{part}.name', name, factory._builders, hint=_OWN)
    return runner


def _complete(params: YamlTree, spaces: Spaces, device: str) -> int:
    """Set values that the player needs but playing does not depend on, as a training script would; return the seed."""
    config = params['config']
    config['env_info'] = _env_info(spaces)
    config['device_name'] = str(device)  # `device` is not read by players
    config.setdefault('env_name', 'none')
    config['normalize_input'] = bool(config.get('normalize_input', False))
    config['multi_gpu'] = False
    # nothing of an environment, and no watching of folders for newer checkpoints
    player = config.get('player') or {}
    config['player'] = {
        name: value
        for name, value in player.items()
        if name not in ('env_config', 'evaluation', 'dir_to_monitor', 'use_vecenv')
    }
    config.pop('env_config', None)
    config.pop('vec_env', None)
    _name_activations(params['network'])
    seed = params.get('seed')
    # −1 means "draw one" to training scripts
    return seed if isinstance(seed, int) and seed >= 0 else 0


def _env_info(spaces: Spaces) -> dict[str, object]:
    try:
        info = spaces.env_info()
    except (AssertionError, ValueError) as error:
        raise ConfigurationError(f'spaces: {" ".join(str(error).split())}') from error
    action: Any = info['action_space']
    for space in getattr(action, 'spaces', [action]):
        if hasattr(space, 'n'):
            space.n = int(space.n)  # gymnasium's np.int64 is not what torch takes as a size
    return info


def _name_activations(tree: YamlTree) -> None:
    """Replace `null` by rl_games' name for no activation."""
    for key, value in tree.items():
        if value is None and (key == 'activation' or str(key).endswith('_activation')):
            tree[key] = 'None'
        elif isinstance(value, dict):
            _name_activations(value)


def _seed(seed: int) -> None:
    """Seed the streams of initial weights: those of the CPU.

    rl_games' Runner seeds CUDA as well, which a process that has not used it yet would find seeded.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)


def _try(player: Player, spaces: Spaces, seed: int) -> None:
    """Take a step with observations of zeros: many faults of networks appear only here."""
    zeros = {
        key: torch.zeros((1, *shape), dtype=getattr(torch, str(np.dtype(spaces.dtype_of(key)))), device=player.device)
        for key, shape in spaces.inputs.items()
    }
    player.has_batch_dimension, player.batch_size = True, 1
    player.reset()
    with RandomStream(player.device, seed):
        action = player.get_action(zeros if spaces.is_dict else zeros['obs'], True)
    if action.numel() != spaces.num_actions:
        raise ValueError(f'its actions have the shape {tuple(action.shape)}')


def _reason(error: Exception, params: YamlTree) -> str:
    """Return the error as one line; rl_games' own error for an unknown name is only that name."""
    text = ' '.join(str(error).split())[:300]
    places = [place for place, value in _leaves(params['network'], 'params.network') if str(value) == text]
    if isinstance(error, ValueError) and places:
        return f"it knows no '{text}' ({', '.join(places)})"
    return f'{type(error).__name__}: {text}'


def _leaves(tree: YamlTree, place: str) -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f'{place}.{key}')
        else:
            yield f'{place}.{key}', value


def restore(player: Player, checkpoint: Checkpoint) -> None:
    """Put a Checkpoint's weights into the player; every name and shape must fit.

    Two kinds of weights are left out: those that the network declares as used only in training, and those that the
    file keeps beside its model and this model lacks; rl_games' player ignores these, too.
    """
    unused = tuple(
        f'{place}.{name}'
        for place, module in player.model.named_modules()
        for name in getattr(module, 'training_only', ())
    )
    wanted = player.model.state_dict()
    found = {
        name: tensor
        for name, tensor in checkpoint.model.items()
        if name in wanted or not (name.startswith(unused) or name in checkpoint.beside_model)
    }
    problems = _differences(wanted, found)
    if problems:
        raise ConfigurationError(
            f'checkpoint {checkpoint.path} is of another network than the train config: ' + '; '.join(problems)
        )
    player.model.load_state_dict(found)


def _differences(wanted: Tensors, found: Tensors) -> list[str]:
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    shapes = [
        f'{name} is {tuple(found[name].shape)}, the network wants {tuple(wanted[name].shape)}'
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    problems = [
        f'{len(names)} {what}, first {names[0]}'
        for what, names in (('parameters are missing', missing), ('are unknown', extra))
        if names
    ]
    for name in missing + extra:
        for part in ('running_mean_std', 'value_mean_std'):
            option = {'running_mean_std': 'normalize_input', 'value_mean_std': 'normalize_value'}[part]
            if name.startswith(part) and not any(option in p for p in problems):
                problems.append(f'params.config.{option} may differ from training')
    return problems + shapes[:3]


def override_sigma(player: Player, sigma: float) -> None:
    """Set the parameter `sigma` of the exploration noise, as rl_games' `--sigma` does.

    Its meaning depends on the model: a log standard deviation for most, the deviation itself for `continuous_a2c`.
    """
    network: Any = getattr(player.model, 'a2c_network', None)
    if not isinstance(getattr(network, 'sigma', None), torch.nn.Parameter):
        raise ConfigurationError('sigma: cannot be set, the network has none or computes it (fixed_sigma is False)')
    with torch.no_grad():
        network.sigma.fill_(float(sigma))
