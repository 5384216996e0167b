# SPDX-License-Identifier: Apache-2.0
"""Changes to a parameter file from the command line: named settings, and the number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import re

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.conversion import Value
from rl_policy_node.tools.process.processes import Text

_BY_ROWS = re.compile(r'(sources|actions)\.[^.]+\.rows')


def named_settings(settings: Iterable[str], own: Mapping[str, str | None], who: str) -> dict[str, Text]:
    """Return name → value of --set NAME=VALUE; raises ConfigurationError for another form.

    own: parameters that the command sets itself → the option to use instead, if any. who: the command, for errors.
    """
    named = {}
    for setting in settings:
        name, equals, value = setting.partition('=')
        if not equals or not name:
            raise ConfigurationError(f"--set '{setting}'; expected name=value, such as sim.latency=0.05")
        if name in own:
            hint = f'; use {own[name]}' if own[name] else ''
            raise ConfigurationError(f'--set {name}: {who} sets it by itself{hint}')
        named[name] = Text(value)
    return named


def rows_setting(values: Mapping[str, Value], count: int) -> dict[str, Value]:
    """Return the override for `count` rows: robots, named in the style of the file, or the number of rows."""
    if values.get('rows') or any(value is True and _BY_ROWS.fullmatch(name) for name, value in values.items()):
        return {'rows': count}
    robots = values.get('robots')
    names = list(map(str, robots)) if isinstance(robots, (list, tuple)) else ['']
    if count > len(names):
        stem = re.sub(r'\d+$', '', names[0]) or 'robot_'
        names = [f'{stem}{row}' for row in range(count)]
    return {'robots': names[:count]}
