# SPDX-License-Identifier: Apache-2.0
"""Writes a latency budget into a parameter file, and changes nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping
import math
from pathlib import Path
import re
import shutil

import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parameter_files import content
from rl_policy_node.tools.evaluate.budget import Budget

NAME = 'latency_budget'
_STATED = re.compile(rf'^( *){NAME}:.*$', re.MULTILINE)
# after which line the parameter stands, where the file does not state it yet
_RATE = re.compile(r'^( +)control_rate:.*\n', re.MULTILINE)
_FIRST = re.compile(r'^ *ros__parameters: *(?:#.*)?\n( +)(?=\S)', re.MULTILINE)


def write_budget(file: Path, found: Budget, words: str) -> str:
    """State a budget, and in a comment what it is, in a parameter file; return what was done, in one line.

    The greatest value that was played counts where the policy bears more. Raises ConfigurationError, and leaves the
    file as it was, where its form does not allow it.
    """
    value = math.floor(1e3 * min(found.value, found.most)) / 1e3
    line = f'{NAME}: {value:g}'.ljust(32) + f'# s, {words}'
    text, before = file.read_text(encoding='utf-8'), dict(content(str(file)))
    stated = NAME in before
    changed = _STATED.sub(lambda match: match[1] + line, text) if stated else _inserted(text, line)
    beside = file.with_name(f'.{file.name}.new')
    try:
        beside.write_text(changed, encoding='utf-8')
        if not _states(beside, {**before, NAME: value}):
            raise ConfigurationError(f'{file} has no place for the budget; add below ros__parameters {NAME}: {value:g}')
        shutil.copymode(file, beside)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return f'{file}: {NAME} {value:g} s'


def _states(file: Path, wanted: Mapping[str, object]) -> bool:
    """Return whether a file states these parameters, and no others."""
    try:
        return dict(content(str(file))) == wanted
    except yaml.YAMLError:
        return False


def _inserted(text: str, line: str) -> str:
    """Return a text with another line below control_rate, else as the first parameter; the text if it has neither."""
    rate, first = _RATE.search(text), _FIRST.search(text)
    if rate:
        return f'{text[: rate.end()]}{rate[1]}{line}\n{text[rate.end() :]}'
    return f'{text[: first.start(1)]}{first[1]}{line}\n{text[first.start(1) :]}' if first else text
