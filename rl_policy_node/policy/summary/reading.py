# SPDX-License-Identifier: Apache-2.0
"""Read a run's files as far as they fit together, and record the problems of the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
import math
from pathlib import Path
import shlex

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.contract.facts import published_shapes
from rl_policy_node.policy.contract.spaces import Spaces
from rl_policy_node.policy.layouts import complete, Layout
from rl_policy_node.policy.run.files import BEST, NEWEST
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.policy.shared_types import Player


@dataclass(frozen=True)
class Reading:
    """A TrainedRun as far as its parts fit together.

    layout: of the run's environment, with the sizes of the policy. spaces: None where sizes are not known;
    `open_sizes` says which. player: None where it could not be built. problems: why the policy cannot be played.
    layout_problem: why the environment's layout is not used.
    """

    run: TrainedRun
    layout: Layout | None
    layout_problem: str
    spaces: Spaces | None
    open_sizes: str
    player: Player | None
    problems: tuple[str, ...]


def read(run: TrainedRun) -> Reading:
    """Return the Reading of a TrainedRun; see `summarize`."""
    layout, layout_problem = _layout(run)
    spaces, open_sizes = _spaces(run, layout)
    player, problems = _player(run, spaces)
    layout, misfit = _completed(run, layout, spaces)
    return Reading(run, layout, layout_problem or misfit, spaces, open_sizes, player, problems)


def _layout(run: TrainedRun) -> tuple[Layout | None, str]:
    """Return (Layout or None, why not): a fault of the layout must not hide the content of the files."""
    try:
        return run.layout, ''
    except ConfigurationError as error:
        return None, str(error)


def _spaces(run: TrainedRun, layout: Layout | None) -> tuple[Spaces | None, str]:
    facts, weights, (path, why) = run.facts, run.weights, run.checkpoint_choice
    try:
        return run.spaces(None, layout), ''
    except ConfigurationError as error:
        found = [
            (facts.value('observation'), facts.value('action')),
            published_shapes(layout),
            (weights.observation, weights.action) if weights else (None, None),
        ]
        if not _open(one for one, _ in found) and not _open(other for _, other in found):
            raise ConfigurationError(f'{error} (that checkpoint: {why})' if path else str(error)) from error
        return None, str(error)


def _open(values: Iterable[object]) -> bool:
    """Return whether each of these leaves a shape open."""
    return all(value is None or isinstance(value, dict) and None in value.values() for value in values)


def _player(run: TrainedRun, spaces: Spaces | None) -> tuple[Player | None, tuple[str, ...]]:
    """Return (rl_games' player, problems): a policy that cannot be played can still be inspected."""
    from rl_policy_node.policy.rl_games import player as players  # it imports rl_games

    try:
        if spaces is not None:
            return players.trained_player(run, spaces, 'cpu'), ()
        players.check_names(run.config, run.plugins)
    except ConfigurationError as error:
        return None, (str(error),)
    return None, ()


def _completed(run: TrainedRun, layout: Layout | None, spaces: Spaces | None) -> tuple[Layout | None, str]:
    """Return the layout with the sizes of the policy; (None, why) where they contradict it."""
    if layout is None:
        return None, ''
    stated = spaces.inputs if spaces else run.facts.value('observation')
    observation = {
        key: shape for key, shape in (stated if isinstance(stated, dict) else {}).items() if shape is not None
    }
    action = spaces.action if spaces else run.facts.value('action', run.weights and run.weights.action)
    try:
        _check_inputs(layout, spaces)
        return complete(layout, observation, action if isinstance(action, int) else None), ''
    except ConfigurationError as error:
        return None, str(error)


def _check_inputs(layout: Layout, spaces: Spaces | None) -> None:
    if spaces is None:
        return
    if set(spaces.inputs) != set(layout.inputs):
        raise ConfigurationError(
            f'its environment as published observes {", ".join(layout.inputs)}; '
            f'the policy takes {", ".join(spaces.inputs)}'
        )
    for name, shape in layout.shapes.items():
        if shape is not None and math.prod(shape) != math.prod(spaces.inputs[name]):
            raise ConfigurationError(
                f'{name}: its environment as published has {math.prod(shape)} numbers, '
                f'the policy has {math.prod(spaces.inputs[name])}'
            )


def next_command(
    given: str | Path, checkpoint: str | Path | None, overrides: Iterable[str], plugins: Iterable[str] = ()
) -> str:
    """Return the command that writes the parameter file of a run."""
    named = '' if checkpoint in (None, '', BEST, NEWEST) else f' {shlex.quote(str(Path(checkpoint)))}'
    changes = ''.join(f' --override {shlex.quote(str(override))}' for override in overrides)
    changes += ''.join(f' --plugin {shlex.quote(str(plugin))}' for plugin in plugins)
    return f'rl_policy init {shlex.quote(str(given))}{named}{changes} -o robot.yaml'
