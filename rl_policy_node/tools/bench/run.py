# SPDX-License-Identifier: Apache-2.0
"""The whole benchmark: sections one after the other, then JSON, Markdown and plots."""
import contextlib
from dataclasses import dataclass
import importlib
import json
import os
from pathlib import Path
import sys
import tempfile

from rich.console import Console
from rich.progress import Progress
import torch

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.tools.bench.machine import describe
from rl_policy_node.tools.bench.markdown import markdown

# section → whether it needs ROS; each is a module with measure(bench)
SECTIONS = {'step': False, 'latency': True, 'jitter': True, 'robots': True, 'images': True,
            'batch': False, 'start': True}
RESULTS, TABLES = 'results.json', 'results.md'


@dataclass(frozen=True)
class Bench:
    """What every section is told. folder: for files that do not stay; runs: of which medians are taken."""

    folder: Path
    runs: int
    quick: bool
    device: str
    progress: Progress

    @contextlib.contextmanager
    def stage(self, name, steps):
        """Show the way through a section: yields a function to be called with what has just been done."""
        task = self.progress.add_task(name, total=steps)

        def done(what):
            self.progress.update(task, advance=1, description=f'{name}: {what}')
        yield done
        self.progress.update(task, completed=steps, description=name)


def bench(only=(), output='reports/bench', device='cpu', runs=5, quick=False, plots=True):
    """Measure the sections in `only` (all by default) and write what was found into the folder `output`.

    plots: draw them, for which matplotlib is needed; without them JSON and tables are written.
    Raises ConfigurationError for a section or a device that is not there.
    """
    console = Console(file=sys.stdout, soft_wrap=True)
    sections = chosen(only, device)
    if plots:
        drawing()                   # what is missing is said before it is measured for minutes
    output = Path(output)
    found = {'machine': describe(device), 'options': {'runs': runs, 'quick': quick}, 'sections': {}}
    # a bar that is drawn ten times a second would be part of what is measured
    with tempfile.TemporaryDirectory() as folder, exports_in(folder), \
            Progress(console=console, refresh_per_second=1) as progress:
        told = Bench(Path(folder), runs, quick, device, progress)
        for name in sections:
            found['sections'][name] = importlib.import_module(f'{__package__}.{name}').measure(told)
    output.mkdir(parents=True, exist_ok=True)
    (output / RESULTS).write_text(json.dumps(found, indent=1) + '\n')
    render(output / RESULTS, output, plots)
    console.print((output / TABLES).read_text(), markup=False, highlight=False)


@contextlib.contextmanager
def exports_in(folder):
    """Keep exported models in a folder: no benchmark's among the user's, none of yesterday's in a benchmark."""
    before = os.environ.get('XDG_CACHE_HOME')
    os.environ['XDG_CACHE_HOME'] = str(folder)
    try:
        yield
    finally:
        del os.environ['XDG_CACHE_HOME']
        if before is not None:
            os.environ['XDG_CACHE_HOME'] = before


def chosen(only, device):
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
        raise ConfigurationError(f'{", ".join(needing)}: measured through ROS on the CPU only; for {device} there are '
                                 f'{", ".join(name for name in SECTIONS if not SECTIONS[name])}')
    return [name for name in SECTIONS if not SECTIONS[name] and (not only or name in only)]


def render(file, output=None, plots=True):
    """Write tables and, on request, plots of a results.json into a folder, by default beside it; return their paths."""
    file = Path(file)
    output = Path(output) if output else file.parent
    found = json.loads(file.read_text())
    paths = drawing().draw(found, output) if plots else []
    tables = output / TABLES
    tables.write_text(markdown(found, [path.name for path in paths]))
    return [tables, *paths]


def drawing():
    """Return the module that draws; raises ConfigurationError where matplotlib is missing."""
    try:
        return importlib.import_module(f'{__package__}.figures')
    except ImportError as error:
        raise ConfigurationError(f'plots need matplotlib ({error}): pip install rl_policy_node[bench], or --no-plots'
                                 ) from error
