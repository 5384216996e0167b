# SPDX-License-Identifier: Apache-2.0
"""What Isaac Lab's configs say by patterns over joint names."""
import re

_PLAIN = re.compile(r'[\w\-/:]+')


def joint_names(patterns):
    """Return the names where all patterns are plain names, else ()."""
    patterns = [patterns] if isinstance(patterns, str) else list(patterns or ())
    return tuple(patterns) if patterns and all(_PLAIN.fullmatch(pattern) for pattern in patterns) else ()


def count_of(patterns, asset='robot'):
    """Return what a joint-sized term counts: equal texts mean equal sizes."""
    patterns = [patterns] if isinstance(patterns, str) else list(patterns or ['.*'])
    if patterns == ['.*']:
        return 'joints' if asset == 'robot' else f'joints of {asset}'
    return f'joints of {asset} that match {", ".join(patterns)}'


def per_joint(values, names, default=0.0):
    """Return one number each for `names`, or one for all, or None where only the joints' names would tell.

    values: a number, or pattern → number as in `init_state.joint_pos`; what no pattern matches is `default`.
    """
    if not isinstance(values, dict):
        return None if values is None else _shortest((float(values),))
    if names:
        return _shortest(tuple(_match(values, name, default) for name in names))
    if set(values) == {'.*'} or all(value == default for value in values.values()):
        return _shortest((float(next(iter(values.values()), default)),))
    return None


def _match(values, name, default):
    return next((float(value) for pattern, value in values.items() if re.fullmatch(pattern, name)), default)


def _shortest(numbers):
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def default_positions(env, asset, names):
    """Return `init_state.joint_pos` of an asset: one number each, one for all, or None."""
    return per_joint(initial(env, asset).get('joint_pos', {}), names)


def initial(env, asset):
    """Return `init_state` of an asset of the scene, {} where there is none."""
    holder = (env.get('scene') or {}).get(asset) or env.get(asset) or {}
    return holder.get('init_state') or {}
