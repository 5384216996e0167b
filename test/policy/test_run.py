# SPDX-License-Identifier: Apache-2.0
"""Run directories: which configuration, which checkpoint, and refusals that say what was looked for."""

import os

import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.run.files import find_checkpoint, find_run
from rl_policy_node.policy.run.yaml_file import read_yaml


def touch(folder, *names, text='params: {}'):
    """Write files, the later ones newer."""
    for age, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1000 + age, 1000 + age))


@pytest.mark.parametrize(
    'files, config',
    [
        (['config.yaml', 'notes.yaml'], 'config.yaml'),
        (['params/agent.yaml', 'params/env.yaml'], 'params/agent.yaml'),
        (['.hydra/config.yaml', '.hydra/overrides.yaml'], '.hydra/config.yaml'),
        (['train.yaml'], 'train.yaml'),
    ],
)
def test_config_of_a_run_directory_is_found(tmp_path, files, config):
    touch(tmp_path, *files)
    run = find_run(tmp_path)
    assert run.config == tmp_path / config and run.folder == tmp_path
    assert find_run(tmp_path / config) == run


def test_environment_of_isaac_lab_stands_beside(tmp_path):
    touch(tmp_path, 'params/agent.yaml', 'params/env.yaml')
    assert find_run(tmp_path).environment == tmp_path / 'params' / 'env.yaml'
    assert find_run(tmp_path / 'params').folder == tmp_path


def test_folder_inside_of_a_run_means_the_run(tmp_path):
    touch(tmp_path, 'config.yaml', 'nn/Ant.pth')
    assert find_run(tmp_path / 'nn').config == tmp_path / 'config.yaml'


@pytest.mark.parametrize(
    'files, told',
    [
        ([], 'no configuration in it; looked for config.yaml, params/agent.yaml'),
        (['a.yaml', 'b.yaml'], 'it holds 2 train configs (a.yaml, b.yaml); name one of them'),
        (['one/config.yaml', 'two/params/agent.yaml'], 'it is a folder of runs (one, two); name one of them'),
    ],
)
def test_directory_without_one_configuration_is_refused(tmp_path, files, told):
    touch(tmp_path, *files)
    with pytest.raises(ConfigurationError) as error:
        find_run(tmp_path)
    assert str(error.value).startswith(f'run {tmp_path}: {told}')


@pytest.mark.parametrize(
    'files, wanted, chosen, why',
    [
        (['nn/last_Ant_ep_900.pth', 'nn/Ant.pth'], '', 'Ant.pth', 'the best by reward'),
        (['nn/Ant.pth', 'nn/last_Ant_ep_900_rew_3.5.pth'], 'newest', 'last_Ant_ep_900_rew_3.5.pth', 'the newest of 2'),
        (['nn/last_Ant_ep_1000.pth', 'nn/last_Ant_ep_900.pth'], 'best', 'last_Ant_ep_1000.pth', 'there is no Ant.pth'),
        (['some.pth'], '', 'some.pth', 'the newest of 1; there is no Ant.pth'),
        (['Bee.pth', 'Ant_ep_2.pth', 'Cat.pth'], '', 'Ant_ep_2.pth', 'the newest of 1; there is no Ant.pth'),
    ],
)
def test_checkpoint_of_a_run_is_chosen_and_why(tmp_path, files, wanted, chosen, why):
    touch(tmp_path, 'config.yaml', *files)
    path, told = find_checkpoint(find_run(tmp_path), 'Ant', wanted)
    assert path.name == chosen and why in told


def test_run_without_checkpoint_is_refused(tmp_path):
    touch(tmp_path, 'config.yaml')
    with pytest.raises(ConfigurationError, match=r'no checkpoint \(\*.pth\) in it or in its nn/'):
        find_checkpoint(find_run(tmp_path), 'Ant')


def test_checkpoints_that_may_be_of_another_run_are_not_guessed_at(tmp_path):
    touch(tmp_path, 'train.yaml', 'a.pth', 'b.pth')
    with pytest.raises(ConfigurationError, match=r'bears the name Ant \(a.pth, b.pth\); name one of them'):
        find_checkpoint(find_run(tmp_path), 'Ant')


def test_python_tags_are_read_as_plain_data_and_nothing_is_constructed(tmp_path):
    path = tmp_path / 'env.yaml'
    path.write_text(f"""
sim: {{dt: 0.005, device: !!python/name:torch.device '', gravity: !!python/tuple [0.0, 0.0, -9.81]}}
joints: !!python/object/apply:builtins.slice [null, 3, null]
cfg: !!python/object:some.package.Config {{a: 1}}
evil: !!python/object/apply:os.mkdir [{tmp_path / 'made'}]
new: !!python/object/new:os.system [echo]
own: !custom {{kind: robot}}
rate: 5e-4
""")
    assert read_yaml(path, 'environment') == {
        'sim': {'dt': 0.005, 'device': 'torch.device', 'gravity': [0.0, 0.0, -9.81]},
        'joints': [None, 3, None],
        'cfg': {'a': 1},
        'evil': [str(tmp_path / 'made')],
        'new': ['echo'],
        'own': {'kind': 'robot'},
        'rate': 5e-4,
    }
    assert not (tmp_path / 'made').exists()
