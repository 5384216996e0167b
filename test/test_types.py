# SPDX-License-Identifier: Apache-2.0
"""Types: every function states what it takes and returns; what mypy is told to ignore has a reason."""

import ast
from collections.abc import Iterator
import io
from pathlib import Path
import re
import tokenize

from imports import python_files, ROOT
import pytest

PACKAGE = ROOT / 'rl_policy_node'
# A Python 3.6 reads these: a simulator's own Python hosts them.
OLD = (
    'sim/worker.py',
    'sim/gymnasium.py',
    'sim/isaacgym.py',
    'sim/mujoco_state.py',
    *(f'sim/isaacgym_raw/{name}.py' for name in ('__init__', 'actors', 'pieces', 'targets', 'task_tensors', 'tasks')),
)

MOST_IGNORED = 40
# an error code, then a comment that says why
REASONED = re.compile(r'# type: ignore\[[a-z-]+(, [a-z-]+)*\]  # \w')


def typed_files(package: Path = PACKAGE) -> list[Path]:
    """Return the Python files that state their types: all but the old ones."""
    return [file for file in python_files(package) if file.relative_to(package).as_posix() not in OLD]


def incomplete(source: str) -> Iterator[str]:
    """Yield one line for each function whose signature leaves a type open."""
    tree = ast.parse(source)
    methods = {function for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for function in node.body}
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        parameters = _parameters(node)
        if node in methods and 'staticmethod' not in map(ast.unparse, node.decorator_list):
            parameters = parameters[1:]  # self or cls
        bare = [parameter.arg for parameter in parameters if parameter.annotation is None]
        if bare:
            yield f'{node.lineno}: {node.name} does not type {", ".join(bare)}'
        if node.returns is None:
            yield f'{node.lineno}: {node.name} does not type what it returns'


def open_ended(source: str) -> Iterator[str]:
    """Yield one line for each public function with Any in its signature."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith('_'):
            annotations = [parameter.annotation for parameter in _parameters(node)] + [node.returns]
            names = {
                name.id
                for annotation in annotations
                if annotation is not None
                for name in ast.walk(annotation)
                if isinstance(name, ast.Name)
            }
            if 'Any' in names:
                yield f'{node.lineno}: {node.name} takes or returns Any'


def ignored(source: str) -> list[str]:
    """Return the comments that tell mypy to ignore a line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT and 'type: ignore' in token.string]


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    stated = node.args
    more = [parameter for parameter in (stated.vararg, stated.kwarg) if parameter]
    return [*stated.posonlyargs, *stated.args, *stated.kwonlyargs, *more]


def _found(check) -> list[str]:
    return [f'{file.relative_to(ROOT)}:{line}' for file in typed_files() for line in check(file.read_text('utf-8'))]


def test_every_signature_is_complete():
    assert _found(incomplete) == []


def test_no_public_signature_has_any():
    assert _found(open_ended) == []


def test_what_mypy_ignores_has_a_code_and_a_reason():
    comments = [comment for file in python_files(PACKAGE) for comment in ignored(file.read_text('utf-8'))]
    assert [comment for comment in comments if not REASONED.search(comment)] == []
    assert len(comments) <= MOST_IGNORED


def test_files_without_types_are_there():
    assert all((PACKAGE / room).exists() for room in OLD)


@pytest.mark.parametrize(
    'source, complaint',
    [
        ('def f(a, b: int) -> None: ...', '1: f does not type a'),
        ('def f(a: int): ...', '1: f does not type what it returns'),
        ('def f(*a, b, **c) -> None: ...', '1: f does not type b, a, c'),
        ('class A:\n    def f(self, b) -> None: ...', '2: f does not type b'),
        ('class A:\n    @staticmethod\n    def f(b) -> None: ...', '3: f does not type b'),
        ('def f() -> None:\n    def _g(a) -> None: ...', '2: _g does not type a'),
        ('async def f(a) -> None: ...', '1: f does not type a'),
    ],
)
def test_planted_open_signature_is_noticed(source, complaint):
    assert list(incomplete(source)) == [complaint]


@pytest.mark.parametrize(
    'source',
    [
        'def f(a: int, *b: str, c: float = 0.0, **d: bool) -> int: ...',
        'class A:\n    def f(self) -> None: ...\n    @classmethod\n    def g(cls, a: int) -> None: ...',
        'f = lambda a: a',
    ],
)
def test_complete_signature_passes(source):
    assert list(incomplete(source)) == []


def test_planted_any_is_noticed():
    assert list(open_ended('def f(a: dict[str, Any]) -> None: ...')) == ['1: f takes or returns Any']
    assert list(open_ended('def f() -> list[Any]: ...')) == ['1: f takes or returns Any']
    assert list(open_ended('def _f(a: Any) -> int: ...')) == []


@pytest.mark.parametrize(
    'comment, reasoned',
    [
        ('# type: ignore[arg-type]  # each option has a type of its own', True),
        ('# type: ignore[arg-type, misc]  # likewise', True),
        ('# type: ignore[arg-type]', False),
        ('# type: ignore', False),
        ('# type: ignore  # because', False),
    ],
)
def test_planted_ignore_is_judged(comment, reasoned):
    assert ignored(f'x = f(y)  {comment}\n') == [comment]
    assert bool(REASONED.search(comment)) == reasoned
    assert ignored(f'x = "{comment}"\n') == []
