# SPDX-License-Identifier: Apache-2.0
"""Plug-ins: Python modules of the user that register networks, models or players with rl_games."""

from collections.abc import Callable, Iterable, Iterator
import contextlib
import functools
import hashlib
import importlib
import importlib.util
from pathlib import Path
import sys
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from rl_games.algos_torch import model_builder

from rl_policy_node.errors import ConfigurationError

if TYPE_CHECKING:  # it imports rl_games' players
    from rl_policy_node.policy.rl_games.play_runner import PlayRunner

T = TypeVar('T')


def load_plugins(names: Iterable[str], runner: 'PlayRunner') -> None:
    """Import the plug-ins and let them register their classes; loading one again is harmless.

    names: importable modules (`my_pkg.networks`) or paths of .py files. On import a plug-in may call rl_games'
    `model_builder.register_network` and `register_model`; its `register(runner)`, if it has one, is given the
    PlayRunner, whose `player_factory` takes players. Raises ConfigurationError, in one line, for a module that is
    missing or that fails, and for one that registers a name which is already taken.
    """
    model_builder.ModelBuilder()  # enters the built-in names, which would silently win over a plug-in's
    for name in dict.fromkeys(map(str, names)):
        with _new_names_only(name, runner):
            module = _import(name)
            if hasattr(module, 'register'):
                _run(name, functools.partial(module.register, runner))


def _import(name: str) -> ModuleType:
    if name.endswith('.py'):
        return _run(name, lambda: _import_file(Path(name).resolve()))
    try:
        found = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        found = name in sys.modules
    if not found:
        raise ConfigurationError(
            f"plug-in '{name}': there is no such module; expected one that Python finds, or the path of a .py file"
        )
    return _run(name, lambda: importlib.import_module(name))


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f'{path} is not a file')
    # two files of the same name must not be taken for one another
    name = f'{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}'
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None  # the name ends in .py
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _run(name: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything
        reason = ' '.join(str(error).split())[:300]
        raise ConfigurationError(f"plug-in '{name}': {type(error).__name__}: {reason}") from error


@contextlib.contextmanager
def _new_names_only(plugin: str, runner: 'PlayRunner') -> Iterator[None]:
    """Restore the registries, and forget the plug-in, if it fails or takes a name that is already used."""
    registries = {
        'network': model_builder.NETWORK_REGISTRY,
        'model': model_builder.MODEL_REGISTRY,
        'player': runner.player_factory._builders,
    }
    before, modules = {kind: dict(names) for kind, names in registries.items()}, set(sys.modules)
    try:
        yield
        taken = [
            f"the {kind} '{name}'"
            for kind, names in registries.items()
            for name, builder in names.items()
            if name in before[kind] and _content(builder) != _content(before[kind][name])
        ]
        if taken:
            raise ConfigurationError(
                f"plug-in '{plugin}': registers {', '.join(taken)}, which exists already; "
                'give it another name, in the train config too'
            )
    except ConfigurationError:
        for kind, names in registries.items():
            names.clear()
            names.update(before[kind])
        for name in set(sys.modules) - modules:
            path = getattr(sys.modules[name], '__file__', None) or ''
            if name == plugin or plugin.endswith('.py') and path == str(Path(plugin).resolve()):
                del sys.modules[name]
        raise


def _content(builder: object) -> tuple[object, list[object]]:
    """Return the content that identifies a builder: registering a class again creates a new but equal function."""
    cells = getattr(builder, '__closure__', None) or ()
    return getattr(builder, '__code__', builder), [cell.cell_contents for cell in cells]
