# SPDX-License-Identifier: Apache-2.0
"""Classes of the core and of the nodes stay small; files of the package are short and have names of their own."""

import ast

from imports import python_files, ROOT

ROOMS = ('core', 'nodes')
MOST_ATTRIBUTES, MOST_PARAMETERS = 16, 6
MOST_LINES = 300
PACKAGE = python_files(ROOT / 'rl_policy_node')


def classes(rooms=ROOMS):
    """Yield (where, class) of the rooms."""
    for room in rooms:
        for file in python_files(ROOT / 'rl_policy_node' / room):
            for node in ast.walk(ast.parse(file.read_text('utf-8'))):
                if isinstance(node, ast.ClassDef):
                    yield f'{file.relative_to(ROOT)}: {node.name}', node


def attributes(node: ast.ClassDef) -> set[str]:
    """Return the names that instances get: what methods assign to `self`, and fields stated in the class."""
    targets = [
        each
        for child in ast.walk(node)
        if isinstance(child, (ast.Assign, ast.AnnAssign, ast.AugAssign))
        for each in _leaves(child.targets if isinstance(child, ast.Assign) else [child.target])
    ]
    assigned = {
        target.attr
        for target in targets
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == 'self'
    }
    stated = {
        child.target.id
        for child in node.body
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
    }
    return assigned | stated


def _leaves(targets):
    for target in targets:
        if isinstance(target, (ast.Tuple, ast.List)):
            yield from _leaves(target.elts)
        else:
            yield target.value if isinstance(target, ast.Starred) else target


def parameters(node: ast.ClassDef) -> int:
    """Return how many parameters the constructor takes besides self; of a dataclass, its fields without a default."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == '__init__':
            stated = child.args
            return len([*stated.posonlyargs, *stated.args, *stated.kwonlyargs]) - 1
    return 0


def test_classes_have_few_attributes():
    counted = {where: sorted(attributes(node)) for where, node in classes()}
    assert {where: names for where, names in counted.items() if len(names) > MOST_ATTRIBUTES} == {}


def test_constructors_take_few_parameters():
    counted = {where: parameters(node) for where, node in classes()}
    assert {where: count for where, count in counted.items() if count > MOST_PARAMETERS} == {}


def test_files_are_short():
    lines = {str(file.relative_to(ROOT)): len(file.read_text('utf-8').splitlines()) for file in PACKAGE}
    # a simulator's own Python runs this file alone
    del lines['rl_policy_node/sim/worker.py']
    assert {file: count for file, count in lines.items() if count > MOST_LINES} == {}


def test_every_file_has_a_name_of_its_own():
    names = [file.name for file in PACKAGE if file.name != '__init__.py']
    assert {name for name in names if names.count(name) > 1} == set()
    # pytest takes no two test modules of one name in folders that are no packages
    tests = [file.name for file in python_files(ROOT / 'test') if file.name.startswith('test_')]
    assert {name for name in tests if tests.count(name) > 1} == set()


def test_planted_attributes_are_counted():
    source = (
        'class A:\n    b: int = 0\n    def __init__(self, c, *, d=1):\n        self.e, (self.f, *self.g) = c\n'
        '        self.h: int = 1\n        self.h += 1\n        other.i = 2\n        self.e.j = 3\n'
    )
    (node,) = ast.parse(source).body
    assert attributes(node) == {'b', 'e', 'f', 'g', 'h'} and parameters(node) == 2


def test_builders_of_tests_lie_outside_of_test_modules():
    used = [
        f'{file.relative_to(ROOT)}: {node.module}'
        for file in python_files(ROOT / 'test')
        for node in ast.walk(ast.parse(file.read_text('utf-8')))
        if isinstance(node, ast.ImportFrom) and (node.module or '').rpartition('.')[2].startswith('test_')
    ]
    assert used == []
