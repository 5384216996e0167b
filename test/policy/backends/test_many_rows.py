# SPDX-License-Identifier: Apache-2.0
"""Every backend keeps rows apart, takes what eager takes, refuses what eager refuses, keeps nothing it gave away."""

import numpy as np
from policy.backends.small_policies import drawn, load, ROWS, StaticBackend
import pytest
import torch

from rl_policy_node.policy.backends.player_step import Step

RECURRENT = ('lstm', 'gru', 'dict')


@pytest.fixture(scope='module', params=['eager', 'onnx', 'static'])
def of(request, tmp_path_factory):
    """Return a function: the name of a kind of policy → its backend, as new."""
    made = {}

    def of(name, backend=request.param, deterministic=True):
        key = name, backend, deterministic
        if key not in made:
            made[key] = make(tmp_path_factory.mktemp('policy'), *key)
        made[key].restart()
        return made[key]

    return of


def make(folder, name, backend, deterministic):
    policy = load(folder, name, deterministic=deterministic)
    if backend == 'static':
        return StaticBackend(
            Step(policy.player, policy.backend.inputs, deterministic), policy.backend.inputs, policy.player.seed
        )
    policy.choose_backend(backend)
    assert policy.backend.name == backend
    return policy.backend


def observe(backend, step=0):
    return drawn(backend.inputs.spaces, ROWS, np.random.default_rng(step))


def as_dict(observations):
    return observations if isinstance(observations, dict) else {'obs': observations}


def last(backend, *calls, steps=2):
    """Return the actions of a last step, after some steps and then calls, from new."""
    backend.restart()
    for step in range(steps):
        backend.act(observe(backend, step))
    for call in calls:
        call()
    return backend.act(observe(backend, 50))


@pytest.mark.parametrize('name', RECURRENT)
@pytest.mark.parametrize('rows', [[2, 0], np.array([True, False, True])], ids=['indices', 'mask'])
def test_reset_clears_exactly_the_given_rows(of, name, rows):
    backend = of(name)
    found, fresh, continued = last(backend, lambda: backend.reset(rows)), last(backend, steps=0), last(backend)
    np.testing.assert_array_equal(found[[0, 2]], fresh[[0, 2]])
    np.testing.assert_array_equal(found[1], continued[1])
    assert (fresh != continued).any(axis=1).all()


@pytest.mark.parametrize('name', RECURRENT)
def test_reset_of_all_rows_starts_again_and_of_none_changes_nothing(of, name):
    backend = of(name)
    np.testing.assert_array_equal(last(backend, backend.reset), last(backend, steps=0))
    np.testing.assert_array_equal(
        last(backend, lambda: backend.reset([]), lambda: backend.reset(np.zeros(3, bool))), last(backend)
    )


@pytest.mark.parametrize('name', ['mlp', 'lstm', 'discrete'])
def test_restart_begins_the_random_stream_again_and_reset_does_not(of, name):
    backend = of(name, deterministic=False)
    observations = observe(backend)

    def sampled():
        return [backend.act(observations).tolist() for _ in range(8) if backend.reset() is None]

    first, second = sampled(), sampled()
    backend.restart()
    assert sampled() == first and second != first
    np.testing.assert_allclose(first[0], of(name, 'eager', False).act(observations), rtol=0, atol=1e-6)


@pytest.mark.parametrize('deterministic', [True, False])
@pytest.mark.parametrize('name', RECURRENT)
def test_from_a_state_it_goes_on_as_before_and_the_state_stays_as_it_was(of, name, deterministic):
    backend = of(name, deterministic=deterministic)
    backend.act(observe(backend, 0))
    state = backend.state()

    def play():
        return [backend.act(observe(backend, step)).tolist() for step in range(1, 4)]

    expected = play()
    for _ in range(2):
        backend.restore(state)
        assert play() == expected


@pytest.mark.parametrize('name', RECURRENT)
def test_held_rows_keep_their_state_and_the_others_go_on(of, name):
    backend = of(name)

    def step(hold=None):
        return lambda: backend.act(observe(backend, 7), hold)

    found = last(backend, step(np.array([False, True, False])))
    never, always, without = last(backend, step()), last(backend, step(np.ones(3, bool))), last(backend)
    np.testing.assert_array_equal(found[[0, 2]], never[[0, 2]])
    np.testing.assert_array_equal(found[1], without[1])
    np.testing.assert_array_equal(always, without)
    np.testing.assert_array_equal(last(backend, step([0, 1, 0])), found)
    assert (never != without).any(axis=1).all()


def test_first_step_of_a_held_row_leaves_it_as_new(of):
    backend = of('lstm')
    hold = np.array([True, False, True])
    found = last(backend, lambda: backend.act(observe(backend, 7), hold), steps=0)
    np.testing.assert_array_equal(found[[0, 2]], last(backend, steps=0)[[0, 2]])


@pytest.mark.parametrize('name', ['mlp', 'discrete', *RECURRENT])
def test_row_does_not_depend_on_the_others(of, name):
    backend, found = of(name, deterministic=False), []
    for others in (0, 100):
        backend.restart()
        for step in range(3):
            observations, own = (as_dict(observe(backend, seed)) for seed in (others + step, step))
            for key, values in observations.items():
                values[1] = own[key][1]
            found.append(backend.act(observations if backend.inputs.spaces.is_dict else observations['obs'])[1])
    np.testing.assert_array_equal(found[:3], found[3:])


@pytest.mark.parametrize('name', ['mlp', 'lstm'])
def test_row_of_nothing_but_nan_does_not_reach_the_others(of, name):
    backend = of(name)
    observations, whole = observe(backend), observe(backend)
    observations[1] = np.nan
    if backend.name == 'eager':  # torch refuses the whole batch: nothing of the kind may be shown to it
        with pytest.raises(RuntimeError, match='normal expects all elements of std >= 0.0'):
            backend.act(observations)
        return
    found = [backend.act(observations) for _ in range(2)][-1]
    backend.restart()
    wanted = [backend.act(whole) for _ in range(2)][-1]
    np.testing.assert_array_equal(found[[0, 2]], wanted[[0, 2]])


@pytest.mark.parametrize('name', ['mlp', 'lstm', 'discrete', 'sac'])
def test_returned_actions_are_the_callers_to_keep(of, name):
    backend = of(name)
    first = backend.act(observe(backend, 0))
    kept = first.copy()
    backend.act(observe(backend, 1))
    np.testing.assert_array_equal(first, kept)
    wanted = last(backend, steps=1)
    backend.restart()
    backend.act(observe(backend, 0))[:] = 77
    np.testing.assert_array_equal(backend.act(observe(backend, 50)), wanted)


@pytest.mark.parametrize('name', ['lstm', 'dict', 'joined bytes', 'bytes'])
def test_observations_stay_the_callers(of, name):
    backend = of(name)
    wanted = last(backend)
    backend.restart()
    for step in range(2):
        given, untouched = observe(backend, step), as_dict(observe(backend, step))
        backend.act(given)
        for key, values in as_dict(given).items():
            np.testing.assert_array_equal(values, untouched[key])
            values[...] = 99  # what the policy remembers may not lie there
    np.testing.assert_array_equal(backend.act(observe(backend, 50)), wanted)


def wider(values):
    """Return the same values as every other element of a larger array, backwards."""
    wide = np.zeros(tuple(2 * size for size in values.shape), values.dtype)
    view = wide[tuple(slice(None, None, -2) for _ in values.shape)]
    view[...] = values
    assert not view.flags.c_contiguous
    return view


FORMS = {
    'float64': lambda values: values if values.dtype == np.uint8 else values.astype(np.float64),
    'not contiguous': wider,
    'column-major': np.asfortranarray,
    'tensor': torch.from_numpy,
    'list': lambda values: values if values.dtype == np.uint8 else values.tolist(),
    'double tensor': lambda values: torch.from_numpy(values).to(
        torch.uint8 if values.dtype == np.uint8 else torch.float64
    ),
    'tensor with a gradient': lambda values: torch.from_numpy(values).requires_grad_(values.dtype != np.uint8),
    'read-only': lambda values: np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape),
}


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('name', ['lstm', 'bytes in a dict'])
@pytest.mark.filterwarnings('ignore:The given NumPy array is not writable')
def test_observations_of_every_form_are_taken(of, name, form):
    backend = of(name)
    found, wanted = [], []
    for step in range(2):
        values = {key: FORMS[form](value) for key, value in as_dict(observe(backend, step)).items()}
        found.append(backend.act(values if backend.inputs.spaces.is_dict else values['obs']))
    backend.restart()
    for step in range(2):
        wanted.append(backend.act(observe(backend, step)))
    np.testing.assert_array_equal(found, wanted)


WRONG = {
    'a key too few': lambda values: {key: values[key] for key in ('ee_pos', 'touch')},
    'a key too many': lambda values: {**values, 'hand': np.zeros((ROWS, 3), np.float32)},
    'a flat key': lambda values: {**values, 'touch': values['touch'].reshape(ROWS, -1)},
    'a row too few': lambda values: {**values, 'ee_pos': values['ee_pos'][:-1]},
    'one row for all': lambda values: {**values, 'ee_pos': values['ee_pos'][:1]},
    'no row dimension': lambda values: {**values, 'ee_pos': values['ee_pos'][0]},
    'numbers for bytes': lambda values: {**values, 'wrist': values['wrist'].astype(np.float32)},
    'whole numbers for bytes': lambda values: {**values, 'wrist': values['wrist'].astype(np.int64)},
    'bytes for numbers': lambda values: {**values, 'touch': np.zeros(values['touch'].shape, np.uint8)},
    'text': lambda values: {**values, 'ee_pos': np.full((ROWS, 3), 'x')},
    'another byte order': lambda values: {**values, 'ee_pos': values['ee_pos'].astype('>f4')},
}


@pytest.mark.parametrize('wrong', WRONG)
def test_wrong_observations_are_refused_as_by_eager_and_change_nothing(of, wrong):
    backend, eager = of('bytes in a dict'), of('bytes in a dict', 'eager')
    errors = []
    for each in {eager, backend}:
        with pytest.raises((ValueError, TypeError)) as error:
            each.act(WRONG[wrong](observe(each)))
        errors.append((error.type, str(error.value)))
    assert len(set(errors)) == 1
    found = last(backend, lambda: pytest.raises((ValueError, TypeError), backend.act, WRONG[wrong](observe(backend))))
    np.testing.assert_array_equal(found, last(backend))


MASK = r'a mask of shape \(.*\); expected \(3,\)'


@pytest.mark.parametrize('mask', [np.ones(1, bool), np.ones(4, bool), np.ones((3, 1), bool)], ids=str)
def test_masks_of_another_shape_are_refused(of, mask):
    backend = of('lstm')
    with pytest.raises(ValueError, match=MASK):
        backend.act(observe(backend), mask)
    with pytest.raises(ValueError, match=MASK):
        backend.reset(mask)
