# SPDX-License-Identifier: Apache-2.0
"""Damaged training files, checkpoints and parameter files: configure says in one line what is wrong, or succeeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
import json
from pathlib import Path
import pickle
import random
import select
import shutil
import subprocess
import sys
import time
from typing import Any, TypeAlias
import zipfile

from chaos_rig import parameters, POSITION, write_run
from rich.progress import Progress
import yaml

from rl_policy_node.tools.process.processes import ToolProcess

SOURCES = ['joints', 'wrench']
FILES = ('train.yaml', 'policy.pth', 'node.yaml')
MARK = 'code_was_run'  # the file that a damaged file's code would write
PATIENCE = 30.0  # s for a configure
LONGEST = 2000  # characters of a clear line

Damage: TypeAlias = Callable[[random.Random, Path], None]


def cut(chance: random.Random, file: Path) -> None:
    """Keep the beginning of a file."""
    file.write_bytes(file.read_bytes()[: chance.randrange(file.stat().st_size)])


def bits(chance: random.Random, file: Path) -> None:
    """Flip one to thirty bits."""
    content = bytearray(file.read_bytes())
    for _ in range(chance.randint(1, 30)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def swapped(chance: random.Random, file: Path) -> None:
    """Put another file, or bytes of no meaning, in its place."""
    others = [file.with_name(name).read_bytes() for name in FILES if name != file.name]
    file.write_bytes(chance.choice([*others, b'', chance.randbytes(4000), b'\0' * 4000, b'{' * 5000, b'- ' * 3000]))


def moved(chance: random.Random, file: Path) -> None:
    """Exchange two stretches of a file."""
    content = file.read_bytes()
    size = chance.randint(1, max(len(content) // 4, 1))
    at, to = sorted(chance.randrange(max(len(content) - size, 1)) for _ in range(2))
    content = (
        content[:at]
        + content[to : to + size]
        + content[at + size : to]
        + content[at : at + size]
        + content[to + size :]
    )
    file.write_bytes(content)


def gone(_chance: random.Random, file: Path) -> None:
    """Remove a file, or put a folder in its place."""
    file.unlink()
    if _chance.random() < 0.5:
        file.mkdir()


def values(chance: random.Random, file: Path) -> None:
    """Make one to three values of a file others: numbers, texts, lists; of a checkpoint its numbers or names."""
    if file.suffix == '.pth':
        _tensors(chance, file)
        return
    tree = yaml.safe_load(file.read_text())
    for _ in range(chance.randint(1, 3)):
        holder, key = chance.choice(list(_places(tree)))
        change = chance.randrange(3)
        if change == 0 and isinstance(holder, dict):
            holder[f'{key}_'] = holder.pop(key)
        elif change == 1:
            del holder[key]
        else:
            holder[key] = chance.choice(
                [
                    0,
                    -1,
                    1e9,
                    2**40,
                    float('nan'),
                    float('inf'),
                    '',
                    'none',
                    True,
                    [],
                    {},
                    [1, 'a'],
                    {'a': {'b': 1}},
                    None,
                    '${params}',
                    'a' * 3000,
                ]
            )
        if not list(_places(tree)):
            break
    file.write_text(json.dumps(tree) if file.name == 'node.yaml' else yaml.safe_dump(tree))


def code(chance: random.Random, file: Path) -> None:
    """Have a file ask for code to be run, which would write MARK beside it."""
    command = f'touch {file.parent / MARK}'
    if file.suffix == '.pth':
        content = pickle.dumps(_Evil(command))
        if chance.random() < 0.5:
            with zipfile.ZipFile(file) as old:
                parts = {name: old.read(name) for name in old.namelist()}
            with zipfile.ZipFile(file, 'w') as new:
                for name, part in parts.items():
                    new.writestr(name, content if name.endswith('data.pkl') else part)
        else:
            file.write_bytes(content)
    else:
        tag = chance.choice(['!!python/object/apply:os.system', '!!python/object/new:os.system'])
        file.write_text(f'a: {tag} ["{command}"]\n{file.read_text()}')


DAMAGES: dict[str, Damage] = {each.__name__: each for each in (cut, bits, swapped, moved, gone, values, code)}


class _Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, (self._command,)


def _places(tree: Any) -> Any:
    """Yield (holder, key) of everything in a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(items):
        yield tree, key
        yield from _places(value)


def _tensors(chance: random.Random, file: Path) -> None:
    import torch

    content = torch.load(file, weights_only=True)
    model = content['model']
    name = chance.choice(list(model))
    match chance.randrange(5):
        case 0:
            del model[name]
        case 1:
            model[name] = model[name].flatten()[:1]
        case 2:
            model[name] = torch.full_like(model[name], float('nan')) if model[name].is_floating_point() else model[name]
        case 3:
            model[name] = chance.choice([None, 'text', [1.0], model])
        case _:
            content = chance.choice([model, {}, [], {'model': 1}, model[name]])
    torch.save(content, file)


def configure(file: Path) -> dict[str, str]:
    """Configure by a parameter file without talking to anybody; return what became of it, and the words."""
    from rl_policy_node.errors import ConfigurationError
    from rl_policy_node.nodes.policy.dry_run import DryRun, read_file

    try:
        DryRun(read_file(file), _Log())
    except ConfigurationError as error:
        return {'result': 'refused' if _clear(str(error)) else 'unclear', 'text': str(error)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the node would log a traceback
        import traceback

        return {'result': 'traceback', 'text': f'{type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}'}
    return {'result': 'configured', 'text': ''}


def _clear(text: str) -> bool:
    return bool(text.strip()) and '\n' not in text.strip() and 'Traceback' not in text and len(text) < LONGEST


class _Log:
    """A Logger whose words nobody needs."""

    def info(self, text: str, **_: Any) -> None:
        """Take a line."""

    warning = error = info


class Worker:
    """A process that configures by one parameter file after another."""

    def __init__(self, folder: Path) -> None:
        self._process = ToolProcess(
            'files',
            [Path(__file__).resolve(), '--serve'],
            folder / 'worker.log',
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ends = self._process.process.stdin, self._process.process.stdout

    def configure(self, file: Path) -> dict[str, str]:
        """Return what became of a file: also 'died' and 'hung', after which this worker is of no use."""
        print(file, file=self._ends[0], flush=True)
        if not select.select([self._ends[1]], [], [], PATIENCE)[0]:
            return {'result': 'hung', 'text': self._process.tail(5)}
        line = self._ends[1].readline()
        if not line:
            return {'result': 'died', 'text': f'exit code {self._process.process.wait()}: {self._process.tail(5)}'}
        return json.loads(line)

    def stop(self) -> None:
        """End the process."""
        self._process.stop()


def serve() -> None:
    """Configure by the file of each line on stdin; what the libraries print goes to stderr."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(configure(Path(line.strip()))), file=answers, flush=True)


def run(options: Any, folder: Path, progress: Progress, started: Callable[[Path], Any] = Worker) -> dict[str, Any]:
    """Configure by `number` files damaged in turns; return what was seen. started: makes what configures."""
    chance, results, seen = random.Random(options.seed), Counter[str](), list[dict[str, str]]()
    examples: dict[str, str] = {}
    task, longest = progress.add_task('files', total=options.number), 0.0
    sound, here = folder / 'sound', folder / 'damaged'
    sound.mkdir()
    write_run(sound, SOURCES)
    (sound / 'node.yaml').write_text(json.dumps({'/**': {'ros__parameters': parameters(here, SOURCES, POSITION)}}))
    worker = started(folder)
    try:
        for index in range(options.number + 1):
            shutil.rmtree(here, ignore_errors=True)
            shutil.copytree(sound, here)
            name, damage = chance.choice(FILES), chance.choice(list(DAMAGES))
            if index:  # the first one is sound: otherwise nothing would be shown
                DAMAGES[damage](chance, here / name)
            began = time.monotonic()
            found = worker.configure(here / 'node.yaml')
            longest = max(longest, time.monotonic() - began if index else 0.0)
            if (here / MARK).exists():
                found = {'result': 'code_was_run', 'text': found['text']}
            if not index and found['result'] != 'configured':
                raise SystemExit(f'the sound files do not do: {found}')
            if index:
                results[found['result']] += 1
            if index:
                examples.setdefault(f'{damage} of {name}', found['text'] or found['result'])
            if found['result'] not in ('configured', 'refused'):
                seen.append({'file': name, 'damage': damage, 'number': str(index), **found})
            if found['result'] in ('died', 'hung'):
                worker.stop()
                worker = started(folder)
            progress.update(task, completed=index)
    finally:
        worker.stop()
    return {
        'results': dict(results),
        'longest_s': round(longest, 2),
        'first_of_each_kind': examples,
        'faults': {
            f'{each["number"]}: {each["damage"]} of {each["file"]}': f'{each["result"]}: {each["text"]}'
            for each in seen[:30]
        },
    }


def broken(found: dict[str, Any]) -> bool:
    """Whether a file brought anything but a clear line or success."""
    return bool(set(found['results']) - {'configured', 'refused'})


if __name__ == '__main__':
    serve()
