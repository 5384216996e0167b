# SPDX-License-Identifier: Apache-2.0
"""Training frameworks: which one wrote a run; another one is a RunFormat of its own and nothing else."""

import pytest
import yaml

from rl_policy_node.policy import formats
from rl_policy_node.policy.contract.facts import Facts
from rl_policy_node.policy.formats import format_of
from rl_policy_node.policy.formats.run_format import RunFormat
from rl_policy_node.policy.formats.statements import first
from rl_policy_node.policy.layouts import Layout, LayoutTerm
from rl_policy_node.policy.run.train_config import TrainConfig
from rl_policy_node.policy.run.trained_run import TrainedRun

PARAMS = {
    'algo': {'name': 'a2c_continuous'},
    'model': {'name': 'continuous_a2c_logstd'},
    'network': {'name': 'actor_critic'},
    'config': {'name': 'Run'},
}


def write(folder, **contents):
    """Write YAML files, name → content; `__` in a name is a slash."""
    for name, content in contents.items():
        path = folder / f'{name.replace("__", "/")}.yaml'
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    'contents, name',
    [
        ({'config': {'task': {'name': 'Ant', 'env': {'numActions': 8}}, 'train': {'params': PARAMS}}}, 'IsaacGymEnvs'),
        ({'params__agent': {'params': PARAMS}, 'params__env': {'decimation': 4}}, 'IsaacLab'),
        ({'params__agent': {'params': PARAMS}}, 'RlGames'),
        ({'train': {'params': PARAMS}}, 'RlGames'),
    ],
)
def test_framework_is_told_by_the_content(tmp_path, contents, name):
    write(tmp_path, **contents)
    assert type(format_of(TrainConfig.read(tmp_path))).__name__ == name


class Another(RunFormat):
    """Writes cfg/learner.yaml, and the environment in cfg/world.yaml."""

    configs = ('cfg/learner.yaml',)
    environment = 'world.yaml'

    def wrote(self, config):
        return 'world' in config.environment

    def facts(self, config):
        return Facts(action=first(config, ('environment', 'world.actions'), kind=int))

    def layout(self, config):
        return Layout('another', {'obs': (LayoutTerm('all', (4,), 'unknown'),)})


@pytest.fixture
def another(monkeypatch):
    """List one more framework."""
    monkeypatch.setattr(formats, 'FORMATS', (Another(), *formats.FORMATS))


def test_another_framework_is_a_format_and_nothing_else(tmp_path, another):
    write(tmp_path, cfg__learner={'params': PARAMS}, cfg__world={'world': {'actions': 3}})
    for place in (tmp_path, tmp_path / 'cfg', tmp_path / 'cfg' / 'learner.yaml'):
        run = TrainedRun.read(place)
        assert run.config.run.folder == tmp_path and run.config.run.environment == tmp_path / 'cfg' / 'world.yaml'
        assert run.facts.action.value == 3 and run.facts.action.source == 'world.actions in world.yaml'
        spaces = run.spaces(None, run.layout)
        assert (spaces.observation, spaces.action) == ((4,), 3)
