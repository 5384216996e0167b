# SPDX-License-Identifier: Apache-2.0
"""`rl_policy replay`: whether the recorded policy does the same again, and what another one would have done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import json
from pathlib import Path
import time
from typing import Any, cast, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from rl_policy_node.control.arrays import Array
from rl_policy_node.core import Outcome
from rl_policy_node.core.difference import Difference
from rl_policy_node.core.recording import Event, Step
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.replay_run import ReplayRun
from rl_policy_node.tools.process.to_logging import ToLogging
from rl_policy_node.tools.replay.recorded_configuration import Changes, recorded_configuration, RecordedBag
from rl_policy_node.tools.replay.side_by_side import SideBySide


class Files(NamedTuple):
    """Files to write, '': none. json: the verdict; arrays: .npz of both sides."""

    json: str = ''
    arrays: str = ''


class Verdict(NamedTuple):
    """What a replay showed.

    steps, skipped: numbers of steps that were replayed, and that could not be. differing: number of steps, messages
    and states that differ. first: the first difference. seconds, lasted: s, of the replay, and of what was recorded.
    """

    steps: int
    skipped: int
    messages: int
    differing: int
    first: Difference | None
    seconds: float
    lasted: float

    def __str__(self) -> str:
        speed = f'{self.lasted:.1f} s replayed in {self.seconds:.1f} s'
        lost = f'; {self.skipped} steps follow no state and were skipped' if self.skipped else ''
        if self.first is None:
            return f'{self.steps} steps, all equal bit for bit ({self.messages} published messages too; {speed}){lost}'
        return f'{self.differing} differences in {self.steps} steps ({speed}){lost}. The first: {self.first}'


def replay(bag: RecordedBag, changes: Changes, files: Files, console: Console | None = None) -> bool:
    """Replay a bag, and print the verdict; return whether all is equal, or was changed on purpose.

    Raises ConfigurationError if the bag holds no step that can be replayed.
    """
    console = console or Console(soft_wrap=True)
    recorded = recorded_configuration(bag.metadata, changes)
    for note in recorded.notes:
        console.print(note, highlight=False, markup=False)
    run = ReplayRun(recorded.configuration, ToLogging(), recorded.simulated, exact=not changes, anew=changes.anew)
    both, sides = SideBySide(run.control), _Sides() if files.arrays else None
    verdict = _played(run, _watched(bag.events(), console), both, sides)
    if not verdict.steps:
        raise ConfigurationError('the bag holds no step that can be replayed: none follows a recorded state')
    if sides is not None:
        sides.write(files.arrays)
    if files.json:
        content = {**verdict._asdict(), 'first': verdict.first and str(verdict.first)}
        Path(files.json).write_text(json.dumps({**content, 'side_by_side': both.summary() if changes else None}))
    if not changes:
        console.print(str(verdict), highlight=False, markup=False)
        return verdict.first is None
    _show(both, verdict, console)
    return True


def _played(run: ReplayRun, events: Iterable[Event], both: SideBySide, sides: _Sides | None) -> Verdict:
    began, first, differing = time.monotonic(), None, 0
    times: list[float] = []
    for replayed in run.play(events):
        if replayed.difference is not None:
            first, differing = first or replayed.difference, differing + 1
        event, outcome = replayed.event, replayed.outcome
        if isinstance(event, Step) and event.outcome is not None and event.outcome.stepped and outcome is not None:
            now = event.frame.steady
            times = [times[0] if times else now, now]
            both.add(event.outcome, outcome)
            if sides is not None:
                sides.add(now, event.outcome, outcome)
    lasted = times[1] - times[0] if times else 0.0
    player = run.replayer
    return Verdict(player.steps, player.skipped, run.messages, differing, first, time.monotonic() - began, lasted)


def _watched(events: Iterable[Event], console: Console) -> Iterator[Event]:
    """Yield events, and show how far the replay is."""
    columns = SpinnerColumn(), TextColumn('{task.description}')
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task, steps = progress.add_task('reading'), 0
        for event in events:
            yield event
            if isinstance(event, Step):
                steps += 1
                if steps % 100 == 0:
                    progress.update(task, description=f'{steps} steps replayed')


def _show(both: SideBySide, verdict: Verdict, console: Console) -> None:
    both.show(console)
    others = f'; other robots acted in {both.apart} of them' if both.apart else ''
    console.print(f'{both.steps} steps side by side, as recorded and as changed{others}', highlight=False)
    if verdict.skipped:
        console.print(f'{verdict.skipped} steps follow no state and were skipped', highlight=False)


class _Sides:
    """Keeps actions and commands of both sides, for a file."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Any]] = {}

    def add(self, now: float, recorded: Outcome, replayed: Outcome) -> None:
        """Keep a step. now: s, steady."""
        self._kept.setdefault('time', []).append(now)
        for side, outcome in (('recorded', recorded), ('replayed', replayed)):
            named: dict[str, Array] = {
                f'{name}.{field}': value
                for name, command in outcome.commands.items()
                for field, value in command.items()
            }
            if outcome.actions is not None:
                named['actions'] = outcome.actions
            named['acted'] = outcome.acted
            for name, value in named.items():
                kept = self._kept.setdefault(f'{side}.{name}', [])
                # NaN for the steps in which the policy did not run
                kept += [np.full(value.shape, np.nan)] * (len(self._kept['time']) - 1 - len(kept))
                kept.append(value.copy())

    def write(self, path: str) -> None:
        """Write name → (steps, …) as .npz."""
        steps = len(self._kept['time'])
        filled = {
            name: [*kept, *[np.full(np.shape(kept[-1]), np.nan)] * (steps - len(kept))]
            for name, kept in self._kept.items()
        }
        with open(path, 'wb') as file:
            # numpy's own annotation knows no names of arrays beside its options
            np.savez_compressed(file, **cast(Any, {name: np.stack(kept) for name, kept in filled.items()}))
