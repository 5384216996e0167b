# SPDX-License-Identifier: Apache-2.0
"""What a bare machine lacks, as wheels: downloaded here, installed there. Needs the standard library and pip only."""

import contextlib
from pathlib import Path
import re
import subprocess
import sys
import tempfile

LIST = Path(__file__).with_name('wheels.txt')
LIMIT = 64.0  # MiB, of the tree and the wheels together
PLATFORMS = ('manylinux_2_28_x86_64', 'manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64')
PYTHON = '3.12'
SOURCE_ONLY = {'antlr4-python3-runtime'}  # no wheel is published; built from source it is pure Python
PIP = [sys.executable, '-m', 'pip', '--disable-pip-version-check']


class Problem(Exception):
    """Something that keeps the check from beginning, in one line."""


def wanted():
    """Return name → requirement of what is carried, as LIST says."""
    lines = (line.partition('#')[0].strip() for line in LIST.read_text().splitlines())
    return {line.partition('==')[0].lower(): line for line in lines if line}


def pack(root, folder):
    """Download all wheels into a folder and print what they and the tree at `root` weigh; return an exit code."""
    requirements = wanted()
    published = [line for name, line in requirements.items() if name not in SOURCE_ONLY]
    platforms = [word for platform in PLATFORMS for word in ('--platform', platform)]
    _pip(
        'download',
        '--quiet',
        '--no-deps',
        '--only-binary=:all:',
        '--python-version',
        PYTHON,
        '--implementation',
        'cp',
        *platforms,
        '--dest',
        folder,
        *published,
    )
    _pip('wheel', '--quiet', '--no-deps', '--wheel-dir', folder, *(requirements[name] for name in SOURCE_ONLY))
    check(folder)
    return weigh(root, folder)


def check(folder):
    """Raise Problem unless the folder holds one wheel of each package that is wanted, and no other."""
    found = [_name(path) for path in sorted(Path(folder).glob('*.whl'))]
    lacking, needless = sorted(set(wanted()) - set(found)), sorted(set(found) - set(wanted()))
    double = sorted({name for name in found if found.count(name) > 1})
    problems = [
        f'{what} {", ".join(names)}'
        for what, names in (('lacks', lacking), ('also holds', needless), ('holds several versions of', double))
        if names
    ]
    if problems:
        raise Problem(f'{folder} {"; ".join(problems)}; scripts/gpu_check --pack fills an empty folder')


def weigh(root, folder, limit=LIMIT):
    """Print the sizes of the tree and of the wheels; return 0 where they are below the limit (MiB), else 1."""
    listed = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        cwd=root,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    files = [Path(root, name) for name in filter(None, listed.split('\0'))]
    carried = sorted(Path(folder).glob('*.whl'))
    tree = _mib(file for file in files if file.is_file() and Path(folder).resolve() not in file.resolve().parents)
    weight = _mib(carried)
    print(f'tree {tree:.1f} MiB, {len(carried)} wheels {weight:.1f} MiB, together {tree + weight:.1f} of {limit:g} MiB')
    return 0 if tree + weight < limit else 1


@contextlib.contextmanager
def installed(folder):
    """Yield a temporary folder for PYTHONPATH that the wheels are installed in; raises Problem for what is missing.

    pip asks no network and resolves nothing: torch and numpy stay the machine's own.
    """
    check(folder)
    with tempfile.TemporaryDirectory(prefix='gpu_check_') as site:
        _pip(
            'install',
            '--quiet',
            '--no-index',
            '--no-deps',
            '--no-compile',
            '--no-cache-dir',
            '--target',
            site,
            *sorted(Path(folder).glob('*.whl')),
        )
        yield site


def _pip(*arguments):
    done = subprocess.run([*PIP, *map(str, arguments)], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith('ERROR')] or done.stderr.splitlines()
        raise Problem(f'pip {arguments[0]} failed: {" ".join(lines)[:500]}')


def _name(path):
    return re.sub('[-_.]+', '-', path.name.partition('-')[0]).lower()


def _mib(files):
    return sum(file.stat().st_size for file in files) / 2**20
