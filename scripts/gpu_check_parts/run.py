# SPDX-License-Identifier: Apache-2.0
"""All parts of the check one after the other, each a process of its own; then JSON, tables and an exit code.

    python -m gpu_check_parts.run DEVICE FOLDER SECONDS PART,… [--quick]

A part that fails, crashes or runs out of time costs only itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time
from xml.etree import ElementTree

from gpu_check_parts.tables import tables

FAMILIES = ('mlp', 'joints', 'image', 'lstm')
TESTS = 'test/policy/backends/test_cuda_graph.py'
RESULTS, TABLES = 'gpu_check.json', 'gpu_check.md'
BENCHED = ('step', 'batch')


@dataclass(frozen=True)
class Part:
    """command: what Python is started with; file: what it writes; seconds: how long it may take at most.

    read: content of the file → (what was found, what is wrong with it: '' for nothing).
    """

    name: str
    command: tuple
    file: Path
    seconds: float
    read: Callable


def parts(device, folder, seconds, quick):
    """Return all parts, the most important first; each may take only its share of the seconds for all."""
    on_gpu, short = device.startswith('cuda'), ['--quick'] if quick else []
    spread = [] if quick else ['-p', 'xdist', '-n', str(min(4, os.cpu_count()))]
    report = folder / 'tests.xml'
    found = [
        Part(
            'tests',
            ('-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-m', 'skipif', *spread, f'--junitxml={report}', TESTS),
            report,
            seconds / 3,
            lambda text: read_tests(text, on_gpu),
        )
    ]
    for name in FAMILIES:
        file = folder / f'{name}.json'
        found.append(
            Part(
                name,
                ('-m', 'gpu_check_parts.agreement', name, device, str(file), *short),
                file,
                0.15 * seconds,
                read_agreement,
            )
        )
    for name in BENCHED:
        bench = (
            '-m',
            'rl_policy_node.tools.main',
            'bench',
            '--only',
            name,
            '--device',
            device,
            '--no-plots',
            '--runs',
            str(runs(quick)),
            '--output',
            str(folder / name),
            *short,
        )
        found.append(
            Part(
                name,
                bench,
                folder / name / 'results.json',
                0.28 * seconds,
                lambda text, name=name: (json.loads(text)['sections'][name], ''),
            )
        )
    return found


def runs(quick):
    """Return of how many runs the benchmark takes medians."""
    return 1 if quick else 3


def main():
    """Run the parts, write what was found after each of them, return the exit code."""
    device, output, seconds, only = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    quick, only = '--quick' in sys.argv, list(filter(None, only.split(',')))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='gpu_check_') as folder:
        folder = Path(folder)
        chosen, environment = parts(device, folder, seconds, quick), environment_in(folder)
        names = [part.name for part in chosen]
        unknown = [name for name in only if name not in names]
        if unknown:
            print(f'gpu_check: --only {",".join(unknown)}; valid: {", ".join(names)}', file=sys.stderr)
            return 2
        machine = folder / 'machine.json'
        if subprocess.run(
            [sys.executable, '-m', 'gpu_check_parts.machine', device, machine], env=environment
        ).returncode:
            return 2
        output.mkdir(parents=True, exist_ok=True)
        found = {
            'machine': json.loads(machine.read_text()),
            'options': {'runs': runs(quick), 'quick': quick},
            'parts': {},
        }
        for part in (part for part in chosen if not only or part.name in only):
            print(f'[{time.monotonic() - begun:4.0f} s] {part.name}')
            found['parts'][part.name] = result = run(part, seconds - (time.monotonic() - begun), environment)
            print(f'  {part.name}: {result["told"]}, {result["seconds"]:.0f} s')
            found['seconds'] = round(time.monotonic() - begun, 1)
            # at once: whoever stops the check keeps what it has found
            (output / RESULTS).write_text(json.dumps(found, indent=1) + '\n')
            (output / TABLES).write_text(tables(found))
    print((output / TABLES).read_text())
    failed = ', '.join(name for name, part in found['parts'].items() if not part['passed'])
    print(f'{found["seconds"]:.0f} s; {"failed: " + failed if failed else "everything passed"}; {output}')
    return 1 if failed else 0


def environment_in(folder):
    """Return the environment of the parts: a cache of their own, and of pytest's plug-ins only those asked for.

    The machine may have others, made for another pytest. torch's notes on what it no longer supports are left out.
    """
    return {
        **os.environ,
        'XDG_CACHE_HOME': str(folder / 'cache'),
        'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1',
        'TORCH_CPP_LOG_LEVEL': 'ERROR',
    }


def run(part, left, environment):
    """Return {'passed', 'told', 'seconds', 'found'} of a part that may take so many s, if there are as many left."""
    allowed, begun, problem = min(part.seconds, left), time.monotonic(), ''
    if allowed <= 0:
        return {'passed': False, 'told': 'not begun: no time is left', 'seconds': 0.0, 'found': None}
    process = subprocess.Popen([sys.executable, *part.command], env=environment, start_new_session=True)
    try:
        code = process.wait(allowed)
        problem = f'exit code {code}' if code else ''
    except subprocess.TimeoutExpired:
        problem = f'stopped after {allowed:.0f} s'
    finally:
        stop(process)
    found, wrong = None, ''
    if part.file.exists():
        try:
            found, wrong = part.read(part.file.read_text())
        except (ValueError, KeyError, ElementTree.ParseError) as error:
            wrong = f'{part.file.name} cannot be read: {error}'
    elif not problem:
        problem = 'it wrote nothing'
    told = '; '.join(filter(None, [wrong, problem])) or 'passed'
    return {
        'passed': not (problem or wrong),
        'told': told,
        'seconds': round(time.monotonic() - begun, 1),
        'found': found,
    }


def stop(process):
    """Kill what a part left running: itself and all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def read_tests(text, on_gpu):
    """Return the counts of a JUnit report with the failures, and what is wrong: on a GPU nothing may be skipped."""
    cases = list(ElementTree.fromstring(text).iter('testcase'))
    failures = {
        case.get('name'): each.get('message', '')[:500]
        for case in cases
        for each in [*case.findall('failure'), *case.findall('error')]
    }
    skipped = sum(case.find('skipped') is not None for case in cases)
    found = {
        'tests': len(cases),
        'passed': len(cases) - len(failures) - skipped,
        'skipped': skipped,
        'failures': failures,
        'seconds': sum(float(case.get('time', 0)) for case in cases),
    }
    wrong = [
        f'{len(failures)} of {len(cases)} failed' if failures else '',
        '' if cases else 'there are no tests',
        f'{skipped} were skipped on a GPU' if on_gpu and skipped else '',
    ]
    return found, '; '.join(filter(None, wrong))


def read_agreement(text):
    """Return what was found of a family, and which of its numbers of rows failed or are missing."""
    found = json.loads(text)
    wrong = [f'{case["rows"]:,} rows: {case["error"]}' for case in found['cases'] if 'error' in case]
    missing = found['rows'][len(found['cases']) :]
    return found, '; '.join(wrong + [f'no time for {rows:,} rows' for rows in missing])


if __name__ == '__main__':
    sys.exit(main())
