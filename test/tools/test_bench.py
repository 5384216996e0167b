# SPDX-License-Identifier: Apache-2.0
"""`rl_policy bench`: what it writes, and what it refuses. Nothing here is about speed."""

import json
import os
import subprocess
import sys

import numpy as np
from PIL import Image
import pytest
import torch

pytest.importorskip('matplotlib')
from tools.bench_results import latencies, results

from rl_policy_node.tools.bench import formatting, jitter, markdown, robots, start
from rl_policy_node.tools.bench.figures import PICTURES
from rl_policy_node.tools.bench.latency import _ratios, figures, GROUPS
from rl_policy_node.tools.bench.names import ECHO, OURS, PLAIN, PLAYER
from rl_policy_node.tools.bench.run import SECTIONS
from rl_policy_node.tools.main import main


def bench(*arguments):
    return main(['bench', *map(str, arguments)])


@pytest.mark.parametrize(
    'value, text',
    [
        (0.01234, '0.0123'),
        (1.0, '1.00'),
        (9.999, '10.0'),
        (123.4, '123'),
        (1234.0, '1,230'),
        (0.0, '0'),
        (None, '–'),
        (float('nan'), '–'),
    ],
)
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert formatting.number(value) == text


@pytest.mark.parametrize('value, text', [(63.21, '63.2 µs'), (1151.0, '1.15 ms'), (142_000.0, '142 ms'), (None, '–')])
def test_times_have_the_unit_that_suits_them(value, text):
    assert formatting.time_text(value) == text


def test_results_become_tables_and_pictures_again(tmp_path, capsys):
    (tmp_path / 'results.json').write_text(json.dumps(results()))
    assert bench('--render', tmp_path / 'results.json', '--output', tmp_path) == 0
    text = (tmp_path / 'results.md').read_text()
    assert set(markdown.TITLES) == set(SECTIONS) == set(results()['sections'])
    for title in markdown.TITLES.values():
        assert f'## {title}' in text
    assert 'Abacus 3000, 2 cores' in text and 'Medians of 3 interleaved runs.' in text
    assert '| 16 | 1 | 6.40 ms | 1.60 ms | 4.00× |' in text
    assert 'onnx was not measured: it is not installed' in text
    assert '| policy node | 1.00 ms | 1.50 ms | 3.00 ms | 4.00 ms | 12.5% | 100.0% |' in text
    assert '| 500 Hz | yes | policy node | 100 µs | 300 µs | 400 µs | 1.25× | 0.750× |' in text
    assert '| 16 | 100 Hz | at once | 100.00% | 87.50% | 16.0 ms | 48.0 ms | 64.0 ms | 4.80× | 12% |' in text
    assert '| policy | 150 µs | 15% |' in text and '| DDS, executor, threads (the rest) | 800 µs | 80% |' in text
    assert '| 320×240 rgb8 | policy node | 2.00 ms | 6.00 ms | 12.5% | 100.0% | 20.0 µs | 640 µs | 80.0 µs |' in text
    assert '| 1,024 | onnx | 5.14 ms | 5.02 µs | 5.14 ms |' in text
    assert 'each row: 8.00 kB resident, of which 4.00 kB' in text
    assert '| policy loaded | 2.00 s | 1.00 s |\n| · backend | 1.75 s | 750 ms |' in text
    for name in PICTURES:
        assert f'({name}.png)' in text
        with Image.open(tmp_path / f'{name}.png') as picture:
            assert len(picture.convert('RGB').getcolors(1 << 20)) > 20, 'something is drawn'
    assert str(tmp_path / 'results.md') in capsys.readouterr().out


def test_figures_are_medians_over_runs_and_count_what_was_not_answered():
    found = figures(
        [
            {'latencies': [100.0, 300.0, None, 200.0], 'cpu': 0.1},
            {'latencies': [400.0], 'cpu': 0.3},
            {'latencies': [250.0], 'cpu': 0.2},
        ]
    )
    assert (found['p50'], found['max'], found['cpu'], found['answered']) == (250.0, 300.0, 0.2, 1.0)
    assert found['values'][-1] == 400.0


def test_ratios_set_ours_beside_the_floor_and_the_plain_node_beside_ours():
    case = {name: latencies(factor) for name, factor in zip(GROUPS, (0.5, 0.4, 3, 1))}
    found = _ratios(case, 100.0)
    assert found[f'{PLAIN} / {OURS}'] == {'p50': 3.0, 'p99': 3.0}
    assert found[f'{OURS} / ({ECHO} + inference)'] == pytest.approx({'p50': 1000 / 600, 'p99': 3000 / 1600})


def test_jitter_is_how_far_intervals_are_from_the_period():
    found = jitter.figures([np.array([0, 10_000_000, 20_000_000, 31_000_000, 40_000_000])], 100.0)
    assert (found['p50'], found['max']) == (500.0, 1000.0) and found['values'] == [0.0, 0.0, 1000.0, 1000.0]


def test_robots_that_are_not_answered_are_not_answered_in_time():
    found = robots.figures([{'latencies': [5000.0, 15_000.0, None, 9000.0], 'cpu': 0.5}], 100.0)
    assert (found['answered'], found['in_time'], found['p50']) == (0.75, 0.5, 9000.0)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--only', 'step,speed'], "unknown section 'speed' in --only; valid: "),
        (['--device', 'tpu'], "device 'tpu'; valid: cpu, cuda"),
        (['--render', 'nowhere.json'], 'nowhere.json: No such file'),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(arguments, message, tmp_path, capsys):
    assert bench(*arguments, '--output', tmp_path / 'out') == 1
    error = capsys.readouterr().err
    assert error.startswith('rl_policy bench: ') and message in error and len(error.splitlines()) == 1
    assert not (tmp_path / 'out').exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a CUDA device')
def test_missing_cuda_is_refused_in_one_line(tmp_path, capsys):
    assert bench('--device', 'cuda', '--output', tmp_path / 'out') == 1
    assert capsys.readouterr().err == "rl_policy bench: device 'cuda': this torch sees no CUDA device; valid: cpu\n"


@pytest.mark.slow
def test_what_a_gpu_is_measured_by_needs_no_ros():
    code = (
        'import sys; from rl_policy_node.tools.bench import batch, figures, memory_probe, run, step; '
        'sys.exit("rclpy" in sys.modules)'
    )
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0


def run(tmp_path, *arguments):
    """Return what a quick run found."""
    assert bench('--quick', '--runs', 1, '--output', tmp_path, *arguments) == 0
    return json.loads((tmp_path / 'results.json').read_text())


@pytest.mark.slow
def test_policy_steps_are_measured(tmp_path):
    section = run(tmp_path, '--only', 'step')['sections']['step']
    assert {case['rows'] for case in section['cases']} == {1, 64}
    for case in section['cases']:
        assert {PLAYER, 'eager'} <= set(case['us']) and min(case['us'].values()) > 0
        assert set(case['us']) | set(case['missing']) >= {'onnx'}
        assert set(case['over_floor']) == {'onnx'} & set(case['us'])
    assert all(each['max_difference'] < 1e-5 and each['steps'] == 50 for each in section['agreement'])
    assert (tmp_path / 'step.png').exists() and '## A policy step' in (tmp_path / 'results.md').read_text()


@pytest.mark.slow
def test_without_plots_no_matplotlib_is_needed(tmp_path):
    (tmp_path / 'matplotlib.py').write_text("raise ImportError('not on this machine')")
    arguments = ['bench', '--quick', '--runs', '1', '--only', 'step', '--output', str(tmp_path / 'out')]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])}
    command = [sys.executable, '-m', 'rl_policy_node.tools.main', *arguments]
    refused = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert refused.returncode == 1 and '--no-plots' in refused.stderr
    assert subprocess.run([*command, '--no-plots'], env=environment).returncode == 0
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'results.json', 'results.md'}
    assert 'step.png' not in (tmp_path / 'out/results.md').read_text()


@pytest.mark.slow
def test_latency_is_measured_through_dds(tmp_path):
    section = run(tmp_path, '--only', 'latency')['sections']['latency']
    for case in section['cases'].values():
        assert set(case) == set(GROUPS)
        for name, each in case.items():
            assert 0 < each['p50'] <= each['p90'] <= each['p99'] <= each['max'] and each['answered'] > 0, name
    assert section['cases']['idle'][OURS]['answered'] > 0.5
    assert section['inference']['us'] > 0


@pytest.mark.slow
def test_steps_of_the_real_loop_are_timed_with_cameras_and_without(tmp_path):
    section = run(tmp_path, '--only', 'jitter')['sections']['jitter']
    assert [case['cameras'] for case in section['cases']] == [False, True]
    for case in section['cases']:
        assert {jitter.BARE, jitter.OURS} <= set(case['jitter'])
        for each in case['jitter'].values():
            assert 0 <= each['p50'] <= each['p99'] <= each['max'] and each['shares'][-1] == 1.0


@pytest.mark.slow
def test_robots_are_measured_at_once_and_staggered(tmp_path):
    section = run(tmp_path, '--only', 'robots')['sections']['robots']
    assert [(case['robots'], case['arrival']) for case in section['cases']] == [(2, 'at once'), (2, 'staggered')]
    for case in section['cases']:
        assert 0.5 < case['answered'] <= 1.0 and case['p50'] > 0 and 0 <= case['in_time'] <= case['answered']


@pytest.mark.slow
def test_images_are_measured_and_taken_apart(tmp_path):
    before = dict(os.environ)
    section = run(tmp_path, '--only', 'images')['sections']['images']
    assert {name for name in os.environ if 'FASTDDS' in name} == {name for name in before if 'FASTDDS' in name}
    (case,) = section['cases']
    assert (case['width'], case['height']) == (64, 64) and min(case['parts'].values()) > 0
    assert 0 < case['decode_share'] < 1
    for each in case['nodes'].values():
        assert each['answered'] > 0.5 and each['p50'] > 0


@pytest.mark.slow
def test_a_row_costs_time_and_memory(tmp_path):
    section = run(tmp_path, '--only', 'batch')['sections']['batch']
    lstm, mlp = section['cases']
    for case in (lstm, mlp):
        assert case['rows'] == [1, 16] and min(case['us']) > 0 and min(case['line']) >= 0
        assert set(case['backends']) <= {'eager', 'onnx'}
    # hidden and cell state of two layers of 256 numbers
    assert (lstm['memory']['state_kb'], mlp['memory']['state_kb']) == (4.0, 0.0)


@pytest.mark.slow
def test_a_start_is_taken_apart_and_adds_up(tmp_path):
    section = run(tmp_path, '--only', 'start')['sections']['start']
    for cache in ('cold', 'warm'):
        found = section['runs'][cache]
        assert list(found['steps']) == list(start.STEPS) and min(found['steps'].values()) >= 0
        assert sum(found['steps'].values()) == pytest.approx(found['total']['all of it'])
        assert 0 < found['total']['configure → first action'] < found['total']['all of it']
        assert sum(found['policy'].values()) <= found['steps']['policy loaded']
        assert 50 < found['memory']['mb'] < 10_000
    assert section['imports']['command line'] > 0
