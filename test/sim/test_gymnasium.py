# SPDX-License-Identifier: Apache-2.0
"""Gymnasium's environments behind rl_games' contract: every kind of space, resets in the step of the end."""

from pathlib import Path
import subprocess

import gymnasium
import numpy as np
import pytest
from sim import workers
from sim.gymnasium_rooms import ACTIONS, OBSERVATIONS
from sim.train_gymnasium import mean_return, RUNS

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim import create_environment
from rl_policy_node.sim.environment_specs import EnvironmentSpec, GymnasiumSpec, PythonSpec
from rl_policy_node.sim.gymnasium import create

ROOM, ROWS = 'sim.gymnasium_rooms:Room-v0', 3


def rooms(**options):
    """Return the environment, and the Room of each row."""
    made = create(ROWS, 4, ROOM, **options)
    return made, [env.unwrapped for env in made._vector.envs]


def hosted(rows=ROWS, **spec):
    gymnasium = GymnasiumSpec(spec.pop('id', ROOM))
    return create_environment(EnvironmentSpec('gymnasium', rows, gymnasium=gymnasium, **spec))


@pytest.mark.parametrize('id', ['CartPole-v1', 'Pendulum-v1'])
def test_rows_are_what_gymnasium_makes_one_by_one(id):
    """Row i is an environment seeded with seed + i, reset in the step in which it ends and not seeded again."""
    made, alone = create(ROWS, 7, id, max_episode_steps=15), []
    for row in range(ROWS):
        alone.append(gymnasium.make(id, max_episode_steps=15))
        first = alone[row].reset(seed=7 + row)[0]
        if row == 0:
            observations = made.reset()
        assert np.array_equal(observations[row], first.astype(np.float32))
    random, ended = np.random.default_rng(0), 0
    for _ in range(40):
        actions = random.integers(0, 2, ROWS) if id == 'CartPole-v1' else random.uniform(-2, 2, (ROWS, 1))
        observations, rewards, dones, infos = made.step(actions.astype(made.action_space.dtype))
        assert observations.dtype == np.float32 and dones.dtype == bool and infos == {}
        for row, env in enumerate(alone):
            action = actions[row].astype(made.action_space.dtype)
            observation, reward, terminated, truncated, _ = env.step(action)
            assert rewards[row] == reward and dones[row] == (terminated or truncated)
            if dones[row]:
                observation, ended = env.reset()[0], ended + 1
            assert np.array_equal(observations[row], observation.astype(np.float32))
    assert ended >= 2 * ROWS


def test_an_older_gymnasium_in_an_older_python_gives_the_same_bits():
    """Python 3.8 with Gymnasium 0.29: CartPole is arithmetic that has not changed since."""
    python = workers.python('3.8')
    if subprocess.run([python, '-c', 'import gymnasium'], capture_output=True, env={}).returncode:
        pytest.skip(f'{python} has no gymnasium')
    spec = {'id': 'CartPole-v1', 'options': ('max_episode_steps=15',), 'seed': 3}
    here, there = hosted(**spec), hosted(**spec, python=PythonSpec(python))
    try:
        assert here.control_rate == there.control_rate == 50.0 and there.actions == {'discrete': 2}
        assert np.array_equal(here.reset()['obs'], there.reset()['obs'])
        for actions in np.random.default_rng(0).integers(0, 2, (60, ROWS, 1)):
            for found, wanted in zip(there.step(actions), here.step(actions)):
                assert (
                    np.array_equal(found['obs'], wanted['obs'])
                    if isinstance(wanted, dict)
                    else np.array_equal(found, wanted)
                )
    finally:
        there.close()


def test_a_later_reset_begins_other_episodes():
    made = create(ROWS, 7, 'CartPole-v1')
    first, second = made.reset(), made.reset()
    assert not np.equal(first, second).any()
    assert np.array_equal(create(ROWS, 7, 'CartPole-v1').reset(), first)


FLAT = ['double', 'number', 'bytes', 'integers', 'discrete', 'multi_discrete', 'multi_binary']


@pytest.mark.parametrize('kind', FLAT)
def test_flat_observations_are_what_gymnasium_flattens(kind):
    made, each = rooms(observation=kind)
    for look in (made.reset, lambda: made.step(np.zeros((ROWS, 2)))[0]):
        observations = look()
        wanted = [gymnasium.spaces.flatten(OBSERVATIONS[kind], room.shown[-1]) for room in each]
        assert observations.shape == (ROWS, *made.observation_space.shape)
        assert np.array_equal(observations.reshape(ROWS, -1), np.array(wanted).astype(observations.dtype))
        assert observations.dtype == made.observation_space.dtype == (np.uint8 if kind == 'bytes' else np.float32)


@pytest.mark.parametrize(
    'kind, shapes',
    [('tuple', {'0': (2,), '1': (3,)}), ('dict', {'hand_camera': (2, 2, 3), 'hand_touch': (2,), 'goal': (2,)})],
)
def test_nested_observations_become_inputs_by_name(kind, shapes):
    made, each = rooms(observation=kind)
    observations = made.reset()['obs']
    assert {name: value.shape[1:] for name, value in observations.items()} == shapes
    assert {name: space.shape for name, space in made.observation_space.spaces.items()} == shapes
    shown = each[1].shown[-1]
    if kind == 'tuple':
        assert np.array_equal(observations['0'][1], shown[0])
        assert observations['1'][1].tolist() == [float(shown[1] == choice) for choice in range(3)]
    else:
        assert np.array_equal(observations['hand_camera'][1], shown['hand']['camera'])
        assert observations['hand_camera'].dtype == np.uint8
        assert observations['goal'][1].tolist() == [float(shown['goal'] == choice) for choice in range(2)]


TAKEN = {
    'box': ([[0.5, -2.0]] * ROWS, lambda action: action.tolist() == [0.5, -2.0] and action.dtype == np.float32),
    'double': ([[0.0, 1.0, 0.5, -1.0]] * ROWS, lambda action: action.tolist() == [[0.0, 1.0], [0.5, -1.0]]),
    'discrete': ([2] * ROWS, lambda action: action == 7),
    'multi_discrete': ([[1, 2]] * ROWS, lambda action: action.tolist() == [1, 2]),
    'multi_binary': ([[0, 1]] * ROWS, lambda action: action.tolist() == [0, 1]),
    'tuple': ([[1, 2]] * ROWS, lambda action: [int(part) for part in action] == [1, 3]),
}


@pytest.mark.parametrize('kind', TAKEN)
def test_actions_reach_each_row_as_its_space_has_them(kind):
    made, each = rooms(action=kind)
    actions, fits = TAKEN[kind]
    made.reset()
    made.step(np.array(actions))
    assert all(fits(room.taken[0]) for room in each)
    assert all(ACTIONS[kind].contains(room.taken[0]) for room in each if kind not in ('tuple', 'discrete'))


def test_hosted_rooms_say_what_they_take():
    assert hosted(options=('action=tuple',)).actions == {'multi_discrete': [2, 3]}
    assert hosted(options=('action=discrete',)).actions == {'discrete': 3}
    box = hosted(options=('action=box', 'observation=dict'))
    assert box.actions == 2 and box.action_space.high.tolist() == [2.0, 2.0] and box.control_rate == 20.0
    assert box.shapes == {'hand_camera': (2, 2, 3), 'hand_touch': (2,), 'goal': (2,)}
    assert box.dtypes['hand_camera'] == np.uint8


@pytest.mark.parametrize('name', ['is_success', 'success'])
@pytest.mark.parametrize('mode', ['sync', 'async'])
def test_success_is_that_of_the_episode_that_ended(name, mode):
    made = create(ROWS, 4, ROOM, vectorization_mode=mode, success=name)
    made.reset()
    told = [made.step(np.zeros((ROWS, 2)))[2:] for _ in range(12)]
    made.close()
    assert [bool(dones.all()) for dones, _ in told] == [False, False, True] * 4
    assert [infos['successes'].tolist() for _, infos in told] == [[step in (5, 11)] * ROWS for step in range(12)]


def test_infos_of_the_older_gymnasium_tell_success_alike():
    from rl_policy_node.sim.gymnasium import _told

    each = np.array([None, {'is_success': True}, {'is_success': 0.0}], dtype=object)
    assert _told(each, ROWS).tolist() == [False, True, False]
    assert _told(np.array([None, {'length': 3}, None], dtype=object), ROWS) is None


def test_a_vector_environment_that_resets_nothing_is_reset_by_row():
    made = create(ROWS, 0, ROOM, vectorization_mode='vector_entry_point')
    made.reset()
    steps = [made.step(np.zeros(ROWS, np.int64)) for _ in range(4)]
    assert steps[2][2].tolist() == [True, False, False] and steps[2][0][:, 0].tolist() == [0.0, 3.0, 3.0]
    assert steps[2][3]['successes'].tolist() == [True, False, False]
    assert steps[3][2].tolist() == [False, True, False] and steps[3][0][:, 0].tolist() == [1.0, 0.0, 4.0]
    assert made.control_rate == 10.0


@pytest.mark.parametrize('id, options', [(ROOM, ('resets=NEXT_STEP',)), ('CartPole-v1', ())])
def test_a_vector_environment_that_resets_a_step_late_is_refused(id, options):
    with pytest.raises(ConfigurationError, match='by NEXT_STEP.*vectorization_mode=sync resets it at once'):
        hosted(id=id, options=('vectorization_mode=vector_entry_point', *options))


@pytest.mark.parametrize(
    'spec, told',
    [
        ({'id': ''}, r"sim\.id is missing: gymnasium needs an environment's id"),
        (
            {'options': ('vectorization_mode=jax',)},
            "unknown vectorization_mode 'jax' in sim.options; valid: sync, async",
        ),
        ({'id': 'CartPoel-v1'}, "gymnasium cannot make 'CartPoel-v1': Environment `CartPoel` doesn't exist.*CartPole"),
        ({'id': 'no_such_module:Room-v0'}, "cannot make 'no_such_module:Room-v0': .*no_such_module"),
        ({'options': ('lenght=3',)}, "does not take these sim.options: .*unexpected keyword argument 'lenght'"),
        ({'options': ('observation=text',)}, "observation 'obs' is a Text"),
        ({'options': ('observation=one_name_twice',)}, r"have one name, joined by '_': \['a_b'\]"),
        ({'options': ('action=integers',)}, 'none that rl_games acts in; it knows a Box of floats'),
        ({'options': ('action=dict',)}, 'none that rl_games acts in'),
    ],
)
def test_what_cannot_be_hosted_is_refused_by_name(spec, told):
    with pytest.raises(ConfigurationError, match=told):
        hosted(**spec)


def test_a_gymnasium_that_cannot_reset_at_once_is_refused(monkeypatch):
    monkeypatch.setattr(gymnasium, '__version__', '1.0.0')
    with pytest.raises(ConfigurationError, match=r'gymnasium 1\.0\.0 resets a row one step after its end'):
        hosted()


@pytest.mark.parametrize(
    'id, rate',
    [('InvertedPendulum-v5', 25.0), ('Humanoid-v5', 1 / 0.015), ('CartPole-v1', 50.0), ('Pendulum-v1', 20.0)],
)
def test_the_rate_is_that_of_the_physics(id, rate):
    pytest.importorskip('mujoco')
    assert create(1, 0, id).control_rate == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize('name', ['pendulum', 'forces'])
def test_the_policies_that_ship_balance(name, monkeypatch):
    pytest.importorskip('mujoco')
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    assert mean_return(RUNS / name, rows=4, length=250) == 250.0
