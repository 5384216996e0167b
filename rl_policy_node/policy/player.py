"""rl_games' own player, built without an environment: Runner().load → create_player."""
import copy

import torch

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.global_state import preserved

with preserved():       # importing rl_games' runner changes torch's print options
    from rl_games.algos_torch import model_builder
    from rl_games.torch_runner import Runner

    from rl_policy_node.policy import networks


def create_player(config, spaces, device):
    """Return rl_games' player for a TrainConfig, with the network's initial weights.

    spaces: Spaces. device: a torch device name. The process' random state, thread count, precision
    flags and stdout are left as they were.
    """
    networks.register()
    params = copy.deepcopy(config.params)
    _complete(params, spaces, device)
    with preserved():
        runner = Runner()
        runner.load({'params': params})
        _check_names(runner, params)
        try:
            return runner.create_player()
        except (AssertionError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ConfigurationError(f'train config {config.path}: rl_games cannot build its player for the '
                                     f'observation {spaces.observation}: {type(error).__name__}: {error}') from error


def _complete(params, spaces, device):
    """Set what the player needs and playing does not depend on, as a training script would."""
    config = params['config']
    config['env_info'] = spaces.env_info()
    config['device_name'] = str(device)      # `device` is not read by players
    config.setdefault('env_name', 'none')
    config.setdefault('reward_shaper', {})
    config.setdefault('normalize_input', False)
    config['multi_gpu'] = False
    # a seed of −1 means "draw one" to training scripts and raises in Runner.load
    seed = params.get('seed')
    params['seed'] = seed if isinstance(seed, int) and seed >= 0 else 0


def _check_names(runner, params):
    builder = model_builder.ModelBuilder()
    factories = {'algo': runner.player_factory, 'model': builder.model_factory,
                 'network': builder.get_network_builder().network_factory}
    for part, factory in factories.items():
        name = params[part]['name']
        if name not in factory._builders:
            raise unknown(f'params.{part}.name', name, factory._builders)


def restore(player, checkpoint):
    """Put a Checkpoint's weights into the player; every name and shape must fit."""
    wanted, found = player.model.state_dict(), checkpoint.model
    problems = _differences(wanted, found)
    if problems:
        raise ConfigurationError(f'checkpoint {checkpoint.path} is of another network than the train config: '
                                 + '; '.join(problems))
    player.model.load_state_dict(found)


def _differences(wanted, found):
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    shapes = [f'{name} is {tuple(found[name].shape)}, the network wants {tuple(wanted[name].shape)}'
              for name in wanted if name in found and found[name].shape != wanted[name].shape]
    problems = [f'{len(names)} {what}, first {names[0]}' for what, names in
                (('parameters are missing', missing), ('are unknown', extra)) if names]
    for name in (missing + extra):
        for part in ('running_mean_std', 'value_mean_std'):
            option = {'running_mean_std': 'normalize_input', 'value_mean_std': 'normalize_value'}[part]
            if name.startswith(part) and not any(option in p for p in problems):
                problems.append(f'params.config.{option} may differ from training')
    return problems + shapes[:3]


def override_sigma(player, sigma):
    """Set the log standard deviation of the exploration noise, as rl_games' `--sigma` does."""
    network = player.model.a2c_network
    if not getattr(network, 'fixed_sigma', False):
        raise ConfigurationError('sigma: cannot be set, the network computes it (fixed_sigma is False)')
    with torch.no_grad():
        network.sigma.fill_(float(sigma))
