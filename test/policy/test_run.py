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


@pytest.mark.parametrize(
    'files, checkpoint, config',
    [
        (['config.yaml', 'nn/Ant.pth'], 'nn/Ant.pth', 'config.yaml'),
        (['params/agent.yaml', 'params/env.yaml', 'nn/last_Ant_ep_9.pth'], 'nn/last_Ant_ep_9.pth', 'params/agent.yaml'),
        (['.hydra/config.yaml', 'Ant.pth'], 'Ant.pth', '.hydra/config.yaml'),
        (['train.yaml', 'Ant.pth', 'Bee.pth'], 'Bee.pth', 'train.yaml'),
        (['train.yaml', 'model_1500.pt'], 'model_1500.pt', 'train.yaml'),
    ],
)
def test_run_of_a_checkpoint_is_the_one_that_it_lies_in(tmp_path, monkeypatch, files, checkpoint, config):
    touch(tmp_path, *files)
    run = find_run(tmp_path / checkpoint)
    assert (run.config, run.folder) == (tmp_path / config, tmp_path)
    assert (run.environment is not None) == (config == 'params/agent.yaml')
    monkeypatch.chdir((tmp_path / checkpoint).parent)
    found = find_run((tmp_path / checkpoint).name)
    assert found.config.resolve() == tmp_path / config and found.folder.resolve() == tmp_path


@pytest.mark.parametrize(
    'files, told',
    [
        (['nn/Ant.pth'], 'no configuration in it; looked for config.yaml, params/agent.yaml'),
        (['nn/Ant.pth', 'a.yaml', 'b.yaml'], 'it holds 2 train configs (a.yaml, b.yaml); name one of them'),
    ],
)
def test_checkpoint_without_a_run_says_what_to_name(tmp_path, files, told):
    touch(tmp_path, *files)
    with pytest.raises(ConfigurationError) as error:
        find_run(tmp_path / 'nn' / 'Ant.pth')
    text = str(error.value)
    assert text.startswith(f'checkpoint {tmp_path}/nn/Ant.pth: its configuration is not found (run {tmp_path}: {told}')
    assert text.endswith(
        "Name the configuration first (the train YAML, the run's config.yaml or params/agent.yaml), and this file "
        'after it'
    )


NAMED = 'params: {{config: {{name: {}}}}}'


@pytest.mark.parametrize('checkpoint', ['nn/Ant.pth', 'nn/last_Ant_ep_9_rew_3.5.pth', 'Ant_ep_9.pth'])
def test_run_without_a_configuration_is_that_of_the_train_config_beside_it_with_its_name(tmp_path, checkpoint):
    touch(tmp_path, 'ant.yaml', text=NAMED.format('Ant'))
    touch(tmp_path, 'big.yaml', text=NAMED.format('AntBig'))
    touch(tmp_path, f'Ant_21-10/{checkpoint}')
    for given in ('Ant_21-10', f'Ant_21-10/{checkpoint}'):
        run = find_run(tmp_path / given)
        assert (run.config, run.folder) == (tmp_path / 'ant.yaml', tmp_path / 'Ant_21-10')
    assert find_checkpoint(run, 'Ant')[0] == tmp_path / 'Ant_21-10' / checkpoint


@pytest.mark.parametrize('names, told', [(['Bee', 'AntBig'], 'none'), (['Ant', 'Ant'], 'several')])
def test_train_config_beside_a_run_is_not_guessed(tmp_path, names, told):
    for file, name in zip(('a.yaml', 'b.yaml'), names):
        touch(tmp_path, file, text=NAMED.format(name))
    touch(tmp_path, 'run/nn/Ant.pth')
    with pytest.raises(ConfigurationError) as error:
        find_run(tmp_path / 'run')
    assert str(error.value).endswith(
        f'; beside it lie train configs (a.yaml, b.yaml), {told} of which bear the name of Ant.pth '
        f'(params.config.name): name the one of this run, and {tmp_path}/run/nn/Ant.pth after it'
    )


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
