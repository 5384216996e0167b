# SPDX-License-Identifier: Apache-2.0
"""Read YAML files as plain data: tags never run code."""

import contextlib
from pathlib import Path
from typing import Any

from omegaconf._utils import get_yaml_loader
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.shared_types import YamlTree

_TAG = 'tag:yaml.org,2002:python/'
_MOST_BRACKETS = 10_000
"""More may be nested, for which libyaml takes memory with the square of their number."""


def read_yaml(path: str | Path, what: str) -> YamlTree:
    """Return the mapping that a YAML file holds; `what` names the file in errors ('train config').

    Interpolations stay unchanged. A tagged value (Isaac Lab writes Python's tuples, slices and classes) becomes the
    list, mapping or text below the tag.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigurationError(f'{what} {path}: no such file')
    try:
        content = _parsed(path.read_text(encoding='utf-8'))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f'{what} {path}: not a YAML file ({_reason(error)})') from error
    except OSError as error:
        raise ConfigurationError(f'{what} {path}: cannot be read ({error.strerror})') from error
    if content is None:
        raise ConfigurationError(f'{what} {path}: the file is empty')
    if not isinstance(content, dict):
        raise ConfigurationError(f'{what} {path}: expected a mapping of names to values, got {type(content).__name__}')
    return content


def _reason(error: Exception) -> str:
    """Return a parser's error as one line, with the line number in the file."""
    mark, problem = getattr(error, 'problem_mark', None), getattr(error, 'problem', None)
    return f'{problem}, line {mark.line + 1}' if mark and problem else str(error).splitlines()[0]


def _parsed(text: str) -> object:
    """Parse with libyaml, eight times as fast as Python's parser, which words what is wrong for people."""
    fast = getattr(yaml, 'CSafeLoader', None)
    if fast is not None and text.count('[') + text.count('{') < _MOST_BRACKETS:
        with contextlib.suppress(yaml.YAMLError, ValueError):
            return yaml.load(text, Loader=_loader(fast))
    return yaml.load(text, Loader=_loader(yaml.SafeLoader))


def _loader(base: Any) -> Any:
    """Return a loader, safe and YAML 1.2 about numbers (5e-4) as OmegaConf's, which takes tagged values as plain data.

    Of a name that stands twice the last counts, as where rl_games itself reads the file.
    """
    theirs = get_yaml_loader()
    tables = {name: getattr(theirs, name) for name in ('yaml_implicit_resolvers', 'yaml_constructors')}
    loader: Any = type('Loader', (base,), tables)
    for tag in (_TAG, '!'):
        loader.add_multi_constructor(tag, _plain)
    return loader


def _plain(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    # `!!python/name:package.module.Class ''`: the name is all there is
    return loader.construct_scalar(node) or suffix.partition(':')[2]
