# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/how-to/extend.md run, and do what the text says."""

import importlib
from pathlib import Path
import re
import sys

from core.core_bench import Bench, policy_of
from nodes.stepper_bench import deliver, flat
import numpy as np
from policy.small_runs import params, write
import pytest
from rl_games.algos_torch import model_builder
from sensor_msgs.msg import BatteryState
import yaml

from rl_policy_node.control.context import Context
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.dry_run import BEGIN
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.sim import create_environment
from rl_policy_node.sim.environment_specs import EnvironmentSpec

TEXT = (Path(__file__).parents[2] / 'docs' / 'how-to' / 'extend.md').read_text('utf-8')
CODE = dict(re.findall(r'```python\n# (\S+)\n(.*?)```', TEXT, re.DOTALL))
PARAMETERS = [yaml.safe_load(text) for text in re.findall(r'```yaml\n(.*?)```', TEXT, re.DOTALL)]
OTHERS = {
    'policy': {'train_config': 'x'},
    'actions': {
        'terms': ['a'],
        'a': {
            'kind': 'raw',
            'size': 1,
            'fallback_value': [0.0],
            'topic': 'a',
            'type': 'std_msgs/msg/Float64MultiArray',
        },
    },
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The files of the document in a package that can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    for path, code in CODE.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(code)
    yield
    for name in [name for name in sys.modules if name.startswith('my_robot')]:
        del sys.modules[name]


def observed(tree, name, change):
    """Return what the network sees of a term when its source says what change(message) makes of a synthetic one."""
    control = configuration(flat({**OTHERS, **tree, 'inputs': {'obs': [name]}})).control
    source = Source(next(iter(control.sources.values())), control, {'obs': (1,)})
    buffers = {source.spec.name: source.buffer}
    observations = ObservationManager(control, {'obs': (1,)}, buffers, {source.spec.name: source.joints}, 1)
    message = source.neutral_message(slice(0, 1), BEGIN)
    change(message)
    deliver(source, 0, message, 1.0)
    return observations.compute(buffers, Context.at_reset(1, 1))['obs']


def test_all_examples_are_tried():
    assert set(CODE) == {f'my_robot/{name}.py' for name in ('battery', 'terms', 'networks', 'cart', 'node')}
    assert len(PARAMETERS) == 4


def test_a_message_type_becomes_an_observation(package):
    def charged(message):
        assert isinstance(message, BatteryState)
        message.voltage = 26.0

    np.testing.assert_allclose(observed(PARAMETERS[0], 'voltage', charged), [[0.2]], rtol=1e-6)


def test_a_function_becomes_an_observation(package):
    tree = {**PARAMETERS[1], 'sources': {'imu': {'topic': 'imu', 'type': 'sensor_msgs/msg/Imu', 'max_age': 0.1}}}

    def turned(message):
        message.orientation.x, message.orientation.w = np.sin(0.15), np.cos(0.15)

    np.testing.assert_allclose(observed(tree, 'tilt', turned), [[0.6]], rtol=1e-6)


def test_a_network_of_a_package_plays(package, tmp_path, monkeypatch):
    monkeypatch.setattr(model_builder, 'NETWORK_REGISTRY', dict(model_builder.NETWORK_REGISTRY))
    file = write(tmp_path / 'train.yaml', {'params': params(network={'name': 'squashed'})})
    policy = Policy.load(file, spaces=Spaces((5,), 3), rows=2, device='cpu', plugins=PARAMETERS[2]['policy']['plugins'])
    actions = policy.act(np.full((2, 5), 100.0, np.float32))
    assert actions.shape == (2, 3) and np.abs(actions).max() < 1.0


def test_a_simulator_of_a_package_is_hosted(package):
    environment = create_environment(EnvironmentSpec(name=PARAMETERS[3]['sim']['environment'], rows=3, seed=1))
    first = environment.reset()['obs'].copy()
    for _ in range(250):
        environment.step(np.zeros((3, 1), np.float32))
    assert first.shape == (3, 2) and environment.control_rate == 50.0
    environment.close()


def test_an_observer_counts_steps(package, tmp_path):
    node = importlib.import_module('my_robot.node')
    count = node.Count()
    bench = Bench(policy_of(tmp_path), observers=[count])
    bench.measure()
    bench.cycle.start()
    for step in range(3):
        bench.step(step)
    assert count.steps == 3 and callable(node.main)
