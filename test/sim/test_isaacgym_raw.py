# SPDX-License-Identifier: Apache-2.0
"""Raw state of IsaacGymEnvs' tasks: it holds what the task observes, and says how the task sets its joint targets.

Held against tasks laid out as IsaacGymEnvs' are (see isaacgym_stand), not against NVIDIA's own.
"""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from sim import workers
from sim.isaacgym_published import ATTRIBUTES
from sim.isaacgym_runs import actions, configured, hosted, ROWS, SIZES, STAND
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.simulator.isaacgym_run import run_task
from rl_policy_node.sim.isaacgym import IsaacGymTask
from rl_policy_node.sim.isaacgym_raw.pieces import Pieces
from rl_policy_node.sim.isaacgym_raw.task_tensors import RawState
from rl_policy_node.sim.isaacgym_raw.tasks import HELD, LAWS

TASKS = ('Anymal', 'AnymalTerrain', 'TacSLTaskInsertion')


def from_stand(name):
    """Return a module of the stand, whose package would refuse to come after torch."""
    spec = importlib.util.spec_from_file_location(name, STAND / 'isaacgym' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


gymapi = from_stand('gymapi')


def interpreter(version):
    """Return a Python that has torch and hydra-core; skip the test where a worker's has not."""
    python = workers.python(version) if version else sys.executable
    if subprocess.run([python, '-c', 'import hydra, torch'], capture_output=True, env={}).returncode:
        pytest.skip(f'{python} has no torch or no hydra-core')
    return python


class Play:
    """The actions, observations, raw states and ends of a play; after(name) is name → (steps, rows, …)."""

    def __init__(self, task, python):
        environment = hosted(task, python=python, python_path=[str(STAND)])
        try:
            self.scene, self.actions = environment.scene, []
            environment.reset()
            self.first, self.raw, self.observations, self.dones = environment.raw, [], [], []
            for action in actions(SIZES[task]):
                observations, _, dones, _ = environment.step(action)
                self.actions.append(np.clip(action, -1.0, 1.0) if task != 'AnymalTerrain' else action)
                self.observations.append(observations)
                self.raw.append(environment.raw)
                self.dones.append(dones)
        finally:
            environment.close()
        self.dones, self.actions = np.array(self.dones), np.array(self.actions)
        self.begun = np.concatenate([np.zeros((1, ROWS), bool), self.dones[:-1]])

    def after(self, name):
        return np.stack([raw[name] for raw in self.raw])

    def seen(self, name='obs'):
        return np.stack([observations[name] for observations in self.observations])

    def body(self, name, states='bodies'):
        return self.after(states)[:, :, self.scene['bodies'].index(name)]


@pytest.fixture(scope='module', params=['', '3.8'])
def played(request):
    """Return a function that gives the Play of a task, in this Python and in Isaac Gym's own, once each."""
    python, plays = interpreter(request.param), {}
    return lambda task: plays.setdefault(task, Play(task, python) if task not in plays else None)


def turned(quaternion, vector):
    """Return vectors (..., 3) turned by quaternions x, y, z, w (..., 4)."""
    x, y, z, w = np.moveaxis(np.asarray(quaternion, float), -1, 0)
    matrix = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.einsum('ij...,...j->...i', np.array(matrix), np.broadcast_to(vector, (*np.shape(x), 3)))


def turned_back(quaternion, vector):
    return turned(quaternion * [-1, -1, -1, 1], vector)


def close(found, wanted):
    """Assert that numbers, not all of them zero, agree within 1e-5."""
    assert found.shape == wanted.shape and np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


# what is measured is what is observed


@pytest.mark.slow
def test_anymals_observation_follows_from_its_raw_state(played):
    play = played('Anymal')
    base, default = play.body('anymal/base'), np.array(play.scene['articulations']['anymal']['default'])
    assert play.dones.sum() > 3 * ROWS and np.abs(base[..., 3:6]).max() > 0.3, 'episodes end, and the base turns'
    parts = {
        (0, 3): turned_back(base[..., 3:7], base[..., 7:10]) * 2.0,
        (3, 6): turned_back(base[..., 3:7], base[..., 10:13]) * 0.25,
        (6, 9): turned(base[..., 3:7], [0, 0, -1]),
        (9, 12): play.after('commands/base_velocity') * [2.0, 2.0, 0.25],
        (12, 24): play.after('joints/anymal/position') - default,
        (24, 36): play.after('joints/anymal/velocity') * 0.05,
    }
    for part, wanted in parts.items():
        close(play.seen()[..., slice(*part)], wanted)


@pytest.mark.slow
def test_anymal_on_terrain_observes_its_raw_state_but_for_the_velocities_of_rows_that_begin(played):
    play = played('AnymalTerrain')
    base, goes_on = play.body('anymal/base'), ~play.dones
    assert play.dones.sum() > 3 * ROWS
    of_all = {
        (12, 24): play.after('joints/anymal/position'),
        (24, 36): play.after('joints/anymal/velocity') * 0.05,
        (36, 176): np.clip(play.after('sensors/height_scan') - 0.5, -1, 1) * 5.0,
        (9, 12): play.after('commands/base_velocity') * [2.0, 2.0, 0.25],
    }
    of_others = {
        (0, 3): turned_back(base[..., 3:7], base[..., 7:10]) * 2.0,
        (3, 6): turned_back(base[..., 3:7], base[..., 10:13]) * 0.25,
        (6, 9): turned_back(base[..., 3:7], [0, 0, -1]),
    }
    for part, wanted in of_all.items():
        close(play.seen()[..., slice(*part)], wanted)
    for part, wanted in of_others.items():
        close(play.seen()[goes_on][..., slice(*part)], wanted[goes_on])
    assert not np.allclose(play.seen()[play.dones][..., :3], of_others[0, 3][play.dones], atol=1e-2)


def test_a_row_has_a_world_of_its_own(played):
    base = played('AnymalTerrain').body('anymal/base')
    assert np.abs(base[..., :2]).max() < 1.0 and np.abs(base[..., 2] - 0.62).max() < 1.0, 'origins 8 m apart are off'
    height = played('AnymalTerrain').after('sensors/height_scan')
    assert np.abs(height.mean(axis=-1)[:, 3] - height.mean(axis=-1)[:, 0]).max() > 0.3, 'the terrain has levels'


@pytest.mark.slow
def test_tacsls_observation_follows_from_its_raw_state(played):
    play = played('TacSLTaskInsertion')
    assert play.dones.sum() > 3 * ROWS
    tip, socket = play.body('fingertip_midpoint'), play.body('socket')
    close(play.seen('ee_pos'), tip[..., :3])
    close(play.seen('ee_quat'), tip[..., 3:7])
    close(play.seen('socket_pos'), socket[..., :3])
    close(play.seen('socket_quat'), socket[..., 3:7])
    close(play.seen('dof_pos'), play.after('joints/franka/position'))
    for name, step in (('left_tactile_camera_taxim', 4), ('wrist', 1)):
        assert play.scene['sensors'][name] == {'kind': 'image', 'shape': [32, 24, 3], 'dtype': '|u1'}
        close(play.seen(name), play.after(f'sensors/{name}')[:, :, ::step, ::step] / 255.0)
    forces = play.after('sensors/tactile_force_field_left')
    close(play.seen('tactile_force_field_left')[..., 1:], forces[..., 1:])
    assert forces[..., 0].any(), 'the policy does not see normal forces; the sensor has them'


def test_a_velocity_is_that_of_the_origin_and_the_centre_of_mass_has_its_own(played):
    play = played('TacSLTaskInsertion')
    plug, hand = play.body('plug'), play.body('franka/panda_fingertip_centered')
    assert np.abs(play.body('plug', 'com') - plug[..., 7:10]).max() > 0.01
    arm = np.cross(plug[..., 10:13], turned(plug[..., 3:7], [0.0, 0.01, 0.02]))
    np.testing.assert_allclose(play.body('plug', 'com'), plug[..., 7:10] + arm, atol=1e-4)
    in_hand = np.cross(plug[..., 10:13], plug[..., :3] - hand[..., :3])
    np.testing.assert_allclose(plug[..., 7:10], hand[..., 7:10] + in_hand, atol=1e-4)


# targets


@pytest.mark.parametrize('task', ['Anymal', 'AnymalTerrain'])
def test_targets_are_those_of_the_law_that_the_scene_states(played, task):
    play = played(task)
    (term,) = play.scene['actions']
    assert (term['kind'], term['articulation']) == ('joint_position', 'anymal')
    assert term['joints'] == play.scene['articulations']['anymal']['joints']
    wanted = play.actions * term['scale'] + term['offset']
    assert np.isnan(play.first['targets/anymal/position']).all(), 'before the first step there are none'
    np.testing.assert_allclose(play.after('targets/anymal/position'), wanted, atol=1e-5)
    if task == 'Anymal':
        np.testing.assert_allclose(term['clip'], np.array(term['offset'])[:, None] + [-0.5, 0.5], atol=1e-6)
        np.testing.assert_allclose(np.clip(wanted, *np.transpose(term['clip'])), wanted, atol=1e-6)
    else:
        assert term['clip'] is None, 'the run does not clip'


def test_joints_react_to_the_targets_of_rows_that_go_on(played):
    """The effort of the drive is Kp (target − position) − Kd velocity, of the state before the joints moved."""
    play = played('Anymal')
    gains = play.scene['articulations']['anymal']
    before = {kind: play.after(f'joints/anymal/{kind}')[:-1] for kind in ('position', 'velocity')}
    targets, effort = play.after('targets/anymal/position')[1:], play.after('joints/anymal/effort')[1:]
    wanted = gains['stiffness'] * (targets - before['position']) - gains['damping'] * before['velocity']
    np.testing.assert_allclose(effort, np.clip(wanted, -80.0, 80.0), atol=1e-3)


def test_a_torque_controlled_arm_has_the_efforts_that_the_task_sets(played):
    play = played('TacSLTaskInsertion')
    assert play.scene['actions'] == [{'name': 'actions', 'kind': 'other', 'size': 6}]
    close(play.after('joints/franka/effort'), 0.9 * play.after('targets/franka/effort'))


# tasks of all kinds


class Task:
    """A task of two rows, an arm of two joints and a box, whose attributes are given; steps leave them as they are."""

    num_envs, num_actions, clip_actions = 2, 2, 1.0
    cfg, agents, obs_dims, rl_device = {'env': {}}, 1, {}, 'cpu'
    observation_space = action_space = sim = None

    def __init__(self, **held):
        arm = gymapi.Asset(['foot', 'hand'], ['a', 'b'], driveMode=1, stiffness=3.0, upper=gymapi.UNBOUNDED)
        self.gym = gymapi.Gym([('arm', arm), ('box', gymapi.Asset(['box'])), ('box', gymapi.Asset(['box']))])
        self.envs = [0, 1]
        self.__dict__.update(held)

    def pre_physics_step(self, actions):
        pass

    def post_physics_step(self):
        pass


def of_class(name, **held):
    """Return a Task of a class with the name of a published one."""
    return type(name, (Task,), {})(**held)


def values(*shape):
    """Return different numbers."""
    return torch.arange(float(np.prod(shape))).reshape(shape)


def state_of(task, named=(), actions=((0.5, -1.0), (1.0, 0.0))):
    """Return the RawState of a task after a step."""
    state = RawState(task, dict(named), 50.0)
    task.pre_physics_step(torch.tensor(actions))
    task.post_physics_step()
    return state


@pytest.mark.parametrize('name', ATTRIBUTES)
def test_published_tasks_hold_what_is_looked_for(name):
    task = of_class(name, **{attribute: [0] for attribute in ATTRIBUTES[name].values()})
    if 'envs' not in ATTRIBUTES[name].values():
        task.envs = None
    pieces = Pieces(task, {})
    assert {piece: pieces.held(piece)[0] for piece in ATTRIBUTES[name]} == ATTRIBUTES[name]


@pytest.mark.parametrize(
    'name, held, kind, scale, offset',
    [
        ('Cartpole', {'max_push_effort': 400.0, 'num_actions': 1}, 'effort', [400.0], [0.0]),
        ('Ant', {'joint_gears': torch.tensor([15.0, 10.0]), 'power_scale': 0.5}, 'effort', [7.5, 5.0], [0.0, 0.0]),
        ('Humanoid', {'motor_efforts': torch.tensor([2.0, 4.0]), 'power_scale': 2.0}, 'effort', [4.0, 8.0], [0, 0]),
        (
            'HumanoidAMPBase',
            {
                '_pd_control': True,
                '_pd_action_scale': torch.tensor([2.0, -1.0]),
                '_pd_action_offset': torch.tensor([0.5, 0.0]),
            },
            'position',
            [2.0, -1.0],
            [0.5, 0.0],
        ),
    ],
)
def test_laws_of_published_tasks(name, held, kind, scale, offset):
    task = of_class(name, **held)
    count = len(scale)
    state = state_of(task, actions=np.array([[0.5, -1.0], [1.0, 0.0]], np.float32)[:, :count].tolist())
    (term,) = state.scene['actions']
    assert term['kind'] == f'joint_{kind}' and term['joints'] == ['a', 'b'][:count]
    assert (term['scale'], term['offset']) == (scale, offset)
    assert all(low <= high for low, high in term['clip'])
    targets = state.read()[f'targets/arm/{kind}']
    assert targets[0, 0] == 0.5 * scale[0] + offset[0] and np.isnan(targets[:, count:]).all()
    assert set(LAWS) == {'Anymal', 'AnymalTerrain', 'Ant', 'Cartpole', 'Humanoid', 'HumanoidAMPBase'}


def test_rows_with_scales_of_their_own_have_no_common_law():
    task = of_class('Anymal', action_scale=0.5, default_dof_pos=values(2, 2), Kp=1.0, Kd=2.0)
    task.command_x_range = task.command_y_range = task.command_yaw_range = [0, 1]
    state = state_of(task)
    assert state.scene['actions'] == [{'name': 'actions', 'kind': 'other', 'size': 2}]
    assert state.read()['targets/arm/position'].tolist() == [[0.25, 0.5], [2.5, 3.0]]


MANUAL, GYM = {'motor_ctrl_mode': 'manual'}, {'motor_ctrl_mode': 'gym'}


@pytest.mark.parametrize(
    'name, attribute, more, kind, wanted',
    [
        ('ShadowHand', 'cur_targets', {'actuated_dof_indices': torch.tensor([1])}, 'position', [np.nan, 1]),
        ('AllegroHand', 'cur_targets', {}, 'position', [0, 1]),
        ('Quadcopter', 'dof_position_targets', {}, 'position', [0, 1]),
        ('FactoryBase', 'ctrl_target_dof_pos', {'cfg_ctrl': GYM}, 'position', [0, 1]),
        ('FactoryBase', 'dof_torque', {'cfg_ctrl': MANUAL}, 'effort', [0, 1]),
    ],
)
def test_targets_that_published_tasks_hold(name, attribute, more, kind, wanted):
    state = state_of(of_class(name, **{attribute: values(2, 2), **more}))
    np.testing.assert_array_equal(state.read()[f'targets/arm/{kind}'][0], np.array(wanted, np.float32))
    assert state.scene['actions'][0]['kind'] == 'other' and name in HELD


def test_targets_are_those_before_rows_that_ended_were_reset():
    class AllegroHand(Task):
        def post_physics_step(self):
            self.cur_targets[0] = 0.0

    state = state_of(AllegroHand(cur_targets=torch.ones(2, 2)))
    assert (state.read()['targets/arm/position'] == 1.0).all()


def test_what_a_task_lacks_costs_only_itself(capsys):
    task = Task(dof_state=values(4, 2), torques=values(2, 3), root_states=values(5, 13))
    state = state_of(task)
    found = state.read()
    assert set(found) == {'joints/arm/position', 'joints/arm/velocity'} and state.scene['bodies'] == []
    assert found['joints/arm/position'].tolist() == [[0, 2], [4, 6]]
    said = capsys.readouterr().out
    assert 'task.torques has the shape (2, 3); expected as many values as (2, 2); it is left out' in said
    assert 'task.root_states has the shape (5, 13)' in said and said.count('torques') == 1, 'said once'
    robot = state.scene['articulations']['arm']
    assert robot['upper'] == [None, None] and robot['stiffness'] == [3.0, 3.0] and robot['root'] == 'arm/foot'


def test_bodies_of_equal_names_are_numbered_and_roots_alone_suffice():
    state = state_of(Task(root_state_tensor=values(6, 13)))
    assert state.scene['bodies'] == ['arm/foot', 'box', 'box_2']
    assert state.read()['bodies'][1, 2, 0] == 65.0


def test_roots_that_were_reset_count_before_the_states_of_bodies():
    state = state_of(Task(body_state=values(8, 13), root_state=-values(6, 13)))
    bodies = state.read()['bodies']
    assert state.scene['bodies'] == ['arm/foot', 'arm/hand', 'box', 'box_2']
    assert bodies[0, :, 0].tolist() == [0, 13, -13, -26]


def test_force_buffers_that_a_task_may_not_refresh_are_refreshed():
    task, calls = of_class('ShadowHand', cur_targets=values(2, 2), vec_sensor_tensor=values(2, 12)), []
    task.gym.refresh_force_sensor_tensor = calls.append
    state = state_of(task)
    assert state.scene['sensors']['force_sensors']['shape'] == [2, 6]
    before = len(calls)
    state.read()
    assert len(calls) == before + 1


def test_a_task_with_names_of_its_own_takes_a_mapping(capsys):
    task = Task(joints=values(4, 2), wanted=values(2, 2))
    found = state_of(task, {'dof_state': 'joints', 'velocity_targets': 'wanted'}).read()
    assert found['joints/arm/velocity'].tolist() == [[1, 3], [5, 7]]
    assert found['targets/arm/velocity'].tolist() == [[0, 1], [2, 3]] and not capsys.readouterr().out


def test_a_task_that_cannot_be_described_is_hosted_without_raw_state(capsys):
    task = IsaacGymTask(Task(envs=None))
    assert task.scene is None and 'raw state: none, because of a TypeError' in capsys.readouterr().out
    several = Task()
    several.num_agents = 2
    assert IsaacGymTask(several).scene is None, 'a row is an agent then'


# the mapping among the options


def test_the_mapping_is_among_the_options():
    found = run_task(configured('Anymal', options=['raw.dof_state=mine', 'task.env.clipActions=2.0']))
    assert found.isaacgym.raw == {'dof_state': 'mine'} and found.isaacgym.task['env']['clipActions'] == 2.0
    assert found.isaacgym.arguments({})['raw'] == {'dof_state': 'mine'}


@pytest.mark.slow
def test_a_mapping_that_leads_nowhere_is_refused():
    with pytest.raises(ConfigurationError, match=r"raw\.dof_state: the task Anymal has no 'mine'"):
        hosted('Anymal', python=interpreter(''), python_path=[str(STAND)], options=['raw.dof_state=mine'])
    with pytest.raises(ValueError, match=r'raw\.dof_states is unknown; valid: raw\.envs, raw\.root_states, '):
        IsaacGymTask(Task(), raw={'dof_states': 'dof_state'})
    with pytest.raises(ConfigurationError, match=r"sim\.options has 'raw\.dof_state'; expected name=value"):
        run_task(configured('Anymal', options=['raw.dof_state']))
