#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of the package's shape: types, helpers, options, constructors, lengths, complexity, README.

    make figures
    python scripts/figures.py [--beside CHECKOUT] [--list FIGURE]

--beside: the same of another checkout, side by side. --list: what counts towards a figure, one line each.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Iterator
import json
from pathlib import Path
import statistics
import subprocess
import sys
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# figure → what it is to be at the most (typed: at the least)
LIMITS = {
    'public functions typed, %': 100,
    'helpers with one caller, % of functions': 10,
    'public functions used in their own file alone': 0,
    'fields of an option class, most': 15,
    'constructor parameters, most': 6,
    'lines of a function, 90 %': 20,
    'functions of complexity 10 and more': 60,
    'words of the README': 900,
}
# A Python 3.6 reads these: a simulator's own Python hosts them.
OLD = (
    'sim/worker.py',
    'sim/gymnasium.py',
    'sim/isaacgym.py',
    'sim/mujoco_state.py',
    *(f'sim/isaacgym_raw/{name}.py' for name in ('__init__', 'actors', 'pieces', 'targets', 'task_tensors', 'tasks')),
)
# Rooms that are right as they are: one file, one idea.
EXEMPT = ('adapters/', 'sim/insertion/', 'sim/worker.py', 'policy/backends/passes.py')
OPTIONS = ('Spec', 'Options')
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Found(NamedTuple):
    """A figure, and what counts towards it."""

    value: float
    places: list[str]


class Package:
    """The parsed files of a checkout's package."""

    def __init__(self, root: Path) -> None:
        self.root, package = root, root / 'rl_policy_node'
        self.trees = {
            file.relative_to(package).as_posix(): ast.parse(file.read_text('utf-8'))
            for file in sorted(package.rglob('*.py'))
        }
        self.mentions = {file: Counter(_mentions(tree)) for file, tree in self.trees.items()}
        self.everywhere = sum(self.mentions.values(), Counter[str]())

    def functions(self) -> Iterator[tuple[str, Function, bool]]:
        """Yield (file, function, whether it is a method)."""
        for file, tree in self.trees.items():
            methods = {child for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for child in node.body}
            for node in ast.walk(tree):
                if isinstance(node, Function):
                    yield file, node, node in methods

    def classes(self) -> Iterator[tuple[str, ast.ClassDef]]:
        """Yield (file, class)."""
        for file, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    yield file, node


def figures(root: Path) -> dict[str, Found]:
    """Return figure → what was found in a checkout."""
    package = Package(root)
    found = (
        typed(package),
        helpers(package),
        alone(package),
        fields(package),
        constructors(package),
        lines(package),
        complex_ones(root),
        readme(root),
    )
    return dict(zip(LIMITS, found, strict=True))


def typed(package: Package) -> Found:
    """Share of the public functions whose signature is complete."""
    public = [
        (file, node, method)
        for file, node, method in package.functions()
        if not node.name.startswith('_') and file not in OLD
    ]
    open_ones = [_place(file, node) for file, node, method in public if not _complete(node, method)]
    return Found(100 * (1 - len(open_ones) / len(public)), open_ones)


def helpers(package: Package) -> Found:
    """Private functions that are mentioned in one place only, as a share of all functions."""
    functions = list(package.functions())
    once = [_place(file, node) for file, node, _ in functions if _private(node) and package.everywhere[node.name] == 1]
    return Found(100 * len(once) / len(functions), once)


def alone(package: Package) -> Found:
    """Public functions of a module that only this module mentions."""
    found = []
    for file, tree in package.trees.items():
        if file.startswith(EXEMPT):
            continue
        here = package.mentions[file]
        found += [
            _place(file, node)
            for node in tree.body
            if isinstance(node, Function)
            and not node.name.startswith('_')
            and node.name != 'main'
            and 0 < here[node.name] == package.everywhere[node.name]
        ]
    return Found(len(found), found)


def fields(package: Package) -> Found:
    """Fields of the classes that hold options, those of their base classes included."""
    known = {node.name: node for _, node in package.classes()}

    def named(node: ast.ClassDef) -> set[str]:
        own = {ast.unparse(child.target) for child in node.body if isinstance(child, ast.AnnAssign)}
        bases = (known[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in known)
        return own.union(*map(named, bases))

    counted = {
        f'{file}: {node.name}': len(named(node)) for file, node in package.classes() if node.name.endswith(OPTIONS)
    }
    return _most(counted)


def constructors(package: Package) -> Found:
    """Parameters of constructors."""
    counted = {}
    for file, node in package.classes():
        for child in node.body:
            if isinstance(child, ast.FunctionDef) and child.name == '__init__':
                counted[f'{file}: {node.name}'] = len(_parameters(child)) - 1
    return _most(counted)


def lines(package: Package) -> Found:
    """Lines of functions: nine of ten have no more."""
    counted = {
        _place(file, node): (node.end_lineno or node.lineno) - node.lineno + 1 for file, node, _ in package.functions()
    }
    return Found(statistics.quantiles(counted.values(), n=10)[-1], _most(counted).places)


def complex_ones(root: Path) -> Found:
    """Functions that ruff (C901) counts a cyclomatic complexity of 10 or more for."""
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'ruff',
            'check',
            '--isolated',
            '--select',
            'C901',
            '--config',
            'lint.mccabe.max-complexity=9',
            '--output-format',
            'json',
            '--exit-zero',
            root / 'rl_policy_node',
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    found = [
        f'{Path(each["filename"]).relative_to(root / "rl_policy_node")}:{each["location"]["row"]}: {each["message"]}'
        for each in json.loads(done.stdout)
    ]
    return Found(len(found), found)


def readme(root: Path) -> Found:
    """Words of the README."""
    return Found(len((root / 'README.md').read_text('utf-8').split()), [])


def _mentions(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def _parameters(node: Function) -> list[ast.arg]:
    stated = node.args
    return [
        *stated.posonlyargs,
        *stated.args,
        *stated.kwonlyargs,
        *(each for each in (stated.vararg, stated.kwarg) if each),
    ]


def _complete(node: Function, method: bool) -> bool:
    static = any(ast.unparse(each) == 'staticmethod' for each in node.decorator_list)
    parameters = _parameters(node)[1 if method and not static else 0 :]
    return node.returns is not None and all(each.annotation is not None for each in parameters)


def _private(node: Function) -> bool:
    return node.name.startswith('_') and not node.name.startswith('__')


def _place(file: str, node: Function) -> str:
    return f'{file}:{node.lineno}: {node.name}'


def _most(counted: dict[str, int]) -> Found:
    ordered = sorted(counted.items(), key=lambda each: -each[1])
    return Found(ordered[0][1], [f'{count:4} {place}' for place, count in ordered[:30]])


def main() -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--beside', type=Path, metavar='CHECKOUT', help='another checkout, side by side')
    parser.add_argument('--list', metavar='FIGURE', help='print what counts towards a figure (part of its name)')
    options = parser.parse_args()
    now = figures(ROOT)
    if options.list:
        for name, found in now.items():
            if options.list in name:
                print(*found.places, sep='\n')
        return 0
    before = figures(options.beside.resolve()) if options.beside else {}
    kept = True
    print(f'{"":48}{"before":>8}' if before else f'{"":48}', f'{"now":>8}{"limit":>8}')
    for name, limit in LIMITS.items():
        value = now[name].value
        within = value >= limit if limit == 100 else value <= limit
        kept = kept and within
        past = f'{before[name].value:8.4g}' if before else ''
        print(f'{name:48}{past} {value:8.4g}{limit:8}{"" if within else "  !"}')
    return int(not kept)


if __name__ == '__main__':
    sys.exit(main())
