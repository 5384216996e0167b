# SPDX-License-Identifier: Apache-2.0
"""Relative paths begin at the folder of the parameter file that states them, else at the working directory."""

import json
from pathlib import Path
import re
import shutil

from nodes.harness import Nodes, parameters, wait
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.file_paths import located
from rl_policy_node.nodes.policy.dry_run import read_file, read_values
from rl_policy_node.tools.check import check

TRAIN, CHECKPOINT = 'policy.train_config', 'policy.checkpoint'


def write(file, **values):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({'/**': {'ros__parameters': values}}))
    return file


@pytest.fixture
def places(tmp_path, monkeypatch, run):
    """Two folders with the same run in it, the second is the working directory."""
    for name in ('beside', 'here'):
        (tmp_path / name / 'nn').mkdir(parents=True)
        shutil.copy(run / 'train.yaml', tmp_path / name)
        shutil.copy(run / 'policy.pth', tmp_path / name / 'nn')
    monkeypatch.chdir(tmp_path / 'here')
    return tmp_path / 'beside', tmp_path / 'here'


def found(values, *files, rules=(), needed='policy.'):
    arguments = [part for file in files for part in ('--params-file', str(file))]
    return located(values, ['--ros-args', *arguments, *(part for rule in rules for part in ('-p', rule))], needed)


def test_what_lies_beside_the_file_wins_over_the_working_directory(places):
    beside, here = places
    values = {TRAIN: 'train.yaml', CHECKPOINT: 'nn/policy.pth'}
    file = write(beside / 'robot.yaml', **values)
    assert found(values, file) == {TRAIN: f'{beside}/train.yaml', CHECKPOINT: f'{beside}/nn/policy.pth'}
    (beside / 'train.yaml').unlink()
    assert found(values, file)[TRAIN] == 'train.yaml'
    assert found(values, Path('../beside/robot.yaml'))[CHECKPOINT] == f'{here}/../beside/nn/policy.pth'


def test_the_file_that_states_the_value_counts(places):
    beside, here = places
    first = write(beside / 'robot.yaml', **{CHECKPOINT: 'nn/policy.pth'})
    other = write(beside.parent / 'other' / 'more.yaml', **{TRAIN: 'nn/policy.pth'})
    assert found({CHECKPOINT: 'nn/policy.pth'}, first, other)[CHECKPOINT] == f'{beside}/nn/policy.pth'
    # what overrides it begins where its own file lies
    again = write(other, **{CHECKPOINT: 'nn/policy.pth'})
    assert found({CHECKPOINT: 'nn/policy.pth'}, first, again)[CHECKPOINT] == 'nn/policy.pth'


@pytest.mark.parametrize('rule', [f'{CHECKPOINT}:=nn/policy.pth', f"policy_node:{CHECKPOINT}:='nn/policy.pth'"])
def test_the_command_line_begins_at_the_working_directory(places, rule):
    beside, _ = places
    file = write(beside / 'robot.yaml', **{CHECKPOINT: 'nn/policy.pth'})
    assert found({CHECKPOINT: 'nn/policy.pth'}, file, rules=[rule])[CHECKPOINT] == 'nn/policy.pth'


def test_what_a_service_sets_and_what_launch_passes_on_begin_at_the_working_directory(places):
    beside, _ = places
    file = write(beside / 'robot.yaml', **{CHECKPOINT: 'nn/other.pth'})
    assert found({CHECKPOINT: 'nn/policy.pth'}, file)[CHECKPOINT] == 'nn/policy.pth'
    passed_on = write(beside / 'launch_params_1x', **{CHECKPOINT: 'nn/policy.pth'})
    assert found({CHECKPOINT: 'nn/policy.pth'}, file, passed_on)[CHECKPOINT] == 'nn/policy.pth'


def test_a_missing_file_is_told_with_both_places(places):
    beside, here = places
    file = write(beside / 'robot.yaml', **{CHECKPOINT: 'nn/none.pth', 'sim.config': 'none', TRAIN: '/none/at/all'})
    values = {CHECKPOINT: 'nn/none.pth', 'sim.config': 'none', TRAIN: '/none/at/all'}
    with pytest.raises(ConfigurationError) as caught:
        found(values, file)
    assert re.fullmatch(
        f"parameter '{CHECKPOINT}' is 'nn/none.pth'; expected a path .*{re.escape(str(beside))}, "
        f'.*{re.escape(str(here))}',
        str(caught.value),
    )
    # the bridge needs no checkpoint, and the policy no simulator
    with pytest.raises(ConfigurationError, match="'sim.config' is 'none'"):
        found(values, file, needed='sim.')
    assert found({TRAIN: '/none/at/all'}, file)[TRAIN] == '/none/at/all'


WORDS = {
    CHECKPOINT: 'best',
    TRAIN: 'package://rl_policy_node/models/insertion/train.yaml',
    'sim.environment': 'insertion',
    'sim.python': 'python3',
    'policy.plugins': ['networks', 'more.networks'],
    'policy.device': 'nn',
    'sim.config': '',
    'sim.record': 'nn',
}


def test_words_and_modules_are_no_paths(places):
    beside, _ = places
    for name in ('best', 'insertion', 'python3', 'networks', 'more.networks'):
        (beside / name).mkdir()
    file = write(beside / 'robot.yaml', **WORDS)
    assert found(WORDS, file) == WORDS
    assert found({CHECKPOINT: '???'}, write(file, **{CHECKPOINT: '???'})) == {CHECKPOINT: '???'}


def test_files_of_lists_and_files_with_a_name_in_them_are_found(places):
    beside, _ = places
    for name in ('mine.py', 'world.py', 'venv/bin/python'):
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).touch()
    values = {
        'policy.plugins': ['networks', 'mine.py'],
        'sim.environment': 'world.py:create',
        'sim.python': 'venv/bin/python',
        'sim.python_path': ['nn', 'nowhere'],
    }
    assert found(values, write(beside / 'robot.yaml', **values)) == {
        'policy.plugins': ['networks', f'{beside}/mine.py'],
        'sim.environment': f'{beside}/world.py:create',
        'sim.python': f'{beside}/venv/bin/python',
        'sim.python_path': [f'{beside}/nn', 'nowhere'],
    }


def relative(run, **changes):
    return parameters(run, **{TRAIN: 'train.yaml', CHECKPOINT: 'nn/policy.pth', **changes})


def test_check_finds_the_run_beside_the_file(places, run, capsys):
    beside, here = places
    file = write(beside / 'robot.yaml', **relative(run))
    shutil.rmtree(here / 'nn')
    assert read_file(file).policy.checkpoint == f'{beside}/nn/policy.pth'
    check(file)
    assert 'robot.yaml fits' in capsys.readouterr().out
    overridden = read_values(file, ['-p', f'{CHECKPOINT}:=nn/policy.pth'])
    assert overridden[CHECKPOINT] == 'nn/policy.pth'


def test_the_node_finds_the_run_beside_the_file(places, run, tmp_path):
    beside, here = places
    (here / 'train.yaml').unlink()
    file = write(beside / 'robot.yaml', **relative(run, autostart=True))
    with Nodes(tmp_path, file) as nodes:
        node = nodes.start('policy_node', {})
        assert wait(lambda: 'configured in' in node.tail(), 40), node.tail()
