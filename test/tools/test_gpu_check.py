# SPDX-License-Identifier: Apache-2.0
"""`scripts/gpu_check`: on a CPU, without ROS, ONNX and matplotlib, it runs as on a GPU; what fails makes it fail."""

import json
import os
import subprocess
import sys
import zipfile

from gpu_check_parts import agreement, run, wheels
from gpu_check_parts.tables import tables
from imports import ROOT
import pytest
import torch

# Imported by every Python of the check: a bare machine has none of these.
HIDING = r"""
from importlib.machinery import PathFinder
import re

real = PathFinder.find_spec


def find_spec(cls, name, path=None, target=None):
    if re.fullmatch(r'rclpy|ros_\w+|\w+_(msgs|srvs|interfaces)|onnx|onnxruntime|matplotlib|mujoco', name):
        return None
    return planted(name, real(name, path, target))


def planted(name, spec):
    return spec


PathFinder.find_spec = classmethod(find_spec)
"""
# Actions that are a little too large, in the copy from the device.
PLANTED = r"""
def planted(name, spec):
    if name == 'rl_policy_node.policy.backends.static':
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            download = module.StaticStep.download

            def larger(self):
                download(self)
                self._actions += 1e-4
            module.StaticStep.download = larger
        spec.loader.exec_module = exec_module
    return spec
"""


def check(folder, *arguments, planted=''):
    """Return the finished process of a check, and the folder that it wrote to."""
    (folder / 'sitecustomize.py').write_text(HIDING + planted)
    environment = {**os.environ, 'PYTHONPATH': str(folder)}
    command = [sys.executable, ROOT / 'scripts/gpu_check', '--output', folder / 'out', *arguments]
    return subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True), folder / 'out'


@pytest.mark.slow
def test_check_runs_on_a_cpu_without_ros_and_onnx(tmp_path):
    done, output = check(tmp_path, '--device', 'cpu', '--quick', '--seconds', 1800)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((output / 'gpu_check.json').read_text())
    parts = found['parts']
    assert list(parts) == ['tests', 'mlp', 'joints', 'image', 'lstm', 'step', 'batch']
    assert all(part['passed'] and part['seconds'] > 0 for part in parts.values())
    assert found['machine']['device'] == 'cpu' and found['machine']['versions']['torch'] == torch.__version__

    counts = parts['tests']['found']
    assert counts['tests'] == counts['passed'] + counts['skipped'] > 50 and not counts['failures']
    if not torch.cuda.is_available():
        assert counts['passed'] == 0
    for name in run.FAMILIES:
        family = parts[name]['found']
        assert family['rows'] == [case['rows'] for case in family['cases']] == list(agreement.QUICK_ROWS)
        for case in family['cases']:
            for setting in case['settings'].values():
                assert (setting['max_difference'], setting['bit_equal']) == (0.0, 1.0) and setting['spread'] > 0
            assert set(case['us']) == {'player', 'contender', 'floor'} and min(case['us'].values()) > 0
    for case in parts['step']['found']['cases']:
        assert set(case['us']) == {'player', 'eager'} and 'onnxruntime is not installed' in case['missing']['onnx']
    assert {case['model'] for case in parts['batch']['found']['cases']} == {'lstm', 'mlp'}

    text = (output / 'gpu_check.md').read_text()
    for words in (
        '## On a GPU',
        '### Against the player',
        '### A policy step',
        '### What a row costs',
        'player / static step',
        'static step / bare static step',
        "TacSL's LSTM",
        'CNN 16-32',
        'MLP 512-256',
    ):
        assert words in text
    assert f'{counts["skipped"]} wait for a GPU' in text and text in done.stdout and 'everything passed' in done.stdout
    assert done.stdout.index('] tests') < done.stdout.index('] mlp') < done.stdout.index('mlp, 1 rows')


@pytest.mark.slow
def test_planted_difference_fails_its_part_alone(tmp_path):
    done, output = check(tmp_path, '--device', 'cpu', '--quick', '--only', 'image,tests', planted=PLANTED)
    assert done.returncode == 1 and 'failed: image;' in done.stdout
    parts = json.loads((output / 'gpu_check.json').read_text())['parts']
    assert parts['tests']['passed'] and not parts['image']['passed']
    assert '1 rows: actions differ by 1.0e-04 from the player, at most 1e-06 was expected' in parts['image']['told']
    assert all(
        0.9e-4 < case['settings']['TF32 off']['max_difference'] < 1.1e-4 for case in parts['image']['found']['cases']
    )
    assert '| image | **failed**: 1 rows: actions differ' in (output / 'gpu_check.md').read_text()


@pytest.mark.parametrize(
    'arguments, told',
    [
        (['--device', 'tpu'], "device 'tpu'; valid: cpu, cuda:0, …"),
        (
            ['--device', 'cpu', '--only', 'tests,speed'],
            '--only speed; valid: tests, mlp, joints, image, lstm, step, batch',
        ),
        (['--device', 'cpu', '--wheels', '/nowhere'], '/nowhere lacks absl-py, '),
        pytest.param([], "device 'cuda:0': torch ", marks=pytest.mark.skipif(torch.cuda.is_available(), reason='CUDA')),
    ],
)
def test_what_keeps_it_from_beginning_is_told_in_one_line(tmp_path, arguments, told):
    done, output = check(tmp_path, *arguments)
    assert done.returncode == 2 and not output.exists()
    assert done.stderr.startswith('gpu_check: ') and told in done.stderr and len(done.stderr.splitlines()) == 1


def test_families_of_the_parts_are_those_of_the_comparison():
    assert set(run.FAMILIES) == set(agreement.FAMILIES)
    assert agreement.ROWS[0] == 1 and agreement.ROWS[-1] == 65536


def part(folder, code, seconds=60.0, read=None):
    return run.Part('part', ('-c', code), folder / 'file', seconds, read or (lambda text: (text, '')))


@pytest.mark.parametrize(
    'code, told, found',
    [
        ("open('{}', 'w').write('all')", 'passed', 'all'),
        ("open('{}', 'w').write('some'); 1 / 0", 'exit code 1', 'some'),
        ('import sys; sys.exit(3)', 'exit code 3', None),
        ('', 'it wrote nothing', None),
    ],
)
def test_result_of_a_part_says_how_it_went(tmp_path, code, told, found):
    result = run.run(part(tmp_path, code.format(tmp_path / 'file')), 60, os.environ)
    assert (result['told'], result['found'], result['passed']) == (told, found, told == 'passed')


def test_part_that_runs_out_of_time_is_stopped_and_keeps_what_it_wrote(tmp_path):
    code = f"import time; open('{tmp_path / 'file'}', 'w').write('some'); time.sleep(600)"
    result = run.run(part(tmp_path, code, seconds=3), 60, os.environ)
    assert (result['told'], result['found'], result['passed']) == ('stopped after 3 s', 'some', False)
    assert run.run(part(tmp_path, code), 0.0, os.environ)['told'] == 'not begun: no time is left'


def test_part_whose_file_is_cut_off_fails(tmp_path):
    code = f"open('{tmp_path / 'file'}', 'w').write('{{')"
    result = run.run(part(tmp_path, code, read=run.read_agreement), 60, os.environ)
    assert not result['passed'] and 'file cannot be read' in result['told']


REPORT = (
    '<testsuites><testsuite><testcase name="a" time="1.5"/><testcase name="b" time="0.5">{}</testcase>'
    '</testsuite></testsuites>'
)


@pytest.mark.parametrize(
    'inside, on_gpu, wrong',
    [
        ('', True, ''),
        ('<skipped message="no GPU"/>', False, ''),
        ('<skipped/>', True, '1 were skipped on a GPU'),
        ('<failure message="apart"/>', True, '1 of 2 failed'),
        ('<error message="lost"/>', False, '1 of 2 failed'),
    ],
)
def test_tests_are_counted(inside, on_gpu, wrong):
    found, told = run.read_tests(REPORT.format(inside), on_gpu)
    assert told == wrong and found['tests'] == 2 and found['seconds'] == 2.0
    assert found['failures'] == ({'b': inside.split('"')[1]} if '1 of 2' in wrong else {})
    assert run.read_tests('<testsuites/>', on_gpu)[1] == 'there are no tests'


def family():
    """Return what a family on a GPU may have written before its time was over."""
    settings = {
        'TF32 off': {'max_difference': 2e-7, 'bit_equal': 0.875, 'spread': 0.1, 'steps': 48},
        'TF32 on': {'max_difference': 0.0, 'bit_equal': 1.0, 'spread': 0.1, 'steps': 48, 'from_off': 3e-4},
    }
    cases = [
        {
            'rows': rows,
            'settings': settings,
            'capture_s': 1.5,
            'us': {'player': 1000.0, 'contender': 100.0, 'floor': 80.0},
            'memory': {'process': 1.0 + rows / 1024, 'graph': 2.0 + rows / 512, 'player': rows / 256},
        }
        for rows in (1, 4096)
    ]
    return {
        'family': 'mlp',
        'words': 'MLP 8',
        'contender': 'cuda_graph',
        'floor': 'bare graph',
        'tolerance': 1e-6,
        'rows': [1, 4096, 16384, 65536],
        'cases': [*cases, {'rows': 16384, 'error': 'OutOfMemoryError: 1 GiB'}],
    }


def test_rows_that_failed_or_had_no_time_are_named():
    found, wrong = run.read_agreement(json.dumps(family()))
    assert found == family() and wrong == '16,384 rows: OutOfMemoryError: 1 GiB; no time for 65,536 rows'


def test_what_was_found_before_something_failed_is_in_the_tables():
    machine = {
        'processor': 'Abacus 3000',
        'cores': 2,
        'memory_gb': 1.0,
        'system': 'Linux 6',
        'python': '3.12',
        'gpu': 'Slate',
        'cuda': '13.0',
        'date': '2025-01-01',
        'versions': {'torch': '2.11'},
    }
    parts = {
        'tests': {'passed': False, 'told': 'exit code 4; it wrote nothing', 'seconds': 1.0, 'found': None},
        'mlp': {'passed': False, 'told': 'no time for 65,536 rows', 'seconds': 70.0, 'found': family()},
    }
    text = tables({'machine': machine, 'options': {'runs': 3, 'quick': False}, 'parts': parts})
    assert 'Slate (CUDA 13.0), Abacus 3000' in text
    assert '| tests | **failed**: exit code 4; it wrote nothing | 1.00 s |' in text
    assert (
        '| 4,096 | 1.50 s | 1.00 ms | 100 µs | 80.0 µs | 10.0× | 1.25× | 48 | 2.0e-07 | 87.5% | – | 0 | 3.0e-04 |'
        in text
    )
    assert '| 16,384 | – | – |' in text
    assert 'Memory for each row: 2.00 kB of the device by the graph, 4.00 kB by a step of the player, 1.00 kB' in text


def write_wheel(folder, name, version='1.0'):
    """Write a wheel of one module."""
    info = f'{name}-{version}.dist-info'
    with zipfile.ZipFile(folder / f'{name}-{version}-py3-none-any.whl', 'w') as archive:
        archive.writestr(f'{name}.py', 'HERE = True\n')
        archive.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
        archive.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        archive.writestr(f'{info}/RECORD', f'{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n')


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Return a folder for wheels where two packages are wanted."""
    (tmp_path / 'list.txt').write_text('# of the test\nfirst-thing==1.0     # a comment\nSecond==1.0\n')
    monkeypatch.setattr(wheels, 'LIST', tmp_path / 'list.txt')
    folder = tmp_path / 'wheels'
    folder.mkdir()
    return folder


def test_carried_wheels_are_installed_without_a_network(listed):
    for name in ('first_thing', 'second'):
        write_wheel(listed, name)
    with wheels.installed(listed) as site:
        code = 'import first_thing, second; print(first_thing.HERE and second.HERE)'
        environment = {**os.environ, 'PYTHONPATH': site}
        assert (
            subprocess.run([sys.executable, '-c', code], env=environment, stdout=subprocess.PIPE, text=True).stdout
            == 'True\n'
        )
    assert not os.path.exists(site)


def test_wheels_that_are_missing_needless_or_double_are_named(listed):
    write_wheel(listed, 'second', '1.0')
    write_wheel(listed, 'second', '2.0')
    write_wheel(listed, 'third')
    with pytest.raises(wheels.Problem, match='lacks first-thing; also holds third; holds several versions of second;'):
        wheels.check(listed)


def test_torch_and_numpy_are_never_carried():
    names = set(wheels.wanted())
    assert 'rl-games' in names and not {'torch', 'numpy', 'onnxruntime', 'onnxruntime-gpu'} & names
    assert names >= wheels.SOURCE_ONLY


def test_tree_and_wheels_are_weighed_together(tmp_path, capsys):
    tree, folder = tmp_path / 'tree', tmp_path / 'tree/carried'
    folder.mkdir(parents=True)
    subprocess.run(['git', 'init', '-q', tree], check=True)
    (tree / '.gitignore').write_text('ignored\n')
    (tree / 'ignored').write_bytes(bytes(2**22))
    (tree / 'new').write_bytes(bytes(2**20))
    (folder / 'one-1.0-py3-none-any.whl').write_bytes(bytes(2**20))
    assert wheels.weigh(tree, folder, limit=2.5) == 0
    assert capsys.readouterr().out == 'tree 1.0 MiB, 1 wheels 1.0 MiB, together 2.0 of 2.5 MiB\n'
    assert wheels.weigh(tree, folder, limit=1.5) == 1
