# SPDX-License-Identifier: Apache-2.0
"""`rl_policy inspect` tells a person and a program the same, and fails in one line."""

import json
from pathlib import Path
import subprocess
import sys

from policy import small_runs as runs
from policy.checkpoints import Trap
import pytest
import torch

from rl_policy_node.policy import Spaces
from rl_policy_node.policy.layouts import LayoutTerm
from rl_policy_node.policy.summary.record import Training
from rl_policy_node.tools.inspect.wording import bound, layers, number, numbers, training_text, transformation
from rl_policy_node.tools.main import main

MODEL = 'package://rl_policy_node/models/insertion/'
NAMES = [
    'files',
    'task',
    'algorithm',
    'model',
    'player',
    'network',
    'observations',
    'actions',
    'control_rate',
    'training',
    'notes',
    'decisions',
    'problems',
    'missing',
    'next_command',
]


@pytest.fixture
def show(capsys, monkeypatch):
    """Return a function that runs the command and returns (status, stdout, stderr)."""

    def show(*arguments, width=80):
        monkeypatch.setenv('COLUMNS', str(width))
        status = main(['inspect', *map(str, arguments)])
        return (status, *capsys.readouterr())

    return show


def words(text):
    return ' '.join(text.split())


@pytest.mark.parametrize('width', [80, 120])
def test_shipped_model_is_shown_within_the_width(show, width):
    status, text, errors = show(MODEL + 'train.yaml', MODEL + 'policy.pth', width=width)
    assert status == 0 and errors == ''
    *lines, following = text.splitlines()
    assert max(map(len, lines)) <= width and all(line == line.rstrip() for line in lines)
    assert following.startswith('Next: rl_policy init ') and following.endswith(' -o robot.yaml')
    assert '\x1b' not in text and '…' not in text.replace(' … ', '')  # neither colours nor anything cut off
    for told in ('lstm 2×256, before the MLP', '988,237', 'never moved in training', '4×4×3', 'epoch 200'):
        assert told in words(text)


def test_every_term_and_joint_of_anymal_is_shown(show, tmp_path):
    status, text, _ = show(runs.anymal_run(tmp_path))
    assert status == 0
    for term in ('lin_vel', 'gravity', 'joint_pos', 'joint_vel', 'legs', *runs.LEGS):
        assert f'  {term} ' in text
    for told in ('±5 task.env.clipObservations', '50 Hz 1 / (task.sim.dt ×', 'x × 0.25', 'joint limits lower, upper'):
        assert told in words(text)


def test_json_says_the_same_and_nothing_else_is_on_stdout(show, tmp_path):
    status, text, errors = show(runs.anymal_run(tmp_path), '--json')
    found = json.loads(text, parse_constant=lambda token: pytest.fail(f'{token} is no JSON'))
    assert status == 0 and errors == '' and list(found) == NAMES
    assert found['observations'][0]['terms'][4]['joints'] == runs.LEGS
    assert found['control_rate']['value'] == 50.0
    assert found['network']['mlp']['value']['units'] == [8, 4]


def test_json_has_null_where_there_is_no_bound(show, tmp_path):
    _, text, _ = show(runs.lab_run(tmp_path), '--json')
    assert json.loads(text)['actions']['high']['value'] is None


def test_stdout_of_the_process_is_json(tmp_path):
    result = subprocess.run(
        [sys.executable, '-m', 'rl_policy_node.tools.main', 'inspect', runs.flat_run(tmp_path), '--json'],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)['problems'] == []


def test_sizes_that_disagree_are_told_with_who_said_which(show, tmp_path):
    folder = runs.anymal_run(tmp_path)
    status, _, errors = show(folder, '--override', '+task.env.numObservations=50')
    assert status == 1 and errors == (
        'rl_policy inspect: observation: task.env.numObservations in config.yaml says (50,), running_mean_std.'
        f'running_mean of the checkpoint {folder}/nn/Anymal.pth says (48,) (that checkpoint: the best by reward: '
        'rl_games names it Anymal.pth)\n'
    )


@pytest.mark.parametrize('make', ['sac', 'discrete', 'isaac_lab', 'no_checkpoint'])
def test_every_kind_of_run_is_shown(show, tmp_path, make):
    if make == 'isaac_lab':
        runs.lab_run(tmp_path)
    else:
        changes = {'sac': runs.SAC, 'discrete': runs.DISCRETE}.get(make, {})
        file = runs.write(tmp_path / 'train.yaml', {'params': runs.params(**changes)})
        if make == 'sac':
            runs.save_sac(tmp_path / 'Mine.pth', file, Spaces((5,), 3))
        elif make == 'discrete':
            runs.save(tmp_path / 'Mine.pth', file, Spaces((5,), {'discrete': 4}))
    status, text, _ = show(tmp_path)
    told = {
        'sac': 'RescalingSacPlayer',
        'discrete': 'discrete, one of 4',
        'isaac_lab': '−∞ … ∞',
        'no_checkpoint': 'obs size not known',
    }
    assert status == 0 and told[make] in words(text)


def test_policy_that_cannot_be_played_is_shown_and_is_a_failure(show, tmp_path):
    status, text, _ = show(runs.flat_run(tmp_path), '--override', 'params.network.name=nope')
    assert status == 1 and "It cannot be played · unknown params.network.name 'nope'" in words(text)
    assert 'is named by --plugin MODULE, or by policy.plugins in the parameter file' in words(text)


def test_plugin_brings_its_network(show, tmp_path):
    folder = runs.flat_run(tmp_path)
    plugin = folder / 'mine.py'
    plugin.write_text(
        'from rl_games.algos_torch import model_builder, network_builder\n'
        "model_builder.register_network('mine_inspected', network_builder.A2CBuilder)\n"
    )
    status, text, _ = show(folder, '--override', 'params.network.name=mine_inspected', '--plugin', plugin)
    assert status == 0 and 'mine_inspected' in text


def test_error_is_one_line(show, tmp_path):
    status, text, errors = show(tmp_path / 'nothing.yaml')
    assert (status, text) == (1, '')
    assert errors == f'rl_policy inspect: train config {tmp_path}/nothing.yaml: no such file\n'


def test_code_in_a_checkpoint_is_run_only_where_it_is_named(show, tmp_path):
    folder, mark = runs.flat_run(tmp_path), tmp_path / 'ran'
    content = torch.load(folder / 'Mine.pth', weights_only=False)
    torch.save({**content, 'env_state': Trap(mark)}, folder / 'Mine.pth')
    status, text, errors = show(folder)
    assert (status, text, len(errors.splitlines())) == (1, '', 1) and not mark.exists()
    status, text, _ = show(folder, '--allow-untrusted-pickle', 'Mine.pth')
    assert status == 0 and 'CODE FROM IT WAS RUN' in words(text) and mark.exists()


def test_names_of_a_stranger_are_shown_and_not_obeyed(show, tmp_path):
    file = runs.write(tmp_path / 'train.yaml', {'params': runs.params()})
    runs.save(tmp_path / 'Mine.pth', file, Spaces((5,), 3), **{'\x1b[2J[/bold]': 1})
    status, text, _ = show(tmp_path)
    assert status == 0 and '�[2J[/bold]' in text and '\x1b' not in text


def test_unresolved_values_are_shown(show, tmp_path):
    tree = {'params': runs.params(config={'experiment_name': '${nowhere.to_be_found}'})}
    _, text, _ = show(runs.write(tmp_path / 'train.yaml', tree))
    assert 'unresolved params.config.experiment_name' in words(text)


def test_command_line_does_not_import_torch_until_it_is_needed():
    code = 'import sys; from rl_policy_node.tools import main; sys.exit(bool({"torch", "rich"} & set(sys.modules)))'
    assert subprocess.run([sys.executable, '-c', code], cwd=Path(__file__).resolve().parents[2]).returncode == 0


@pytest.mark.parametrize(
    'value, text',
    [
        (0.0, '0'),
        (-0.5, '−0.5'),
        (1234.5678, '1235'),
        (3e-5, '3e-05'),
        (-3e-5, '−3e-05'),
        (float('-inf'), '−∞'),
        (2e6, '2e+06'),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    'values, limits, text',
    [
        ((1.0, 2.0), (1.0, 2.0), '1 2'),
        ((1.0, 1.0), (1.0, 1.0), '1'),
        ((), (0.5, 2.0), '0.5 … 2'),
        ((), None, '?'),
        ((1.0, 2.0, 3.0, 4.0, 5.0), None, '1 … 5'),
    ],
)
def test_reductions(values, limits, text):
    assert numbers(values, limits) == text


@pytest.mark.parametrize(
    'term, text',
    [
        ({}, ''),
        ({'scale': (0.05,)}, 'x × 0.05'),
        ({'offset': (0.5,), 'clip': 1.0, 'scale': (5.0,)}, 'clip((x − 0.5), ±1) × 5'),
        ({'offset': None}, '(x − ?)'),
        ({'scale': (2.0, 2.0, 0.25)}, 'x × [2, 2, 0.25]'),
        ({'difference_to_mean': True, 'scale': (0.5,)}, '(x − mean) × 0.5'),
        ({'difference_to_mean': True}, 'x − mean'),
        ({'clip_range': (0.0, 2.0)}, 'clip(x, 0 … 2)'),
        ({'kind': 'last_action', 'scale': (2.0,)}, ''),
    ],
)
def test_transformation(term, text):
    assert transformation(LayoutTerm('it', (3,), **term)) == text


def test_layers_and_training_in_words():
    assert layers({'units': [8, 4], 'activation': 'elu', 'd2rl': True}) == '8-4 (D2RL), elu'
    assert layers({'type': 'conv2d', 'filters': [32, 64], 'activation': 'relu'}) == 'conv2d of 32-64 filters, relu'
    assert bound(float('inf')) == 'none'
    assert training_text(None) is None


@pytest.mark.parametrize(
    'reward, text', [(1.5, 'best mean reward 1.5'), (-1e9, 'best mean reward none yet'), (-100500.0, 'none yet')]
)
def test_reward_before_the_first_best_is_none_yet(reward, text):
    assert training_text(Training(7, None, reward)).endswith(text)
