# SPDX-License-Identifier: Apache-2.0
"""What a run says of its environment: each value, and where it stands."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from rl_policy_node.policy.contract.facts import Facts, published_shapes
from rl_policy_node.policy.run.trained_run import TrainedRun

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance'
PARAMS = {
    'algo': {'name': 'a2c_continuous'},
    'model': {'name': 'continuous_a2c_logstd'},
    'network': {'name': 'actor_critic'},
    'config': {'name': 'Run'},
}


def facts(tmp_path, config, environment=None):
    """Return the Facts of a run directory with these files."""
    name = 'params/agent.yaml' if environment is not None else 'config.yaml'
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(yaml.safe_dump(config))
    if environment is not None:
        (tmp_path / 'params' / 'env.yaml').write_text(environment)
    return TrainedRun.read(tmp_path).facts


def gym_run(env, **task):
    return {'task': {'name': 'Mine', 'env': env, **task}, 'train': {'params': PARAMS}}


def test_task_half_of_a_run_tells(tmp_path):
    found = facts(
        tmp_path,
        gym_run(
            {
                'numObservations': 48,
                'numActions': 12,
                'clipObservations': 5.0,
                'clipActions': 1,
                'controlFrequencyInv': 2,
            },
            sim={'dt': 0.005},
        ),
    )
    assert {name: fact.value for name, fact in found.known().items()} == {
        'observation': (48,),
        'action': 12,
        'clip_observations': 5.0,
        'clip_actions': 1.0,
        'control_rate': 100.0,
    }
    assert found.clip_observations.source == 'task.env.clipObservations in config.yaml'
    assert found.control_rate.source == '1 / (task.sim.dt × task.env.controlFrequencyInv) in config.yaml'


def test_run_that_says_nothing_is_not_guessed_at(tmp_path):
    assert facts(tmp_path, {'params': PARAMS}) == Facts()
    assert Facts().value('control_rate', 7.0) == 7.0


@pytest.mark.parametrize(
    'env, rate',
    [
        ({}, 50.0),
        ({'controlFrequencyInv': 2}, 25.0),
        ({'control': {'decimation': 4}}, 12.5),
        ({'num_additional_control_steps': 1}, 25.0),
        ({'controlFrequencyInv': None}, 50.0),
    ],
)
def test_control_rate_counts_every_step_of_the_simulation(tmp_path, env, rate):
    assert facts(tmp_path, gym_run(env, sim={'dt': 0.02})).control_rate.value == rate


def test_dict_observation_has_the_keys_that_the_environment_gives_and_the_network_takes(tmp_path):
    config = gym_run({'obsDims': {'pos': [3], 'spare': [2]}, 'use_dict_obs': True, 'numObservations': 21})
    config['train']['params'] = {
        **PARAMS,
        'network': {'name': 'actor_critic_dict', 'input_preprocessors': {'wrist': {}, 'pos': {}}},
    }
    assert facts(tmp_path, config).observation.value == {'wrist': None, 'pos': (3,), 'spare': (2,)}


@pytest.mark.parametrize(
    'clips, whole, each',
    [
        ({'state': 12.0}, 12.0, None),
        ({'a': 5.0, 'b': 5.0}, 5.0, None),
        ({'a': 5.0, 'b': 6.0}, None, {'a': 5.0, 'b': 6.0}),
        ({}, None, None),
    ],
)
def test_clip_of_each_key_is_that_of_a_flat_observation_where_they_are_alike(tmp_path, clips, whole, each):
    found = facts(tmp_path, gym_run({'numObservations': 6, 'clipObservations': clips}))
    assert (found.value('clip_observations'), found.value('clip_inputs')) == (whole, each)
    if 'state' in clips:
        assert found.clip_observations.source == 'task.env.clipObservations.state in config.yaml'


def test_clip_of_each_key_belongs_to_an_input(tmp_path):
    config = gym_run({'obsDims': {'pos': [3], 'spare': [2]}, 'use_dict_obs': True, 'clipObservations': {'pos': 12}})
    found = facts(tmp_path, config)
    assert found.clip_observations is None and found.value('clip_inputs') == {'pos': 12.0}


LAB = """
decimation: 4
sim: {dt: 0.005, gravity: !!python/tuple [0.0, 0.0, -9.81], device: 'cuda:0'}
action_space: 12
observation_space: 48
scene: {robot: {class_type: !!python/name:isaaclab.assets.Articulation ''}}
"""


@pytest.mark.parametrize(
    'env, bound, clip', [({'clip_observations': 5.0, 'clip_actions': 100.0}, 100.0, 5.0), ({}, math.inf, None)]
)
def test_isaac_lab_tells_in_both_of_its_files(tmp_path, env, bound, clip):
    found = facts(tmp_path, {'params': {**PARAMS, 'env': env}}, LAB)
    assert found.value('control_rate') == 50.0 and found.value('observation') == (48,) and found.value('action') == 12
    assert found.value('action_bound') == bound and found.value('clip_observations') == clip
    assert found.control_rate.source == '1 / (sim.dt × decimation) in env.yaml'


def entries():
    return yaml.safe_load((SET / 'entries.yaml').read_text()) if SET.is_dir() else []


def number(text):
    """Return the number that an entry states, math.inf where none was stated."""
    return None if text == 'unknown' else float(str(text).split(' ')[0].removeprefix('.'))


@pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')
@pytest.mark.parametrize('entry', [pytest.param(entry, id=entry['id']) for entry in entries()])
def test_facts_of_published_configs_are_those_of_their_environments(entry):
    task = [f'task={entry["resolve"]["task"]}'] if entry['resolve']['mode'] == 'hydra' else []
    run = TrainedRun.read(SET / entry['file'], None, [*task, *entry['resolve'].get('overrides', [])])
    found = run.facts
    if number(entry['control_hz']) is not None:
        assert abs(found.value('control_rate') - entry['control_hz']) < 0.01
        assert found.value('clip_observations', math.inf) == number(entry['clip_obs'])
        assert found.value('clip_actions', math.inf) == number(entry['clip_actions'])
    assert found.value('action', entry['actions'][0]) == entry['actions'][0]
    observation, actions = published_shapes(run.layout)
    if entry['obs'] != 'unknown' and task:
        assert_fits(observation, entry['obs'])
        assert actions == entry['actions'][0]
    if found.observation is not None:
        assert_fits(found.observation.value, entry['obs'])


def assert_fits(found, wanted):
    if isinstance(wanted, dict):
        assert set(found) == set(wanted)
        assert all(found[key] in (None, tuple(shape)) for key, shape in wanted.items())
    else:
        assert np.prod(found) == np.prod(wanted)
