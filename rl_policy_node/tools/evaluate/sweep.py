# SPDX-License-Identifier: Apache-2.0
"""Play the same episodes under more and more of an imperfection: what the policy loses, and what the watchdogs do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
import logging
import multiprocessing

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.loading import completed, load_policy
from rl_policy_node.policy import Policy
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
    """The Points of an Axis. budget: None where the policy has nothing to lose at 0; of_return: that of the return."""

    axis: Axis
    points: tuple[Point, ...]
    budget: Budget | None
    of_return: Budget | None


class Sweep:
    """Plays a parameter file at the values of axes, each apart from the others, with a policy that is loaded once.

    settings: of all points, `name=value`. watchdogs: whether to play also with those of the file. jobs: processes that
    play at the same time, 1: this one alone. Raises ConfigurationError where the file cannot be played in lockstep.
    """

    def __init__(self, plan: Plan, settings: Iterable[str], watchdogs: bool = True, jobs: int = 1) -> None:
        if not (plan.policy.control.lockstep and plan.bridge.sim.play.lockstep):
            raise ConfigurationError(
                '--sweep plays in simulated time; leave sim.mode and trigger out of --set, or state lockstep'
            )
        self._plan, self._settings, self._watchdogs, self._jobs = plan, list(settings), watchdogs, jobs
        self._policy: Policy = load_policy(plan.policy)
        self._begin: BackendState = self._policy.state()
        self._known: dict[str, Point] = {}

    @property
    def rate(self) -> float:
        """Steps per second, Hz."""
        return completed(self._plan.policy.control, self._policy.facts, _log.info).rate

    def curve(self, axis: Axis, on_point: Callable[[Point], object] = lambda point: None) -> Curve:
        """Return the Curve of an axis. on_point(point): called with each one that was played."""
        settings = [f'{axis.parameter}={value!r}' if value else '' for value in axis.values]
        missing = [each for each in zip(settings, axis.values) if each[0] not in self._known]
        for (setting, _), point in zip(missing, self._points(missing)):
            self._known[setting] = point
            on_point(point)
        points = tuple(self._known[setting] for setting in settings)
        sides = [point.policy.side for point in points]
        return Curve(axis, points, budget(axis.values, sides), budget(axis.values, sides, 'return'))

    def play(self, setting: str, value: float) -> Point:
        """Return the Point of a value. setting: `name=value`, '' for none."""
        plan, seed = self._plan, self._plan.bridge.sim.environment.seed
        settings = [*self._settings, *filter(None, [setting])]
        made = make_plan(plan.params_file, plan.episodes, plan.rows, seed, settings)
        alone = self._played(made, unwatched(made.policy.control), POLICY)
        watched = self._played(made, watched_control(made), FILE) if self._watchdogs else None
        return Point(value, alone, watched)

    def _points(self, missing: Sequence[tuple[str, float]]) -> Iterator[Point]:
        """Yield the points of (setting, value), in their order, as they are played."""
        if self._jobs == 1 or len(missing) < 2:
            yield from (self.play(*each) for each in missing)
            return
        context = multiprocessing.get_context('spawn')  # torch and rcl do not survive a fork
        arguments = (self._plan, self._settings, self._watchdogs)
        with ProcessPoolExecutor(min(self._jobs, len(missing)), context, _begin_worker, arguments) as pool:
            yield from pool.map(_play_in_worker, *zip(*missing))

    def _played(self, plan: Plan, control: ControlSpec, name: str) -> Played:
        self._policy.restore(self._begin)
        played = play_core(plan, self._policy, control)
        return Played(Side(name, played.columns), played.fallback)


# of a worker process: what plays
_workers: list[Sweep] = []


def _begin_worker(plan: Plan, settings: Iterable[str], watchdogs: bool) -> None:
    _workers.append(Sweep(plan, settings, watchdogs))


def _play_in_worker(setting: str, value: float) -> Point:
    return _workers[0].play(setting, value)
