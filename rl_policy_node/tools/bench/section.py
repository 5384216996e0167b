# SPDX-License-Identifier: Apache-2.0
"""The arguments and results of a section of the benchmark."""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rich.progress import Progress

# plain data, as in results.json: a section, a case, the figures of a case
Results: TypeAlias = dict[str, Any]
# called with what has just been done
Done: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """The options of a benchmark, which every section gets. folder: temporary; runs: figures are their medians."""

    folder: Path
    runs: int
    quick: bool
    device: str
    progress: Progress

    @contextlib.contextmanager
    def stage(self, name: str, steps: int) -> Iterator[Done]:
        """Show the progress of a section; yields a function to be called with the name of each finished step."""
        task = self.progress.add_task(name, total=steps)

        def done(what: str) -> None:
            self.progress.update(task, advance=1, description=f'{name}: {what}')

        yield done
        self.progress.update(task, completed=steps, description=name)
