# SPDX-License-Identifier: Apache-2.0
"""Keys of a train config that change how a policy plays, and that the installed rl_games does not read.

Newer versions and forks of rl_games add such keys. The installed version takes a config with them without a word.
"""

from collections.abc import Iterable, Iterator, Mapping
import functools
import importlib.util
from pathlib import Path
import re
from typing import Any

from rl_policy_node.policy.shared_types import YamlTree

_QUOTED = re.compile(r"""['"](\w+)['"]""")
# below these, names are the user's own (inputs), arguments of an initialiser, or of use in training only
_OPEN = re.compile(r'(inputs|input_preprocessors|disc|.*init|.*initializer|.*regularizer|learn_sigma)$')
# of `params.config`, where most keys concern training: exploration by several policies in one
_PLAYED = re.compile(r'expl_\w+$')
_OFF = (None, False, '', 'none', 'None')


def ignored_keys(params: YamlTree, plugins: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names, `params.network.…`, of set keys that change the play and that no code reads.

    params: of an rl_games run. plugins: modules or .py files beside rl_games that may read them. Empty if the
    installed rl_games has no source files to search.
    """
    known = _words(_files('rl_games'))
    if not known:
        return ()
    known = known.union(*map(_words, map(_files, ('rl_policy_node.policy.networks', *plugins))))
    names = [
        *_unread(params.get('network') or {}, 'params.network', known),
        *(
            f'params.config.{name}'
            for name, value in (params.get('config') or {}).items()
            if _PLAYED.match(name) and name not in known and value not in _OFF
        ),
    ]
    return tuple(names)


def warning(names: Iterable[str], params: YamlTree) -> str:
    """Return a line on the consequences of these keys, which stand in `params`, for a deployment."""
    return (
        f'the installed rl_games does not read {", ".join(names)}: training used another version or a fork, which '
        f'may play otherwise; compare with it before a robot moves{appended(params)}'
    )


def appended(params: YamlTree) -> str:
    """Return, to go on with in an error, what SAPG appended to the observation of these params; '' where nothing.

    SAPG trains several policies in one network, and tells it which of them plays (jayeshs999/sapg,
    rl_games/rl_games/common/player.py: BasePlayer; algos_torch/players.py: PpoPlayerContinuous).
    """
    config = params.get('config') or {}
    kind = config.get('expl_type')
    if not isinstance(kind, str) or not kind.startswith('mixed_expl') or 'disjoint' in kind:
        return ''
    size = 1 if 'learn_param' in kind else config.get('expl_reward_coef_embd_size', 32)
    return (
        f'. With expl_type {kind}, SAPG appends {size} {"number" if size == 1 else "numbers"} to the observation '
        'of the environment, the code of the policy that plays, which no sensor measures: count them in the size of '
        'the observation (such as policy.overrides: task.env.numObservations), and give them as the last term, of '
        'kind constant'
    )


def refusal(names: Iterable[str]) -> str:
    """Return why samples cannot be played with these keys, in one line."""
    return (
        f'policy.deterministic is false, and the installed rl_games does not read {", ".join(names)}: its samples '
        'would have another spread than those of training. Act on the mean (policy.deterministic: true), install '
        'the rl_games of training, or take out keys that do not matter (policy.overrides: '
        f'{[f"~{name}" for name in names]})'
    )


def _unread(tree: Mapping[str, Any], place: str, known: frozenset[str]) -> Iterator[str]:
    for name, value in tree.items():
        if _OPEN.match(str(name)):
            if name == 'input_preprocessors' and isinstance(value, Mapping):
                for part, content in value.items():
                    yield from _unread(content if isinstance(content, Mapping) else {}, f'{place}.{name}.{part}', known)
            continue
        if name not in known and value not in _OFF:
            yield f'{place}.{name}'
        elif isinstance(value, Mapping):
            yield from _unread(value, f'{place}.{name}', known)


def _files(module: str) -> tuple[Path, ...]:
    """Return the files of a module, without importing it, or of a .py file; () where there are none."""
    path = Path(module)
    if path.suffix == '.py':
        return (path,) if path.is_file() else ()
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ()
    if spec is None or not spec.origin:
        return ()
    path = Path(spec.origin)
    return tuple(sorted(path.parent.rglob('*.py'))) if spec.submodule_search_locations else (path,)


@functools.lru_cache(maxsize=8)
def _words(files: tuple[Path, ...]) -> frozenset[str]:
    """Return all quoted words of Python files: the names that they may look up in a config."""
    return frozenset(word for file in files for word in _QUOTED.findall(file.read_text('utf-8', 'replace')))
