# SPDX-License-Identifier: Apache-2.0
"""Read a run's files as far as they fit together, and record what prevents the rest."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import math
from pathlib import Path
import shlex

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.checkpoint.checkpoint import Checkpoint, load_checkpoint
from rl_policy_node.policy.checkpoint.weights import read_spaces, WeightsSpaces
from rl_policy_node.policy.contract.agreement import agree, joined_keys
from rl_policy_node.policy.contract.facts import Facts, layout_of, published_shapes, read_facts
from rl_policy_node.policy.contract.spaces import Spaces
from rl_policy_node.policy.layouts import complete, Layout
from rl_policy_node.policy.rl_games import player as players
from rl_policy_node.policy.run import ignored_keys
from rl_policy_node.policy.run.files import BEST, NEWEST
from rl_policy_node.policy.run.train_config import locate_checkpoint, TrainConfig
from rl_policy_node.policy.shared_types import Player


@dataclass(frozen=True)
class Reading:
    """Everything that could be read. given: what the user named.

    spaces: None where sizes are not known; `open_sizes` says which. player: None where it could not be built.
    problems: why the policy cannot be played. layout_problem: why the environment's layout is not used. ignored: names
    of keys that change the play and that the installed rl_games does not read.
    """

    given: str
    config: TrainConfig
    checkpoint: Checkpoint | None
    checkpoint_why: str
    facts: Facts
    weights: WeightsSpaces | None
    layout: Layout | None
    layout_problem: str
    spaces: Spaces | None
    open_sizes: str
    player: Player | None
    problems: tuple[str, ...]
    ignored: tuple[str, ...] = ()


def read(given: str | Path, checkpoint: str | Path | None = None, overrides: Sequence[str] = (),
         plugins: Sequence[str] = (), allow_untrusted_pickle: str = '') -> Reading:
    """Return the Reading of a run directory or a configuration file; see `summarize`."""
    config = TrainConfig.read(given, overrides)
    path, why = _locate(config, checkpoint)
    loaded = load_checkpoint(path, allow_untrusted_pickle=allow_untrusted_pickle) if path else None
    facts, weights = read_facts(config), read_spaces(loaded.model) if loaded else None
    layout, layout_problem = _layout(config)
    spaces, open_sizes = _spaces(facts, weights, layout, f' (checkpoint {path}: {why})' if path else '')
    player, problems = _player(config, spaces, loaded, plugins)
    layout, misfit = _completed(layout, facts, weights, spaces)
    return Reading(str(given), config, loaded, why, facts, weights, layout, layout_problem or misfit, spaces,
                   open_sizes, player, problems, ignored_keys.ignored_keys(config.params, plugins))


def _locate(config: TrainConfig, wanted: str | Path | None) -> tuple[Path | None, str]:
    """Return (path, why); (None, why) where the user named none and the run has none."""
    try:
        return locate_checkpoint(config, wanted or '')
    except ConfigurationError as error:
        if wanted:
            raise
        return None, str(error)


def _layout(config: TrainConfig) -> tuple[Layout | None, str]:
    """Return (Layout or None, why not): what is known of environments must not hide what the files say."""
    try:
        return layout_of(config), ''
    except ConfigurationError as error:
        return None, str(error)


def _spaces(facts: Facts, weights: WeightsSpaces | None, layout: Layout | None,
            where: str) -> tuple[Spaces | None, str]:
    guess = published_shapes(layout)
    try:
        return agree(None, facts, weights, guess), ''
    except ConfigurationError as error:
        found = [(facts.value('observation'), facts.value('action')), guess,
                 (weights.observation, weights.action) if weights else (None, None)]
        if not _open(one for one, _ in found) and not _open(other for _, other in found):
            raise ConfigurationError(f'{error}{where}') from error
        return None, str(error)


def _open(values: Iterable[object]) -> bool:
    """Return whether each of these leaves a shape open."""
    return all(value is None or isinstance(value, dict) and None in value.values() for value in values)


def _player(config: TrainConfig, spaces: Spaces | None, checkpoint: Checkpoint | None,
            plugins: Sequence[str]) -> tuple[Player | None, tuple[str, ...]]:
    """Return (rl_games' player, problems): what cannot be played can still be looked at."""
    try:
        if spaces is None:
            players.check_names(config, plugins)
            return None, ()
        taken = spaces.joined() if joined_keys(config.params['network'], spaces) else spaces
        player = players.create_player(config, taken, 'cpu', plugins)
        if checkpoint is not None:
            players.restore(player, checkpoint)
    except ConfigurationError as error:
        return None, (str(error),)
    return player, ()


def _completed(layout: Layout | None, facts: Facts, weights: WeightsSpaces | None,
               spaces: Spaces | None) -> tuple[Layout | None, str]:
    """Return the layout with the sizes of the policy; (None, why) where they contradict it."""
    if layout is None:
        return None, ''
    stated = spaces.inputs if spaces else facts.value('observation')
    observation = {key: shape for key, shape in (stated if isinstance(stated, dict) else {}).items()
                   if shape is not None}
    action = spaces.action if spaces else facts.value('action', weights and weights.action)
    try:
        _check_inputs(layout, spaces)
        return complete(layout, observation, action if isinstance(action, int) else None), ''
    except ConfigurationError as error:
        return None, str(error)


def _check_inputs(layout: Layout, spaces: Spaces | None) -> None:
    if spaces is None:
        return
    if set(spaces.inputs) != set(layout.inputs):
        raise ConfigurationError(f'its environment as published observes {", ".join(layout.inputs)}; '
                                 f'the policy takes {", ".join(spaces.inputs)}')
    for name, shape in layout.shapes.items():
        if shape is not None and math.prod(shape) != math.prod(spaces.inputs[name]):
            raise ConfigurationError(f'{name}: its environment as published has {math.prod(shape)} numbers, '
                                     f'the policy has {math.prod(spaces.inputs[name])}')


def next_command(given: str | Path, checkpoint: str | Path | None, overrides: Iterable[str],
                 plugins: Iterable[str] = ()) -> str:
    """Return the command that writes the parameter file of a run."""
    named = '' if checkpoint in (None, '', BEST, NEWEST) else f' {shlex.quote(str(Path(checkpoint)))}'
    changes = ''.join(f' --override {shlex.quote(str(override))}' for override in overrides)
    changes += ''.join(f' --plugin {shlex.quote(str(plugin))}' for plugin in plugins)
    return f'rl_policy init {shlex.quote(str(given))}{named}{changes} -o robot.yaml'
