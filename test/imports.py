# SPDX-License-Identifier: Apache-2.0
"""What Python files import, read from their source: nothing has to be installed, nothing is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python_files(folder: Path) -> list[Path]:
    """Return the Python files below `folder`."""
    return sorted(file for file in folder.rglob('*.py') if '__pycache__' not in file.parts)


def imports(file: Path, root: Path = ROOT) -> Iterator[tuple[int, str]]:
    """Yield the line and the absolute dotted name of everything `file`, below `root`, imports.

    Imports inside functions count, and so does `import_module` with a literal name. `from a import b`
    gives `a.b`: what stands in `b` may be a module.
    """
    package = file.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(file.read_bytes(), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join((*above, *filter(None, [node.module])))
            for alias in node.names:
                yield node.lineno, f'{module}.{alias.name}'
        elif (
            isinstance(node, ast.Call)
            and _name(node.func) in ('import_module', '__import__')
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.lineno, str(node.args[0].value)


def _name(function: ast.expr) -> str:
    return getattr(function, 'attr', getattr(function, 'id', ''))
