# SPDX-License-Identifier: Apache-2.0
"""Play the same episodes under more and more of an imperfection: what the policy loses, and what the watchdogs do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import functools
import logging

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.loading import completed, load_policy
from rl_policy_node.policy import Policy, set_threads
from rl_policy_node.policy.shared_types import BackendState
from rl_policy_node.tools.evaluate.budget import Budget, budget
from rl_policy_node.tools.evaluate.compare import Side
from rl_policy_node.tools.evaluate.core_play import play_core
from rl_policy_node.tools.evaluate.sides import make_plan, Plan
from rl_policy_node.tools.evaluate.sweep_axis import Axis
from rl_policy_node.tools.evaluate.sweep_controls import unwatched, watched_control

POLICY, FILE = 'policy alone', 'with watchdogs'
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Played:
    """Episodes of one value. fallback: share of the steps of all rows in which a row was on its fallback."""

    side: Side
    fallback: float


@dataclass(frozen=True)
class Point:
    """What was played at one value: by the policy, whatever the age of its data, and with the file's own watchdogs."""

    value: float
    policy: Played
    file: Played | None


@dataclass(frozen=True)
class Curve:
    """The Points of an Axis. budget: None where the policy has nothing to lose at 0."""

    axis: Axis
    points: tuple[Point, ...]
    budget: Budget | None


class Sweep:
    """Plays a parameter file at the values of axes, each apart from the others, with a policy that is loaded once.

    settings: of all points, `name=value`. watchdogs: whether to play also with those of the file. Raises
    ConfigurationError where the file cannot be played in lockstep.
    """

    def __init__(self, plan: Plan, settings: Iterable[str], watchdogs: bool = True) -> None:
        if not (plan.policy.control.lockstep and plan.bridge.sim.play.lockstep):
            raise ConfigurationError(
                '--sweep plays in simulated time; leave sim.mode and trigger out of --set, or state lockstep'
            )
        self._plan, self._settings, self._watchdogs = plan, list(settings), watchdogs
        self.episodes = plan.episodes
        set_threads(plan.policy.policy.computing.threads)
        self.policy: Policy = load_policy(plan.policy)
        self._begin: BackendState = self.policy.state()
        self._known: dict[tuple[str, ...], Point] = {}

    @property
    def rate(self) -> float:
        """Steps per second, Hz."""
        return completed(self._plan.policy.control, self.policy.facts, _log.info).rate

    def curve(self, axis: Axis, on_episode: Callable[[float, int], object] = lambda value, ended: None) -> Curve:
        """Return the Curve of an axis. on_episode(value, ended): called as episodes end, with their number."""
        points = tuple(self._point(axis, value, functools.partial(on_episode, value)) for value in axis.values)
        return Curve(axis, points, budget(axis.values, [point.policy.side for point in points]))

    def _point(self, axis: Axis, value: float, on_episode: Callable[[int], object]) -> Point:
        setting = (f'{axis.parameter}={value!r}',) if value else ()
        if setting not in self._known:
            plan = self._plan
            made = make_plan(
                plan.params_file,
                plan.episodes,
                plan.rows,
                plan.bridge.sim.environment.seed,
                [*self._settings, *setting],
            )
            alone = self._play(made, unwatched(made.policy.control), POLICY, on_episode)
            watched = self._play(made, watched_control(made), FILE, on_episode) if self._watchdogs else None
            self._known[setting] = Point(value, alone, watched)
        return self._known[setting]

    def _play(self, plan: Plan, control: ControlSpec, name: str, on_episode: Callable[[int], object]) -> Played:
        self.policy.restore(self._begin)
        played = play_core(plan, self.policy, control, on_episode)
        return Played(Side(name, played.columns), played.fallback)
