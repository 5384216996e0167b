# SPDX-License-Identifier: Apache-2.0
"""A file with nothing to compose is read without Hydra, and becomes what Hydra makes of it."""

from pathlib import Path

from omegaconf import OmegaConf
from policy.golden_set import SET
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.run import compose
from rl_policy_node.policy.run.compose import compose_file

OWN = sorted(Path(__file__).parent.glob('*.yaml'))
# what a run of IsaacGymEnvs leaves
RUN = """
seed: 7
name: ${task.name}
task: {name: Ant, env: {numEnvs: '${resolve_default:4096,${...num_envs}}', 1: whole}}
train: {params: {config: {name: '${....name}', clip: '???', none: null}}}
"""
ASKED = '+_asked=1'  # an override asks for Hydra


def with_hydra(path):
    config = compose_file(path, [ASKED])
    OmegaConf.set_struct(config, False)
    del config['_asked']
    OmegaConf.set_struct(config, True)
    return config


def without_hydra(path):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compose, 'compose', refuse)
        return compose_file(path)


def refuse(*_, **__):
    raise ValueError('Hydra was asked')


def assert_same(path):
    short, long = without_hydra(path), with_hydra(path)
    assert OmegaConf.to_yaml(short) == OmegaConf.to_yaml(long)
    assert OmegaConf.to_container(short) == OmegaConf.to_container(long)
    assert OmegaConf.is_struct(short)


@pytest.mark.parametrize('path', OWN, ids=lambda path: path.stem)
def test_train_yaml_becomes_what_hydra_makes_of_it(path):
    assert_same(path)


def test_config_of_a_run_becomes_what_hydra_makes_of_it(tmp_path):
    (tmp_path / 'config.yaml').write_text(RUN)
    assert_same(tmp_path / 'config.yaml')


@pytest.mark.parametrize('interpolation', ['${a', '${a:'])
def test_what_cannot_be_parsed_is_refused_in_the_words_that_hydra_leads_to(tmp_path, interpolation):
    path = tmp_path / 'train.yaml'
    path.write_text(f"params: {{config: {{name: '{interpolation}'}}}}")
    told = []
    for overrides in ([], [ASKED]):
        with pytest.raises(ConfigurationError) as caught:
            compose_file(path, overrides)
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert told[0].startswith(f'train config {path}: ')


@pytest.mark.parametrize('first', ['defaults: [_self_]', 'hydra: {verbose: true}'])
def test_what_speaks_to_hydra_is_left_to_hydra(tmp_path, first):
    path = tmp_path / 'train.yaml'
    path.write_text(f'{first}\nparams: {{config: {{name: Ant}}}}')
    with pytest.raises(ConfigurationError, match='Hydra was asked'):
        without_hydra(path)


@pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')
def test_published_configs_become_what_hydra_makes_of_them():
    """Each tenth of them, which takes two seconds."""
    paths = sorted(SET.rglob('*.yaml'))[::10]
    checked = 0
    for path in paths:
        try:
            without_hydra(path)
        except ConfigurationError:
            continue  # it has something to compose, or is part of a configuration
        assert_same(path)
        checked += 1
    assert checked > 10
