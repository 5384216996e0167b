# SPDX-License-Identifier: Apache-2.0
"""IsaacGymEnvs' tasks behind the bridge: from a run's config.yaml, in this Python and in another.

Held against packages laid out as Isaac Gym's are (see isaacgym_stand), not against NVIDIA's own.
"""

import subprocess
import sys

import numpy as np
import pytest
from sim import workers
from sim.isaacgym_runs import actions, configured, hosted, record, ROWS, STAND, STEPS, TASKS
import torch
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.simulator.isaacgym_run import run_task
from rl_policy_node.sim.isaacgym import create, IsaacGymTask


@pytest.fixture(scope='module')
def played(tmp_path_factory):
    """Records of the tasks, made as training makes them and hosted, in a process that imports isaacgym first."""
    folder = tmp_path_factory.mktemp('played')
    subprocess.run([sys.executable, '-W', 'ignore', STAND / 'as_trained.py', folder], check=True, timeout=120)
    return {file.stem: dict(np.load(file)) for file in folder.glob('*.npz')}


def same(found, wanted):
    """Assert that two records are the same, bit for bit."""
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        assert value.shape[0] in (STEPS, STEPS + 1)
        assert np.array_equal(found[name], value), f'{name} differs'


@pytest.mark.slow
@pytest.mark.parametrize('task', TASKS)
def test_a_hosted_task_is_the_one_that_was_trained(played, task):
    trained = played[f'{task}_trained']
    assert trained['dones'].sum() > 3 * ROWS and trained['dones'].dtype == bool
    same(played[f'{task}_hosted'], trained)


def with_isaacgym(python):
    """Return an interpreter with what IsaacGymEnvs needs; skip where a worker Python lacks it."""
    if not python:
        return sys.executable
    python = workers.python(python)
    found = subprocess.run([python, '-c', 'import hydra, torch'], capture_output=True, env={})
    if found.returncode:
        pytest.skip(f'{python} has no torch or no hydra-core')
    return python


@pytest.mark.slow
@pytest.mark.parametrize('python', ['', '3.8'])
@pytest.mark.parametrize('task', TASKS)
def test_another_python_gives_the_same_bits(played, task, python):
    environment = hosted(task, python=with_isaacgym(python), python_path=[str(STAND)])
    try:
        assert environment.actions == 3 and environment.control_rate == pytest.approx(50.0)
        assert environment.rows == ROWS and environment.action_space.high.tolist() == [1.0] * 3
        told = []
        same(
            record(environment.reset(), (_keep(environment.step(each), told) for each in actions())),
            played[f'{task}_trained'],
        )
        _check_successes(told)
        _check_anew(environment)
    finally:
        environment.close()


def _keep(step, told):
    told.append(step[2:])
    return step


def _check_successes(told):
    """Successes are by row, and only some of the episodes end in one."""
    ended = np.concatenate([successes[dones] for dones, successes in told])
    assert ended.dtype == bool and 0 < ended.sum() < len(ended)


def _check_anew(environment):
    """A reset in the midst of episodes begins others, in every row."""
    before = environment.step(np.ones((ROWS, 3), np.float32))[0]
    after = environment.reset()
    for name, goal in (('obs', slice(6, 9)), ('socket_pos', slice(None))):
        if name in before:
            assert not np.equal(before[name][:, goal], after[name][:, goal]).any()
    if 'obs' in after:
        assert before['obs'][:, 3:6].any() and not after['obs'][:, 3:6].any(), 'masses that begin do not move'


# the run's configuration


@pytest.mark.parametrize('device, on_gpu', [('cuda:1', True), ('cpu', False)])
def test_the_task_is_the_runs_own_on_the_device_of_the_bridge(device, on_gpu):
    found = run_task(configured('Reach', device=device, options=['task.env.episodeLength=50', '+task.env.mine=1']))
    assert found.isaacgym.control_rate == pytest.approx(50.0) and found.options == ()
    task = found.isaacgym.task
    assert task['name'] == 'Reach' and task['physics_engine'] == 'physx' and task['sim']['physx']['num_threads'] == 4
    assert task['env']['numEnvs'] == ROWS and task['env']['episodeLength'] == 50 and task['env']['mine'] == 1
    assert task['sim']['use_gpu_pipeline'] is on_gpu and task['sim']['physx']['use_gpu'] is on_gpu


def test_what_is_written_out_in_a_run_gives_way_to_the_bridge(tmp_path):
    content = yaml.safe_load((STAND / 'runs' / 'Reach' / 'config.yaml').read_text())
    content['task']['sim'] = {'dt': 0.02, 'use_gpu_pipeline': True, 'physx': {'use_gpu': True}}
    content['task']['env']['numEnvs'] = 512
    (tmp_path / 'config.yaml').write_text(yaml.safe_dump(content))
    found = run_task(configured('ReachTactile', config=str(tmp_path)))
    assert found.isaacgym.task['sim'] == {'dt': 0.02, 'use_gpu_pipeline': False, 'physx': {'use_gpu': False}}
    assert found.isaacgym.task['env']['numEnvs'] == ROWS and found.isaacgym.control_rate == pytest.approx(25.0)
    found = run_task(configured('Reach', config=str(tmp_path), options=['task.sim.physx.use_gpu=true']))
    assert found.isaacgym.task['sim']['physx']['use_gpu'] is True, 'options come last'


@pytest.mark.parametrize(
    'options, told',
    [
        (['task.env.episodeLenght=50'], r"task\.env\.episodeLenght|'episodeLenght'"),
        (['seed=4'], r"sim\.options has 'seed=4'; isaacgym takes changes to the task: task\.name=value"),
        (['params.config.name=x'], 'isaacgym takes changes to the task'),
        (['+task.env.mine=${nowhere}'], r'task\.env\.mine of .*config\.yaml cannot be resolved'),
    ],
)
def test_changes_that_mean_nothing_are_refused(options, told):
    with pytest.raises(ConfigurationError, match=told):
        run_task(configured('Reach', options=options))


def test_a_run_that_says_nothing_of_its_task_is_refused(tmp_path):
    content = yaml.safe_load((STAND / 'runs' / 'Reach' / 'config.yaml').read_text())
    params = {**content['train']['params'], 'seed': 1, 'config': {'name': 'Reach'}}
    (tmp_path / 'train.yaml').write_text(yaml.safe_dump({'params': params}))
    with pytest.raises(ConfigurationError, match=r'train\.yaml says nothing of a task; expected the config\.yaml'):
        run_task(configured('Reach', config=str(tmp_path / 'train.yaml')))


# what cannot be made


def test_a_python_without_isaac_gym_says_what_to_name():
    with pytest.raises(ConfigurationError, match=r'has no isaacgym, which exists for Python 3\.6 to 3\.8 only; sim'):
        hosted('Reach')


def test_isaac_gym_after_torch_says_the_way_out(monkeypatch):
    monkeypatch.syspath_prepend(str(STAND))
    with pytest.raises(ConfigurationError, match=r'has to be imported before torch.*with sim\.python it has a process'):
        hosted('Reach')


@pytest.mark.parametrize(
    'task, told',
    [
        ({'env': {'numEnvs': 2}}, r"has \['env'\]; IsaacGymEnvs needs its name and env"),
        ({'name': 'Reach', 'env': {'numEnvs': 3}}, r'task\.env\.numEnvs is 3; expected the 2 rows'),
        (
            {'name': 'Reach', 'env': {'numEnvs': 2, 'enableCameraSensors': True}},
            r"'Reach' has cameras .* sim\.graphics_device is -1, the first one is 0",
        ),
    ],
)
def test_a_task_that_cannot_be_made_is_refused(task, told):
    with pytest.raises(ValueError, match=told):
        create(2, 0, task)


# resets


class Terrain:
    """A task that finds out in every step who is out of time and begins those at once, as AnymalTerrain does."""

    observation_space = action_space = None
    num_envs, rl_device, max_episode_length = 3, 'cpu', 10

    def __init__(self):
        self.progress_buf, self.reset_buf, self.begun = torch.arange(3), torch.ones(3), torch.zeros(3)

    def zero_actions(self):
        return torch.zeros(3, 1)

    def reset(self):
        return self.progress_buf.clone()

    def step(self, actions):
        self.progress_buf += 1
        self.reset_buf = self.progress_buf >= self.max_episode_length - 1
        self.progress_buf[self.reset_buf] = 0
        self.begun[self.reset_buf] += 1
        return self.progress_buf.clone(), torch.zeros(3), self.reset_buf, {}


def test_a_reset_begins_rows_anew_whatever_a_task_goes_by():
    task = Terrain()
    hosted_task = IsaacGymTask(task)
    assert hosted_task.reset().tolist() == [0, 1, 2] and not task.begun.any(), 'the first time, the buffers as they are'
    hosted_task.step(task.zero_actions())
    assert hosted_task.reset().tolist() == [0, 0, 0] and task.begun.tolist() == [1, 1, 1]


# successes by row


class Ended:
    """A task whose first row ended, and whatever tells its success."""

    observation_space = action_space = None
    num_envs, rl_device = 2, 'cpu'

    def __init__(self, extras, **told):
        self._extras = extras
        self.__dict__.update(told)

    def step(self, actions):
        return torch.zeros(2, 1), torch.zeros(2), torch.tensor([1, 0]), self._extras


@pytest.mark.parametrize(
    'task, told',
    [
        (Ended({'successes': torch.tensor([True, False])}), [True, False]),
        (Ended({'successes': torch.tensor(0.5)}), None),
        (Ended({'successes': torch.tensor(0.5)}, successes=torch.tensor([3.0, 0.0])), [True, False]),
        (Ended({}, _check_success=lambda: torch.tensor([True, True])), [True, True]),
        (Ended({'time_outs': torch.tensor([0, 1])}), None),
    ],
)
def test_success_is_what_the_task_knows_of_each_row(task, told):
    infos = IsaacGymTask(task).step(None)[3]
    assert infos.get('successes', torch.tensor(0)).tolist() == (told or 0) and ('successes' in infos) == bool(told)
    assert set(task._extras) - {'successes'} <= set(infos)
