"""What a model's weights tell of its spaces."""
import re

from rl_policy_node.errors import ConfigurationError

_STATISTICS = re.compile(r'running_mean_std\.(?:running_mean_std\.(?P<key>.+)\.)?running_mean$')


def observation_from_weights(weights):
    """Return the observation shape, or key → shape, that the input statistics tell, or None."""
    found = {}
    for name, tensor in weights.items():
        match = _STATISTICS.match(name)
        if match:
            found[match['key']] = tuple(tensor.shape)
    return found[None] if None in found else found or None


def action_from_weights(weights):
    """Return the actions that the action head tells: a number, `{discrete: n}` or `{multi_discrete: [n, ...]}`."""
    if 'a2c_network.mu.weight' in weights:
        return int(weights['a2c_network.mu.weight'].shape[0])
    if 'a2c_network.logits.weight' in weights:
        return {'discrete': int(weights['a2c_network.logits.weight'].shape[0])}
    heads = [re.match(r'a2c_network\.logits\.(\d+)\.weight$', name) for name in weights]
    heads = sorted((int(match[1]), match[0]) for match in heads if match)
    if heads:
        return {'multi_discrete': [int(weights[name].shape[0]) for _, name in heads]}
    raise ConfigurationError('the checkpoint has no action head (a2c_network.mu or a2c_network.logits); '
                             'state the spaces')
