# SPDX-License-Identifier: Apache-2.0
"""The whole benchmark: sections one after the other, then JSON, Markdown and plots."""

from collections.abc import Collection, Iterator
import contextlib
import importlib
import json
import os
from pathlib import Path
import sys
import tempfile
from types import ModuleType

from rich.console import Console
from rich.progress import Progress
import torch

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.tools.bench.machine import describe
from rl_policy_node.tools.bench.markdown import markdown
from rl_policy_node.tools.bench.section import Bench, Results

# section → whether it needs ROS; each is a module with measure(bench)
SECTIONS = {
    'step': False,
    'latency': True,
    'jitter': True,
    'robots': True,
    'images': True,
    'batch': False,
    'start': True,
}
RESULTS, TABLES = 'results.json', 'results.md'


def bench(
    only: Collection[str] = (),
    output: str | Path = 'reports/bench',
    device: str = 'cpu',
    runs: int = 5,
    quick: bool = False,
    plots: bool = True,
) -> None:
    """Measure the sections in `only` (all by default) and write the results into the folder `output`.

    plots: draw them, which needs matplotlib; without them JSON and tables are written.
    Raises ConfigurationError for an unknown section and for a device that is missing.
    """
    console = Console(file=sys.stdout, soft_wrap=True)
    sections = chosen(only, device)
    if plots:
        _drawing()  # raises now, not after minutes of measuring
    output = Path(output)
    found: Results = {'machine': describe(device), 'options': {'runs': runs, 'quick': quick}, 'sections': {}}
    # a bar drawn ten times a second would disturb the measurement
    with (
        tempfile.TemporaryDirectory() as folder,
        _exports_in(folder),
        Progress(console=console, refresh_per_second=1) as progress,
    ):
        options = Bench(Path(folder), runs, quick, device, progress)
        for name in sections:
            found['sections'][name] = importlib.import_module(f'{__package__}.{name}').measure(options)
    output.mkdir(parents=True, exist_ok=True)
    (output / RESULTS).write_text(json.dumps(found, indent=1) + '\n')
    render(output / RESULTS, output, plots)
    console.print((output / TABLES).read_text(), markup=False, highlight=False)


@contextlib.contextmanager
def _exports_in(folder: str) -> Iterator[None]:
    """Keep exported models in a folder: apart from the user's, and new in every run."""
    before = os.environ.get('XDG_CACHE_HOME')
    os.environ['XDG_CACHE_HOME'] = folder
    try:
        yield
    finally:
        del os.environ['XDG_CACHE_HOME']
        if before is not None:
            os.environ['XDG_CACHE_HOME'] = before


def chosen(only: Collection[str], device: str) -> list[str]:
    """Return the sections to be measured, in their own order."""
    for name in only:
        if name not in SECTIONS:
            raise unknown('section', name, SECTIONS, '--only')
    if not device.startswith('cuda'):
        if device != 'cpu':
            raise ConfigurationError(f"device '{device}'; valid: cpu, cuda, cuda:0, …")
        return [name for name in SECTIONS if not only or name in only]
    if not torch.cuda.is_available():
        raise ConfigurationError(f"device '{device}': this torch sees no CUDA device; valid: cpu")
    needing = [name for name in only if SECTIONS[name]]
    if needing:
        raise ConfigurationError(
            f'{", ".join(needing)}: measured through ROS on the CPU only; for {device} there are '
            f'{", ".join(name for name in SECTIONS if not SECTIONS[name])}'
        )
    return [name for name in SECTIONS if not SECTIONS[name] and (not only or name in only)]


def render(file: str | Path, output: str | Path | None = None, plots: bool = True) -> list[Path]:
    """Write tables and, on request, plots of a results.json into a folder, by default beside it; return their paths."""
    file = Path(file)
    output = Path(output) if output else file.parent
    found = json.loads(file.read_text())
    paths: list[Path] = _drawing().draw(found, output) if plots else []
    tables = output / TABLES
    tables.write_text(markdown(found, [path.name for path in paths]))
    return [tables, *paths]


def _drawing() -> ModuleType:
    """Return the module that draws; raises ConfigurationError where matplotlib is missing."""
    try:
        return importlib.import_module(f'{__package__}.figures')
    except ImportError as error:
        raise ConfigurationError(
            f'plots need matplotlib ({error}): pip install rl_policy_node[bench], or --no-plots'
        ) from error
