# SPDX-License-Identifier: Apache-2.0
"""Texts for numbers, shapes and layers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
import math
from pathlib import Path
from typing import Any, TypeAlias

from rich.text import Text

from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.layouts import LayoutAction, LayoutTerm
from rl_policy_node.policy.summary.record import Training

# a CNN, MLP or recurrent part of a network: its settings by name
Part: TypeAlias = Mapping[str, Any]

# what rl_games stores before its first best: 1.6 and older versions (common/a2c_common.py: last_mean_rewards)
_NO_REWARD = (-1e9, -100500.0)


def cell(text: object, style: str = '') -> Text:
    """Return a text for rich without markup or control characters: it may come from an untrusted file."""
    return Text(''.join(letter if letter.isprintable() or letter == '\n' else '�' for letter in str(text)), style=style)


def with_source(fact: Fact | None, form: Callable[..., str | None] = str) -> tuple[str | None, str]:
    """Return (text, source) of a Fact; (None, '') for None."""
    if fact is None:
        return None, ''
    return None if fact.value is None else form(fact.value), fact.source


def number(value: float) -> str:
    """Return a number with few digits, easy to compare."""
    if math.isinf(value):
        return '∞' if value > 0 else '−∞'
    text = f'{value:.4g}' if value == 0 or 1e-3 <= abs(value) < 1e5 else f'{value:.2g}'
    return text.replace('-', '−', 1) if text.startswith('-') else text


def numbers(values: Sequence[float], limits: Sequence[float | None] | None = None, listed: int = 4) -> str:
    """Return all numbers if there are few, else the least and the greatest."""
    if values and len(set(map(number, values))) > 1 and len(values) <= listed:
        return ' '.join(map(number, values))
    least, greatest = limits or ((min(values), max(values)) if values else (None, None))
    if least is None or greatest is None:
        return '?'
    return number(least) if number(least) == number(greatest) else f'{number(least)} … {number(greatest)}'


def bound(value: float) -> str:
    """Return a symmetric bound: ±5, or none."""
    return f'±{number(value)}' if math.isfinite(value) else 'none'


def size(count: int) -> str:
    """Return a number of bytes with its unit."""
    return f'{count / 1e6:.1f} MB' if count >= 1e5 else f'{count:,} bytes'


def path(file: str | Path) -> str:
    """Return a path, abbreviated by ~ below the home folder."""
    file, home = Path(file), Path.home()
    return str(Path('~') / file.relative_to(home)) if file.is_relative_to(home) else str(file)


def pretty_shape(shape: Iterable[int]) -> str:
    """Return 48, or 80×60×3."""
    return '×'.join(map(str, shape)) or '1'


def layers(part: Part) -> str:
    """Return the layers of a CNN or MLP: `256-128-64, elu`."""
    if 'filters' in part:
        widths = f'{part["type"]} of {"-".join(map(str, part["filters"]))} filters'
    else:
        widths = '-'.join(map(str, part['units'])) + (' (D2RL)' if part.get('d2rl') else '')
    return f'{widths}, {part["activation"]}' if 'activation' in part else widths


def inputs_text(parts: Mapping[str, Mapping[str, Part]]) -> str:
    """Return the preprocessor of each key of a dict observation; keys with equal ones share a line."""
    kinds: dict[str, list[str]] = {}
    for name, part in parts.items():
        kinds.setdefault(', '.join(map(layers, part.values())) or 'as it is', []).append(name)
    return '\n'.join(f'{", ".join(names)}: {kind}' for kind, names in kinds.items())


def recurrent(rnn: Part) -> str:
    """Return e.g. `lstm 2×256, before the MLP`."""
    norm = ', layer norm' if rnn['layer_norm'] else ''
    return f'{rnn["kind"]} {rnn["layers"]}×{rnn["units"]}, {"before" if rnn["before_mlp"] else "after"} the MLP{norm}'


def training_text(training: Training | None) -> str | None:
    """Return the progress of training, None where it is not known."""
    if training is None:
        return None
    parts = [] if training.epoch is None else [f'epoch {training.epoch:,}']
    parts += [] if training.frame is None else [f'{training.frame:,} frames']
    parts += [] if training.mean_reward is None else [f'best mean reward {_reward(training.mean_reward)}']
    return ', '.join(parts) or 'the file does not say'


def _reward(reward: float) -> str:
    return 'none yet' if reward in _NO_REWARD else number(reward)


def transformation(term: LayoutTerm) -> str:
    """Return the formula from the raw value to the observation: `(x − 0.5) × 5`."""
    if term.kind != 'field':
        return ''
    inner = 'x − mean' if term.difference_to_mean else 'x'
    if term.offset is None or any(term.offset):
        inner = f'(x − {_factor(term.offset)})'
    if term.clip_range:
        inner = f'clip({inner}, {number(term.clip_range[0])} … {number(term.clip_range[1])})'
    elif math.isfinite(term.clip):
        inner = f'clip({inner}, {bound(term.clip)})'
    if term.scale is None or any(value != 1 for value in term.scale):
        inner = f'({inner})' if inner == 'x − mean' else inner
        inner += f' × {_factor(term.scale)}'
    return '' if inner == 'x' else inner


def _factor(values: Sequence[float] | None) -> str:
    if values is None:
        return '?'
    if len(set(values)) == 1:
        return number(values[0])
    return f'[{", ".join(map(number, values))}]' if len(values) <= 3 else '[one each]'


def action_text(term: LayoutAction) -> str:
    """Return size, kind and law of a slice of the action."""
    return f'{"?" if term.size is None else term.size} numbers, {term.kind}: {term.law}'


def term_text(term: LayoutTerm) -> str:
    """Return the meaning of a term, with its unit, frame, history and joints."""
    parts = [term.description or term.quantity.replace('_', ' ')]
    parts += [term.unit] if term.unit not in ('', '1') else []
    parts += [f'{term.frame} frame'] if term.frame else []
    parts += [f'{term.history} samples, oldest first'] if term.history else []
    parts += [_names(term.joints)]
    return '; '.join(part for part in parts if part)


def _names(joints: Sequence[str]) -> str:
    return f'{joints[0]} … {joints[-1]}' if len(joints) > 2 else ', '.join(joints)
