# SPDX-License-Identifier: Apache-2.0
"""Trees of configurations: a train YAML deep in one is composed with its task, and a root alone is no run."""

from policy import small_runs as runs
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.run.train_config import TrainConfig
from rl_policy_node.policy.run.trained_run import TrainedRun

GO = {
    'name': 'Go',
    'env': {
        'numObservations': 6,
        'numActions': 2,
        'clipObservations': 5.0,
        'clipActions': 1.0,
        'controlFrequencyInv': 4,
    },
    'sim': {'dt': 0.02},
}


def tree(folder, train, task='GROUP/Go', **files):
    """Write a tree whose root chooses `train` and `task`, and a config for each of `files` (name → content)."""
    root = {'defaults': [{'task': task}, {'train': train}, '_self_'], 'seed': 7, 'task_name': '${task.name}'}
    runs.write(folder / 'config.yaml', root)
    for name, content in files.items():
        runs.write(folder / f'{name}.yaml', content)
    return folder


@pytest.mark.parametrize(
    'chosen, file',
    [
        ('GROUP/PPO', 'train/GROUP/PPO'),
        ('${task}PPO', 'train/GROUP/GoPPO'),
        ('A/B/C', 'train/A/B/C'),
        ('PPO', 'train/PPO'),
        ('Other', 'train/GROUP/Go'),  # the task bears its name
    ],
)
def test_train_config_in_a_group_of_groups_is_composed_with_its_task(tmp_path, chosen, file):
    tree(tmp_path, chosen, **{file: {'params': runs.params()}, 'task/GROUP/Go': GO, 'task/Other': {'name': 'Other'}})
    facts = TrainedRun.read(tmp_path / f'{file}.yaml', None).facts
    assert {name: fact.value for name, fact in facts.known().items()} == {
        'observation': (6,),
        'action': 2,
        'clip_observations': 5.0,
        'clip_actions': 1.0,
        'control_rate': 12.5,
    }


def test_task_in_a_group_is_chosen_by_an_override(tmp_path):
    files = {'train/GROUP/PPO': {'params': runs.params()}, 'task/GROUP/Go': GO, 'task/Two/Far': {'name': 'Far'}}
    tree(tmp_path, 'GROUP/PPO', **files)
    config = TrainConfig.read(tmp_path / 'train' / 'GROUP' / 'PPO.yaml', ['task=Two/Far'])
    assert config.task['name'] == 'Far'


def test_task_is_not_guessed_for_a_train_config_that_the_root_does_not_choose(tmp_path):
    files = {'train/GROUP/Big': {'params': runs.params()}, 'task/GROUP/Go': GO}
    tree(tmp_path, 'GROUP/PPO', **files)
    assert TrainConfig.read(tmp_path / 'train' / 'GROUP' / 'Big.yaml').task == {}


def test_folders_that_the_root_does_not_name_are_no_tree(tmp_path):
    tree(tmp_path, 'PPO', **{'mine/PPO': {'params': runs.params()}, 'task/GROUP/Go': GO})
    with pytest.raises(ConfigurationError, match='does not lie in a tree of configurations'):
        TrainConfig.read(tmp_path / 'mine' / 'PPO.yaml', ['task=GROUP/Go'])


@pytest.mark.parametrize('named', ['', 'config.yaml'])
def test_root_without_its_groups_says_what_it_is_and_what_to_name(tmp_path, named):
    tree(tmp_path, '${task}PPO', 'Cartpole')
    (tmp_path / 'nn').mkdir()
    (tmp_path / 'nn' / 'Cartpole.pth').touch()
    with pytest.raises(ConfigurationError) as error:
        TrainConfig.read(tmp_path / named)
    assert str(error.value) == (
        f'train config {tmp_path}/config.yaml: this is the root of a Hydra tree and no run of its own: its defaults '
        'list names task: Cartpole and train: ${task}PPO, but task/ and train/ do not lie beside it. Name what '
        "training wrote: a run's config.yaml with `train:` and `task:` (of Hydra: .hydra/config.yaml), or the train "
        'YAML that was used (in its tree, if it has one), and the checkpoint after it'
    )


def test_what_hydra_does_not_find_is_told_without_its_search_path(tmp_path):
    files = {'train/PPO': {'params': runs.params()}, 'task/GROUP/Go': GO}
    tree(tmp_path, 'PPO', 'Gone', **files)
    with pytest.raises(ConfigurationError) as error:
        TrainConfig.read(tmp_path / 'config.yaml')
    text = str(error.value)
    assert "Could not find 'task/Gone'" in text and 'search path' not in text and 'rl_policy_node_' not in text
