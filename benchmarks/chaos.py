# SPDX-License-Identifier: Apache-2.0
"""What a policy node does when everything around it goes wrong: real processes over DDS, in a domain of their own.

    python benchmarks/chaos.py messages 100000      mutated messages on everything that it listens to
    python benchmarks/chaos.py parameters 2000      calls of its parameter services with random names, types and values
    python benchmarks/chaos.py files 1000           damaged training files, checkpoints and parameter files
    python benchmarks/chaos.py signals 200          signals at random moments: how long until the fallback?
    python benchmarks/chaos.py flood 3600           s of sensors as fast as they go: memory and descriptors

Each ends with 1 where a promise broke, and writes what it saw with --output. `flood --resume` goes on from its file.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
import sys
import tempfile
from typing import Any

from loopback import stay_on_loopback
from rich.console import Console
from rich.progress import Progress

from rl_policy_node.tools.bench.machine import describe
from rl_policy_node.tools.process.processes import private_domain

# command → how many, unless it is said
COMMANDS = {'messages': 100_000, 'parameters': 2000, 'files': 1000, 'signals': 200, 'flood': 3600}


def main() -> None:
    """Run one command, show and write what it found."""
    options, console = _options(), Console(soft_wrap=True)
    command = importlib.import_module(f'chaos_{options.command}')
    with tempfile.TemporaryDirectory() as folder, Progress(console=console) as progress:
        if options.command == 'signals':  # which times the commands
            stay_on_loopback(Path(folder))
        else:
            private_domain()
        found = command.run(options, Path(folder), progress)
    broken = command.broken(found)
    found = {
        'command': options.command,
        'number': options.number,
        'seed': options.seed,
        'broken': broken,
        'machine': describe('cpu'),
        **found,
    }
    show({name: value for name, value in found.items() if name not in ('machine', 'samples')}, console)
    console.print('[red]a promise broke' if broken else '[green]all promises held')
    if options.output:
        Path(options.output).write_text(json.dumps(found, indent=1) + '\n')
    sys.exit(1 if broken else 0)


def show(found: dict[str, Any], console: Console, indent: str = '') -> None:
    """Print a tree of figures, one a line."""
    for name, value in found.items():
        if isinstance(value, dict):
            console.print(f'{indent}{name}', highlight=False, markup=False)
            show(value, console, indent + '  ')
        elif value not in ('', []):
            console.print(f'{indent}{name}: {value}', highlight=False, markup=False)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('command', choices=COMMANDS)
    parser.add_argument('number', nargs='?', type=int, help='how many; flood: s')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--output', help='JSON file for what was seen; flood also samples into it')
    parser.add_argument('--rate', type=float, default=1000.0, help='messages: how many a second')
    parser.add_argument('--resume', action='store_true', help='flood: go on from the samples in --output')
    parser.add_argument('--sample', type=float, default=10.0, help='flood: s between two samples')
    parser.add_argument('--executor', default='events', choices=('events', 'single_threaded'), help="flood: the node's")
    options = parser.parse_args()
    if options.number is None:
        options.number = COMMANDS[options.command]
    if options.resume and not options.output:
        parser.error('--resume needs --output, the file to go on from')
    return options


if __name__ == '__main__':
    main()
