# SPDX-License-Identifier: Apache-2.0
"""Templates: what a data file says of an environment, filled in from a run's own task config.

Four rules, and no more: `${env.some.value}` is the run's value, a mapping with `select` becomes the case
that the run chose, one with `product` the product of its factors (by `over`), number by number, and a list
within a list becomes part of it.
"""

import math
import re
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.shared_types import YamlTree

_VALUE = re.compile(r'\$\{[^{}]*\}')


class Template:
    """Fills plain YAML from `config`, the task half of a run's config as a plain dict."""

    def __init__(self, config: YamlTree, where: str) -> None:
        self._config, self._where = OmegaConf.create(dict(config)), where

    def fill(self, node: object) -> object:
        """Return `node` filled; a value that the run lacks is None, and so is a list that holds one.

        Raises ConfigurationError where a `select` without default finds nothing, or no case for it.
        """
        if isinstance(node, dict) and 'product' in node:
            return self._product(node)
        if isinstance(node, dict):
            return self.fill(self._choose(node)) if 'select' in node else {k: self.fill(v) for k, v in node.items()}
        if isinstance(node, list):
            return self._splice(node)
        return self._text(node) if isinstance(node, str) and '${' in node else node

    def get(self, path: str, default: object = None) -> object:
        """Return the run's value at a dotted path as plain Python, or `default`."""
        value = OmegaConf.select(self._config, path, throw_on_resolution_failure=False)
        if value is None:
            return default
        return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value

    def _choose(self, node: YamlTree) -> object:
        chosen = self.get(node['select'])
        if chosen is None and 'default' not in node:
            raise ConfigurationError(
                f"{self._where}: the run's config has no '{node['select']}', which decides "
                f'what the observation is; valid: {sorted(map(str, node["cases"]))}'
            )
        cases = {str(case).lower(): value for case, value in node['cases'].items()}
        if str(chosen).lower() in cases:
            return cases[str(chosen).lower()]
        if 'default' in node:
            return node['default']
        raise unknown(node['select'], chosen, node['cases'], self._where)

    def _product(self, node: YamlTree) -> list[float] | None:
        factors: list[Any] = [self.fill(factor) for factor in node['product']]
        over: Any = self.fill(node.get('over', 1.0))
        if over is None or None in factors:
            return None
        lists = [factor if isinstance(factor, list) else [factor] for factor in factors]
        size = max(map(len, lists))
        columns = zip(*(numbers * size if len(numbers) == 1 else numbers for numbers in lists))
        # to 12 digits: the product of 0.1 and 0.2 is meant to be 0.02
        return [float(f'{math.prod(map(float, column)) / float(over):.12g}') for column in columns]

    def _splice(self, node: list[object]) -> list[object] | None:
        filled: list[object] = []
        for item in map(self.fill, node):
            filled.extend(item if isinstance(item, list) else [item])
        # one number missing: the rest without it would be a guess
        return None if None in filled else filled

    def _text(self, text: str) -> object:
        whole = _VALUE.fullmatch(text) is not None
        try:
            value = OmegaConf.create({'value': text}, parent=self._config).value
        except OmegaConfBaseException:
            return None if whole else text
        return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
