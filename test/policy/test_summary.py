# SPDX-License-Identifier: Apache-2.0
"""What a summary says of a run is what its files say, and it says where."""

import json
import math
from pathlib import Path

from policy import small_runs as runs
from policy.checkpoints import Trap
import pytest
import torch
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Spaces
from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.summary import as_plain, summarize

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance'
MODELS = Path(__file__).resolve().parents[2] / 'rl_policy_node' / 'models' / 'insertion'


def whats(summary):
    return [missing.what for missing in summary.missing]


def test_shipped_model():
    summary = summarize(MODELS / 'train.yaml', MODELS / 'policy.pth')
    assert summary.network.rnn.value == {
        'kind': 'lstm',
        'units': 256,
        'layers': 2,
        'before_mlp': True,
        'layer_norm': False,
    }
    assert summary.network.state.value == ((2, 256), (2, 256))
    assert summary.network.mlp == Fact(
        {'units': [256, 128, 64], 'activation': 'elu', 'd2rl': False}, 'params.network in train.yaml'
    )
    assert summary.network.central_value.value == 'actor_critic_dict'
    assert [(observation.name, observation.shape.value) for observation in summary.observations][-2:] == [
        ('tactile_force_field_left', (4, 4, 3)),
        ('tactile_force_field_right', (4, 4, 3)),
    ]
    assert summary.actions.size == Fact(6, 'weights: a2c_network.mu.weight')
    assert (summary.training.epoch, summary.training.frame) == (200, 1630208)
    assert summary.control_rate is None and 'control_rate' in whats(summary)
    assert summary.problems == ()


def test_number_that_never_moved_is_told_from_one_that_moved_little():
    still = {
        observation.name: observation.statistics
        for observation in summarize(MODELS / 'train.yaml', MODELS / 'policy.pth').observations
    }
    assert still['socket_quat'].still == 4  # the socket stands upright; its variance is the initial one's rest
    assert still['socket_pos'].still == 0  # ± 3 mm
    assert still['socket_pos'].samples == 6553600


def test_critic_does_not_act():
    summary = summarize(MODELS / 'train.yaml', MODELS / 'policy.pth')
    assert summary.network.parameters.value - summary.network.acting_parameters.value == 64 + 1 + 6  # value, sigma


def test_file_beside_checkpoints_of_others_takes_none_of_them():
    summary = summarize(MODELS / 'train.yaml')
    assert summary.files.checkpoint is None and 'bears the name insertion' in summary.missing[0].why
    assert whats(summary)[:2] == ['checkpoint', 'sizes']
    assert [observation.shape.value for observation in summary.observations] == [None] * 6


@pytest.fixture
def anymal(tmp_path):
    def still(model):
        model['running_mean_std.count'].fill_(1000.0)
        model['running_mean_std.running_var'][5] = 1e-3

    return summarize(runs.anymal_run(tmp_path, still))


def test_anymal_is_made_of_its_terms(anymal):
    (observation,) = anymal.observations
    assert [(term.name, term.start, term.size) for term in observation.terms] == [
        ('lin_vel', 0, 3),
        ('ang_vel', 3, 3),
        ('gravity', 6, 3),
        ('command', 9, 3),
        ('joint_pos', 12, 12),
        ('joint_vel', 24, 12),
        ('actions', 36, 12),
    ]
    assert observation.terms[4].joints == tuple(runs.LEGS) and observation.terms[4].offset[3] == 0.3
    assert observation.terms[3].scale == (2.0, 2.0, 0.25)
    assert observation.terms[1].statistics.still_at == (2,) and observation.terms[0].statistics.still == 0
    assert any('ang_vel: has numbers that never moved' in line for line in anymal.decisions)


def test_anymal_values_say_where_they_stand(anymal):
    assert anymal.observations[0].shape == Fact((48,), 'weights: running_mean_std.running_mean')
    assert anymal.observations[0].clip == Fact(5.0, 'task.env.clipObservations in config.yaml')
    assert anymal.actions.size == Fact(12, 'task.env.numActions in config.yaml')
    assert anymal.actions.environment_clip == Fact(1.0, 'task.env.clipActions in config.yaml')
    assert anymal.actions.clip == Fact(True, "rl_games' default")
    assert anymal.control_rate.value == 50.0 and 'task.sim.dt' in anymal.control_rate.source
    assert anymal.actions.sigma.least == pytest.approx(math.exp(-1)) == anymal.actions.sigma.greatest
    assert anymal.files.checkpoint_why.startswith('the best by reward')
    assert anymal.files.set_aside == ('optimizer',) and not anymal.files.executed


def test_anymal_lacks_what_only_the_robot_tells(anymal):
    assert whats(anymal) == ['topics', 'command topic', 'joint limits']
    assert any('PD' in note for note in anymal.notes)
    assert anymal.next_command.startswith('rl_policy init ') and anymal.next_command.endswith(' -o robot.yaml')


def test_isaac_lab_run_names_what_no_file_holds(tmp_path):
    summary = summarize(runs.lab_run(tmp_path))
    assert [(term.name, term.size) for term in summary.observations[0].terms] == [
        ('base_ang_vel', 3),
        ('joint_pos', 4),
        ('actions', 4),
    ]
    assert summary.files.environment.name == 'env.yaml'
    assert summary.control_rate.value == 50.0 and 'env.yaml' in summary.control_rate.source
    assert whats(summary).count('joint names') == 2
    assert summary.actions.terms[0].offset == (0.2,)
    assert any('nothing bounds the actions' in line for line in summary.decisions)


def test_infinite_bounds_are_a_problem_and_the_rest_is_shown(tmp_path):
    folder = runs.lab_run(tmp_path)
    summary = summarize(folder, overrides=['params.config.clip_actions=true'])
    assert 'must be finite' in summary.problems[0]
    assert any('gives NaN' in line for line in summary.decisions)
    assert summary.actions.size.value == 4 and summary.network.parameters is None
    assert summary.next_command.endswith(' --override params.config.clip_actions=true -o robot.yaml')


def test_sac(tmp_path):
    file = runs.write(tmp_path / 'train.yaml', {'params': runs.params(**runs.SAC)})
    runs.save_sac(tmp_path / 'Mine.pth', file, Spaces((5,), 3))
    summary = summarize(tmp_path)
    assert summary.player == Fact('RescalingSacPlayer', 'rl_policy_node.policy.rl_games.patched_players')
    assert summary.actions.sigma.kind == 'network' and summary.actions.clip.value
    assert summary.network.acting_parameters.value == 5 * 8 + 8 + 8 * 4 + 4 + 4 * 6 + 6
    assert not any('rescaled' in line for line in summary.decisions)  # ±1 is what it clamps to anyway


def test_discrete(tmp_path):
    file = runs.write(tmp_path / 'train.yaml', {'params': runs.params(**runs.DISCRETE)})
    runs.save(tmp_path / 'Mine.pth', file, Spaces((5,), {'discrete': 4}))
    actions = summarize(tmp_path).actions
    assert (actions.size.value, actions.kind, actions.choices) == (1, 'discrete', (4,))
    assert actions.low is actions.clip is actions.sigma is None


def test_multi_discrete(tmp_path):
    changes = {**runs.DISCRETE, 'model': {'name': 'multi_discrete_a2c'}, 'network': {'space': {'multi_discrete': {}}}}
    file = runs.write(tmp_path / 'train.yaml', {'params': runs.params(**changes)})
    runs.save(tmp_path / 'Mine.pth', file, Spaces((5,), {'multi_discrete': [4, 2]}))
    summary = summarize(tmp_path)
    assert (summary.actions.size.value, summary.actions.choices) == (2, (4, 2))
    assert summary.network.acting_parameters.value == summary.network.parameters.value - 5


def test_tanh_and_samples_are_decisions(tmp_path):
    folder = runs.flat_run(tmp_path, model={'name': 'continuous_a2c_tanh'}, config={'player': {'deterministic': False}})
    lines = summarize(folder).decisions
    assert 'mean clamped to ±1' in lines[0] and 'tanh' in lines[0] and 'plays samples' in lines[1]
    assert 'clamped' not in summarize(folder, overrides=['+params.config.clip_actions=false']).decisions[0]


def test_run_without_a_checkpoint_is_built_where_its_sizes_are_known(tmp_path):
    folder = runs.anymal_run(tmp_path)
    (folder / 'nn' / 'Anymal.pth').unlink()
    summary = summarize(folder)
    assert summary.network.parameters.value > 0 and summary.training is None
    assert summary.observations[0].shape == Fact((48,), "Anymal's environment as published")
    assert summary.observations[0].statistics is None
    assert whats(summary)[0] == 'checkpoint' and 'sizes' not in whats(summary)


def test_size_that_is_said_nowhere_is_missing(tmp_path):
    summary = summarize(runs.write(tmp_path / 'train.yaml', {'params': runs.params()}))
    assert summary.player.value is None and summary.observations[0].shape == Fact(None, 'said nowhere')
    assert whats(summary)[:2] == ['checkpoint', 'sizes'] and summary.problems == ()


def test_unknown_network_is_a_problem_before_sizes_are_known(tmp_path):
    file = runs.write(tmp_path / 'train.yaml', {'params': runs.params(network={'name': 'complex_net'})})
    assert "unknown params.network.name 'complex_net'" in summarize(file).problems[0]


def test_checkpoint_of_another_network_is_a_problem(tmp_path):
    folder = runs.flat_run(tmp_path)
    summary = summarize(folder, overrides=['params.network.mlp.units=[8,8]'])
    assert 'of another network than the train config' in summary.problems[0]
    assert summary.observations[0].shape.value == (5,)


def test_environment_that_the_run_changed_is_not_described_as_published(tmp_path):
    folder = runs.anymal_run(tmp_path)
    runs.save(folder / 'nn' / 'Anymal.pth', folder / 'config.yaml', Spaces((50,), 12))
    summary = summarize(folder)
    assert summary.observations[0].shape.value == (50,) and summary.observations[0].terms == ()
    assert 'layout' in whats(summary)


@pytest.mark.parametrize(
    'break_it',
    [
        lambda file: file.write_bytes(b'PK\x03\x04 torn'),
        lambda file: file.write_text(''),
        lambda file: torch.save({'model': Trap(file.parent / 'ran')}, file),
    ],
)
def test_broken_or_evil_checkpoint_is_refused_in_one_line(tmp_path, break_it):
    folder = runs.flat_run(tmp_path)
    break_it(folder / 'Mine.pth')
    with pytest.raises(ConfigurationError, match='Mine.pth') as error:
        summarize(folder)
    assert '\n' not in str(error.value) and not (folder / 'ran').exists()


def test_sizes_that_contradict_each_other_name_the_checkpoint_that_was_found(tmp_path):
    folder = runs.anymal_run(tmp_path)
    with pytest.raises(ConfigurationError, match='says 11.*Anymal.pth says 12 .that checkpoint: the best by reward'):
        summarize(folder, overrides=['task.env.numActions=11'])


def test_summary_is_plain_data_without_infinities(tmp_path):
    plain = as_plain(summarize(runs.lab_run(tmp_path)))
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain['actions']['high'] == {'value': None, 'source': 'no params.env.clip_actions in agent.yaml'}
    assert as_plain({1: (float('nan'), Path('a'), True, 2)}) == {'1': [None, 'a', True, 2]}


def test_statistics_of_images_are_told_by_their_range(tmp_path):
    file = runs.write(tmp_path / 'train.yaml', {'params': runs.params()})
    runs.save(tmp_path / 'Mine.pth', file, Spaces((70,), 2))
    statistics = summarize(tmp_path).observations[0].statistics
    assert statistics.mean == statistics.std == () and statistics.mean_range == (0.0, 0.0)
    assert statistics.samples == 0 and statistics.still == 0  # nothing was trained, so nothing stood still


def test_keys_that_the_network_joins_have_their_own_part_of_the_statistics(tmp_path):
    config = runs.params(network={'inputs': {'tail': {}, 'head': {}}})
    task = {'name': 'Mine', 'env': {'use_dict_obs': True, 'obsDims': {'head': [2], 'tail': [3]}, 'numActions': 1}}
    runs.write(tmp_path / 'config.yaml', {'task': task, 'train': {'params': config}})
    runs.save(
        tmp_path / 'nn' / 'Mine.pth',
        tmp_path / 'config.yaml',
        change=lambda model: model['running_mean_std.running_mean'].copy_(torch.arange(5.0)),
    )
    means = {observation.name: observation.statistics.mean for observation in summarize(tmp_path).observations}
    assert means == {'head': (3.0, 4.0), 'tail': (0.0, 1.0, 2.0)}


def entries():
    return yaml.safe_load((SET / 'entries.yaml').read_text()) if SET.is_dir() else []


def number(text):
    """Return the number that an entry states, math.inf where none was stated."""
    return None if text == 'unknown' else float(str(text).split(' ')[0].removeprefix('.'))


@pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')
@pytest.mark.parametrize('entry', [pytest.param(entry, id=entry['id']) for entry in entries()])
def test_published_config_is_what_its_environment_is(entry):
    task = [f'task={entry["resolve"]["task"]}'] if entry['resolve']['mode'] == 'hydra' else []
    summary = summarize(SET / entry['file'], overrides=[*task, *entry['resolve'].get('overrides', [])])
    json.dumps(as_plain(summary), allow_nan=False)
    if entry['obs'] == 'unknown':
        assert entry['network'] in summary.problems[0]
        return
    shapes = {observation.name: observation.shape.value for observation in summary.observations}
    wanted = entry['obs'] if isinstance(entry['obs'], dict) else {'obs': entry['obs']}
    assert {name: math.prod(shape) for name, shape in shapes.items()} == {
        name: math.prod(shape if isinstance(shape, list) else [shape]) for name, shape in wanted.items()
    }
    assert summary.actions.size.value == entry['actions'][0]
    assert summary.problems == ()
    if entry['network'] != 'amp':  # whose discriminator the reference counts, and a player does not have
        assert summary.network.parameters.value == entry['reference']['parameters']
    states = [(shape[0], *shape[2:]) for shape in entry['reference'].get('recurrent_states') or ()]
    assert list(summary.network.state.value) == states
    if number(entry['control_hz']) is not None:
        assert summary.control_rate.value == pytest.approx(entry['control_hz'], abs=0.01)
        assert summary.observations[0].clip.value == number(entry['clip_obs'])
        assert summary.actions.environment_clip.value == number(entry['clip_actions'])
