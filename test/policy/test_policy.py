# SPDX-License-Identifier: Apache-2.0
"""Policies: batches of rows that keep to themselves, checkpoints that fit, and a process left as it was."""

import subprocess
import sys

import numpy as np
from policy.policy_bench import CONTINUOUS, DEFAULT, DICT, FLAT, LOADING, LSTM, NETWORKS, save, train_config
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces

ROWS = 4


@pytest.fixture
def make(tmp_path):
    """Return a function that builds one of NETWORKS."""

    def make(name, **options):
        spaces, network = NETWORKS[name]
        return Policy.load(train_config(tmp_path, network), spaces=spaces, device='cpu', **{'rows': ROWS, **options})

    return make


def observe(spaces, step=0, rows=ROWS):
    """Return random observations of one step."""
    draw = np.random.default_rng(step).normal
    values = {key: draw(size=(rows, *shape)).astype(np.float32) for key, shape in spaces.inputs.items()}
    return values if spaces.is_dict else values['obs']


def play(policy, steps):
    return [policy.act(observe(policy.spaces, step)) for step in steps]


@pytest.mark.parametrize('name', NETWORKS)
@pytest.mark.parametrize('rows', [1, ROWS])
def test_act_gives_an_action_per_row(make, name, rows):
    policy = make(name, rows=rows)
    for step in range(2):
        actions = policy.act(observe(policy.spaces, step, rows))
        assert actions.shape == (rows, policy.spaces.num_actions) and actions.dtype == np.float32
        assert np.isfinite(actions).all() and (np.abs(actions) <= 1).all()


def test_only_recurrent_policies_remember(make):
    for name, recurrent in (('mlp', False), ('lstm', True), ('gru', True), ('dict', True)):
        policy = make(name)
        first, again = policy.act(observe(policy.spaces)), policy.act(observe(policy.spaces))
        assert policy.recurrent == recurrent
        assert np.array_equal(first, again) != recurrent


@pytest.mark.parametrize('name', ['lstm', 'gru', 'dict'])
@pytest.mark.parametrize('rows', [[1, 3], np.array([False, True, False, True]), np.array([3, 1])])
def test_reset_clears_exactly_the_given_rows(make, name, rows):
    policy, fresh, going_on = make(name), make(name), make(name)
    for each in (policy, going_on):
        play(each, range(3))
    policy.reset(rows)
    action, from_scratch, continued = (each.act(observe(each.spaces, 3)) for each in (policy, fresh, going_on))
    np.testing.assert_array_equal(action[[1, 3]], from_scratch[[1, 3]])
    np.testing.assert_array_equal(action[[0, 2]], continued[[0, 2]])
    assert (from_scratch != continued).any(axis=1).all()


@pytest.mark.parametrize('name', NETWORKS)
def test_reset_of_all_rows_starts_again(make, name):
    policy = make(name)
    first = play(policy, range(2))
    policy.reset()
    np.testing.assert_array_equal(play(policy, range(2)), first)


def test_reset_of_no_row_changes_nothing(make):
    policy, untouched = make('lstm'), make('lstm')
    for each in (policy, untouched):
        play(each, range(2))
    policy.reset(np.zeros(ROWS, dtype=bool))
    policy.reset([])
    np.testing.assert_array_equal(*(each.act(observe(FLAT, 2)) for each in (policy, untouched)))


def test_reset_by_a_mask_of_another_length_is_refused(make):
    with pytest.raises(ValueError, match=r'a mask of shape \(3,\); expected \(4,\)'):
        make('lstm').reset(np.array([True, False, True]))


@pytest.mark.parametrize('name', NETWORKS)
def test_row_does_not_depend_on_what_the_other_rows_observe(make, name):
    policy, other = make(name), make(name)
    for step in range(3):
        observations, changed = observe(policy.spaces, step), observe(policy.spaces, 100 + step)
        if policy.spaces.is_dict:
            for key, value in observations.items():
                changed[key][1] = value[1]
        else:
            changed[1] = observations[1]
        left, right = policy.act(observations), other.act(changed)
        np.testing.assert_array_equal(left[1], right[1])
        assert (left[[0, 2, 3]] != right[[0, 2, 3]]).any(axis=1).all()


@pytest.mark.parametrize('name', ['lstm', 'gru', 'dict'])
def test_held_rows_keep_their_state_and_the_others_go_on(make, name):
    policy, never_held, without = make(name), make(name), make(name)
    for each in (policy, never_held, without):
        play(each, range(2))
    policy.act(observe(policy.spaces, 2), hold=np.array([False, True, False, False]))
    never_held.act(observe(policy.spaces, 2))
    held, going_on, waiting = (each.act(observe(policy.spaces, 3)) for each in (policy, never_held, without))
    np.testing.assert_array_equal(held[[0, 2, 3]], going_on[[0, 2, 3]])
    np.testing.assert_array_equal(held[1], waiting[1])
    assert (going_on != waiting).any(axis=1).all()


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'wrist': None}, r"keys \['ee_pos', 'touch'\]; expected \['ee_pos', 'touch', 'wrist'\]"),
        ({'hand': np.zeros((ROWS, 3))}, r"keys \['ee_pos', 'hand', 'touch', 'wrist'\]; expected"),
        ({'touch': np.zeros((ROWS, 12))}, r"'touch' has the shape \(4, 12\); expected \(4, 2, 2, 3\)"),
        ({'ee_pos': np.zeros((ROWS - 1, 3))}, r"'ee_pos' has the shape \(3, 3\); expected \(4, 3\)"),
    ],
)
def test_wrong_observations_are_named(make, changes, told):
    observations = {key: value for key, value in {**observe(DICT), **changes}.items() if value is not None}
    with pytest.raises(ValueError, match=told):
        make('dict').act(observations)


def test_an_array_for_a_dict_policy_and_a_dict_for_a_flat_one_are_named(make):
    with pytest.raises(ValueError, match=r"one array; expected a dict with the keys \['ee_pos', 'touch', 'wrist'\]"):
        make('dict').act(np.zeros((ROWS, 3)))
    with pytest.raises(ValueError, match=r"'obs' is a dict with the keys \['obs'\]; expected one array"):
        make('lstm').act({'obs': observe(FLAT)})


def test_bounds_rescale_what_the_network_gives(tmp_path, make):
    path = train_config(tmp_path, {})
    scaled = Policy.load(
        path, spaces=Spaces((5,), 3, action_low=[-2, 0, -1], action_high=[2, 4, 1]), rows=ROWS, device='cpu'
    )
    np.testing.assert_allclose(
        scaled.act(observe(FLAT)), make('mlp').act(observe(FLAT)) * [2, 2, 1] + [0, 2, 0], rtol=1e-6, atol=1e-6
    )


def test_uint8_images_are_divided_by_255(make, tmp_path):
    floats = make('dict')
    bytes_ = Policy.load(
        tmp_path / 'train.yaml', rows=ROWS, device='cpu', spaces=Spaces(DICT.observation, 2, dtype={'wrist': 'uint8'})
    )
    observations = observe(DICT)
    image = np.random.default_rng(1).integers(0, 256, observations['wrist'].shape).astype(np.uint8)
    as_floats = {**observations, 'wrist': torch.from_numpy(image).float() / 255}
    np.testing.assert_array_equal(bytes_.act({**observations, 'wrist': image}), floats.act(as_floats))


@pytest.mark.parametrize('action, shape', [({'discrete': 4}, (ROWS, 1)), ({'multi_discrete': [2, 7]}, (ROWS, 2))])
def test_discrete_policies_give_integers(tmp_path, action, shape):
    kind = next(iter(action))
    path = train_config(
        tmp_path,
        {'space': {kind: None}},
        'a2c_discrete',
        'discrete_a2c' if kind == 'discrete' else 'multi_discrete_a2c',
    )
    actions = Policy.load(path, spaces=Spaces((5,), action), rows=ROWS, device='cpu').act(observe(FLAT))
    assert actions.shape == shape and actions.dtype == np.int64
    assert (actions >= 0).all() and (actions < ([4] if kind == 'discrete' else [2, 7])).all()


@pytest.mark.parametrize('name', NETWORKS)
def test_checkpoint_tells_the_spaces_and_gives_the_same_policy(make, tmp_path, name):
    policy = make(name)
    with torch.no_grad():
        for tensor in policy.player.model.state_dict().values():
            tensor.add_(0.125)
    loaded = Policy.load(tmp_path / 'train.yaml', save(policy, tmp_path / 'policy.pth'), rows=ROWS, device='cpu')
    assert loaded.spaces == policy.spaces
    assert loaded.checkpoint.path == tmp_path / 'policy.pth'
    np.testing.assert_array_equal(play(loaded, range(2)), play(policy, range(2)))


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'rnn': LSTM}, r'\d+ parameters are missing, first a2c_network\.\S*rnn'),
        ({'mlp': {'units': [16, 16], 'activation': 'elu', **DEFAULT}}, '2 parameters are missing, first .*actor_mlp'),
        (
            {'mlp': {'units': [8], 'activation': 'elu', **DEFAULT}},
            r'actor_mlp\.0\.weight is \(16, 5\), the network wants \(8, 5\)',
        ),
        ({'rnn': LSTM, 'mlp': {'units': [8], 'activation': 'elu', **DEFAULT}}, 'missing.*the network wants'),
    ],
)
def test_checkpoint_of_another_network_is_refused_naming_both(make, tmp_path, changes, told):
    path = save(make('mlp'), tmp_path / 'policy.pth')
    with pytest.raises(ConfigurationError, match=f'checkpoint {path} is of another network.*: .*{told}'):
        Policy.load(train_config(tmp_path, changes), path, spaces=FLAT, device='cpu')


def test_refusal_says_where_normalization_differs(make, tmp_path):
    path = save(make('mlp'), tmp_path / 'policy.pth')
    config = train_config(tmp_path, {})
    with pytest.raises(ConfigurationError, match=r'are unknown, first running_mean_std.*normalize_input may differ'):
        Policy.load(config, path, spaces=FLAT, device='cpu', overrides=['params.config.normalize_input=false'])


def test_sigma_sets_the_noise_of_stochastic_play(make):
    calm, wild, steady = make('mlp', deterministic=False, sigma=-20.0), make('mlp', deterministic=False), make('mlp')
    np.testing.assert_allclose(calm.act(observe(FLAT)), steady.act(observe(FLAT)), atol=1e-7)
    assert np.abs(wild.act(observe(FLAT)) - steady.act(observe(FLAT))).max() > 0.1


def test_sigma_that_the_network_computes_is_refused(tmp_path):
    space = {'continuous': {**CONTINUOUS['continuous'], 'fixed_sigma': False}}
    with pytest.raises(ConfigurationError, match='sigma: cannot be set'):
        Policy.load(train_config(tmp_path, {'space': space}), spaces=FLAT, device='cpu', sigma=0.0)


@pytest.mark.parametrize(
    'options, told',
    [
        ({'backend': 'tensorrt'}, "unknown backend 'tensorrt'; valid: .*eager"),
        ({'device': 'gpu'}, "device 'gpu'"),
        ({'spaces': None}, 'observation: neither the run nor the weights tell its size; state it'),
        (
            {'overrides': ['params.network.name=complex_net']},
            r"params\.network\.name 'complex_net'; valid: actor_critic,",
        ),
        (
            {'overrides': ['params.model.name=dreamer']},
            r"params\.model\.name 'dreamer'; valid: .*continuous_a2c_logstd",
        ),
        ({'overrides': ['params.algo.name=td3']}, r"params\.algo\.name 'td3'; valid: a2c_continuous"),
    ],
)
def test_choice_that_there_is_not_is_refused(tmp_path, options, told):
    with pytest.raises(ConfigurationError, match=told):
        Policy.load(train_config(tmp_path, {}), **{'spaces': FLAT, 'device': 'cpu', **options})


def test_network_that_lacks_an_input_is_refused_naming_it(tmp_path):
    spaces, network = NETWORKS['dict']
    with pytest.raises(ConfigurationError, match='only one of them has touch$'):
        Policy.load(
            train_config(tmp_path, network), device='cpu', spaces=Spaces({'ee_pos': (3,), 'wrist': (10, 10, 3)}, 2)
        )


@pytest.mark.slow
def test_loading_leaves_the_process_as_it_was(tmp_path):
    """Random streams, threads, precision, TF32 flags, print options, and nothing said on stdout."""
    path = train_config(tmp_path, {'rnn': LSTM})
    done = subprocess.run([sys.executable, '-c', LOADING, path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ''
