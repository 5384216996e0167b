# SPDX-License-Identifier: Apache-2.0
"""Plug-ins: what they register is built, what goes wrong with one is said in a line, and nothing else changes."""

import numpy as np
import pytest
from rl_games.algos_torch import model_builder
import torch
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces

pytestmark = pytest.mark.usefixtures('as_before')

SPACES = Spaces((5,), 3)
NETWORK = {
    'name': 'actor_critic',
    'mlp': {'units': [8], 'activation': 'elu', 'initializer': {'name': 'default'}},
    'space': {
        'continuous': {
            'mu_activation': 'None',
            'sigma_activation': 'None',
            'mu_init': {'name': 'default'},
            'sigma_init': {'name': 'const_initializer', 'val': 0},
            'fixed_sigma': True,
        }
    },
}
PARAMS = {
    'seed': 5,
    'algo': {'name': 'a2c_continuous'},
    'model': {'name': 'continuous_a2c_logstd'},
    'network': NETWORK,
    'config': {},
}
TURNED = """
from rl_games.algos_torch import models, network_builder
from rl_games.algos_torch.model_builder import register_model, register_network

class Turned(network_builder.A2CBuilder):
    def build(self, name, **kwargs):
        network = super().build(name, **kwargs)
        network.mu_act = network.activations_factory.create('tanh')
        return network

class TurnedModel(models.ModelA2CContinuousLogStd):
    pass

register_network('turned', Turned)
register_model('turned_a2c', TurnedModel)
"""
PLAYER = """
from rl_games.algos_torch.players import PpoPlayerContinuous

class Halved(PpoPlayerContinuous):
    def get_action(self, obs, is_deterministic=False):
        return super().get_action(obs, is_deterministic) / 2

def register(runner):
    runner.player_factory.register_builder('halved', lambda **kwargs: Halved(**kwargs))
"""


@pytest.fixture
def load(tmp_path):
    """Return a function that loads a policy with plug-ins."""

    def load(plugins, algo='a2c_continuous', model='continuous_a2c_logstd', network='actor_critic'):
        params = {**PARAMS, 'algo': {'name': algo}, 'model': {'name': model}, 'network': {**NETWORK, 'name': network}}
        path = tmp_path / 'train.yaml'
        path.write_text(yaml.safe_dump({'params': params}))
        return Policy.load(path, spaces=SPACES, rows=2, device='cpu', plugins=plugins)

    return load


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a plug-in and returns its path."""

    def write(text, name='plugin.py'):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def refusal(load, plugin, **options):
    """Return the one line with which a plug-in is refused; the registries stay as they were."""
    registries = model_builder.NETWORK_REGISTRY, model_builder.MODEL_REGISTRY
    before = [set(names) for names in registries]
    with pytest.raises(ConfigurationError) as error:
        load([plugin], **options)
    assert '\n' not in str(error.value) and str(error.value).startswith(f"plug-in '{plugin}': ")
    assert [set(names) for names in registries] == before
    return str(error.value)


OBSERVATION = np.linspace(-1, 1, 10, dtype=np.float32).reshape(2, 5)


def test_network_and_model_of_a_file_are_built(load, write):
    plain = load([]).act(OBSERVATION)
    found = load([write(TURNED)], model='turned_a2c', network='turned').act(OBSERVATION)
    np.testing.assert_allclose(found, np.tanh(plain), rtol=1e-6)


def test_player_that_a_plugin_registers_plays(load, write):
    plain = load([]).act(OBSERVATION)
    np.testing.assert_array_equal(load([write(PLAYER)], algo='halved').act(OBSERVATION), plain / 2)


def test_module_is_found_by_its_name(load, write, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'my_robot').mkdir()
    write('', 'my_robot/__init__.py')
    write(TURNED + PLAYER, 'my_robot/networks.py')
    assert load(['my_robot.networks'], 'halved', 'turned_a2c', 'turned').act(OBSERVATION).shape == (2, 3)


def test_loading_again_changes_nothing(load, write):
    plugin = write(TURNED + PLAYER)
    first = load([plugin, plugin], 'halved', 'turned_a2c', 'turned').act(OBSERVATION)
    np.testing.assert_array_equal(load([plugin], 'halved', 'turned_a2c', 'turned').act(OBSERVATION), first)


def test_files_of_one_name_are_two_plugins(load, write, tmp_path):
    (tmp_path / 'other').mkdir()
    plugins = [write(TURNED), write(PLAYER, 'other/plugin.py')]
    assert load(plugins, 'halved', 'turned_a2c', 'turned').act(OBSERVATION).shape == (2, 3)


@pytest.mark.parametrize('name', ['actor_critic', 'resnet_actor_critic', 'actor_critic_dict', 'amp'])
def test_network_of_a_name_that_is_taken_is_refused(load, write, name):
    message = refusal(load, write(TURNED.replace("'turned'", f"'{name}'")))
    assert f"registers the network '{name}', which exists already" in message
    assert np.isfinite(load([]).act(OBSERVATION)).all()


def test_model_of_a_name_that_is_taken_is_refused(load, write):
    assert "the model 'continuous_amp', which" in refusal(load, write(TURNED.replace('turned_a2c', 'continuous_amp')))


@pytest.mark.parametrize('name', ['a2c_continuous', 'sac', 'amp_continuous'])
def test_player_of_a_name_that_is_taken_is_refused(load, write, name):
    assert f"the player '{name}', which" in refusal(load, write(PLAYER.replace("'halved'", f"'{name}'")))


def test_name_of_another_plugin_is_taken(load, write):
    load([write(TURNED)])
    assert "the network 'turned', the model 'turned_a2c'" in refusal(load, write(TURNED, 'other.py'))


def test_refused_plugin_is_refused_again(load, write):
    plugin = write(TURNED.replace("'turned'", "'actor_critic'"))
    assert refusal(load, plugin) == refusal(load, plugin)


def test_plugin_that_was_mended_is_loaded(load, write):
    plugin = write('import nothing_of_this_name')
    refusal(load, plugin)
    write(TURNED)
    assert load([plugin], network='turned')


@pytest.mark.parametrize(
    'text, told',
    [
        ('import nothing_of_this_name', "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ('1 / 0', 'ZeroDivisionError: division by zero'),
        ('raise RuntimeError("first\\nsecond")', 'RuntimeError: first second'),
        ('def oops(:', 'SyntaxError: '),
        ('import sys; sys.exit(3)', 'SystemExit: 3'),
        ('def register(): pass', 'TypeError: '),
        ('def register(runner): raise KeyError("x")', "KeyError: 'x'"),
        (TURNED + 'raise ValueError("late")', 'ValueError: late'),
    ],
)
def test_plugin_that_fails_is_refused_in_a_line(load, write, text, told):
    assert told in refusal(load, write(text))


@pytest.mark.parametrize(
    'plugin, told',
    [
        ('my_robot_that_is_not.networks', 'there is no such module'),
        ('json.nothing', 'there is no such module'),
        ('', 'there is no such module'),
        ('..', 'there is no such module'),
        ('/nowhere/plugin.py', 'is not a file'),
    ],
)
def test_plugin_that_there_is_not_is_refused(load, plugin, told):
    assert told in refusal(load, plugin)


def test_plugin_leaves_the_process_as_it_was(load, write, capsys):
    torch.manual_seed(1)
    before = torch.get_rng_state(), torch.get_num_threads(), torch.backends.cudnn.deterministic
    load(
        [
            write(
                'import torch\ntorch.manual_seed(7)\ntorch.set_num_threads(7)\nprint("loud")\n'
                'torch.backends.cudnn.deterministic = True\n'
            )
        ]
    )
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.backends.cudnn.deterministic) == before[1:]
    assert capsys.readouterr().out == ''


def test_plugin_may_ask_rl_games_what_it_knows(load, write):
    """Which enters the built-in names anew: they are not the plug-in's."""
    assert load([write('from rl_games.algos_torch import model_builder\nmodel_builder.ModelBuilder()\n')])
