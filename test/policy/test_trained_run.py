# SPDX-License-Identifier: Apache-2.0
"""A run is read once: every file at most once, and only where it is asked for."""

from pathlib import Path
import subprocess
import sys

from policy import small_runs as runs
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.run.trained_run import TrainedRun


@pytest.fixture
def opened(monkeypatch):
    """Return the names of the files that were read, in that order."""
    names = []

    def noting(read):
        def noted(path, *arguments, **options):
            names.append(path.name)
            return read(path, *arguments, **options)

        return noted

    for name in ('read_bytes', 'read_text'):
        monkeypatch.setattr(Path, name, noting(getattr(Path, name)))
    return names


def test_checkpoint_is_read_when_it_is_asked_for_and_once(tmp_path, opened):
    run = TrainedRun.read(runs.flat_run(tmp_path))
    opened.clear()
    assert run.facts.observation is None and run.layout is None and opened == []
    for _ in range(2):
        spaces = run.spaces(None, run.layout)
        assert (spaces.observation, spaces.action, run.checkpoint.epoch) == ((5,), 3, 7)
    assert opened == ['Mine.pth']


def test_configuration_is_read_at_once(tmp_path):
    runs.write(tmp_path / 'train.yaml', {'params': {}})
    with pytest.raises(ConfigurationError, match='params.algo is missing'):
        TrainedRun.read(tmp_path)


@pytest.mark.parametrize('wanted, chosen', [('', 'Mine.pth'), ('newest', 'Mine.pth'), (None, None)])
def test_checkpoint_is_the_one_that_was_asked_for(tmp_path, wanted, chosen):
    run = TrainedRun.read(runs.flat_run(tmp_path), wanted)
    assert (run.checkpoint and run.checkpoint.path.name) == chosen
    assert (run.weights is None) == (chosen is None)


def test_checkpoint_alone_is_the_checkpoint_of_its_run(tmp_path):
    file, folder = 'last_Mine_ep_7.pth', runs.flat_run(tmp_path)
    runs.save(folder / file, folder / 'train.yaml', Spaces((5,), 3), epoch=8)
    run = TrainedRun.read(folder / file)
    assert (run.config.path, run.checkpoint.path, run.checkpoint.epoch) == (folder / 'train.yaml', folder / file, 8)
    assert TrainedRun.read(folder / file, 'best').checkpoint.epoch == 7
    assert Policy.load(folder / file, device='cpu').checkpoint.epoch == 8


@pytest.mark.parametrize(
    'content, told',
    [
        ({'model_state_dict': {}, 'iter': 9}, 'looks like a file of rsl_rl; '),
        ({'model': {'a2c_network.mu.bias': torch.ones(2)}}, 'its configuration is not found'),
        (None, 'no such file'),
    ],
)
def test_checkpoint_alone_without_a_run_says_first_what_it_is(tmp_path, content, told):
    if content is not None:
        torch.save(content, tmp_path / 'model.pt')
    with pytest.raises(ConfigurationError) as error:
        TrainedRun.read(tmp_path / 'model.pt')
    assert str(error.value).startswith(f'checkpoint {tmp_path}/model.pt: {told}')


def test_run_without_checkpoint_says_why(tmp_path):
    runs.write(tmp_path / 'train.yaml', {'params': runs.params()})
    run = TrainedRun.read(tmp_path)
    assert run.checkpoint is None and run.checkpoint_choice[1].endswith('no checkpoint (*.pth) in it or in its nn/')
    with pytest.raises(ConfigurationError, match='no checkpoint'):
        TrainedRun.read(tmp_path, 'best').checkpoint  # named, so it has to be there


@pytest.mark.slow
def test_run_is_read_without_rl_games(tmp_path):
    code = (
        'import sys; from rl_policy_node.policy.run.trained_run import TrainedRun; '
        f'run = TrainedRun.read({str(runs.flat_run(tmp_path))!r}); '
        'print(run.spaces(None, run.layout).observation, run.ignored, "rl_games" in sys.modules)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '(5,) () False'
