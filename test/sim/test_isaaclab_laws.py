# SPDX-License-Identifier: Apache-2.0
"""What Isaac Lab's action terms do to joints, and raw state, by their contract; no Isaac Lab is needed."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rl_policy_node.sim import isaaclab_laws
from rl_policy_node.sim.isaaclab_state import RawState

ROWS, JOINTS, INF = 2, ['hip', 'knee', 'foot'], math.inf
LIMITS = torch.tensor([[-1.0, 1.0], [-2.0, 0.0], [0.5, 1.5]])


def as_in(place, *methods, base=object):
    """Return a class whose methods are those of module:Class."""
    module, _, name = place.partition(':')

    def made(method):
        def function(self, *arguments):
            raise NotImplementedError

        function.__module__, function.__qualname__ = module, f'{name}.{method}'
        return function

    return type(name, (base,), {method: made(method) for method in methods})


def rows(values):
    return torch.as_tensor(values, dtype=torch.float32).expand(ROWS, *np.shape(values)).clone()


class Robot:
    """An articulation as in Isaac Lab 2: plain tensors, quaternions w, x, y, z."""

    joint_names, body_names, num_joints = JOINTS, ['base', 'leg'], 3

    def __init__(self):
        quarter = math.sqrt(0.5)
        pose = rows([[1.0, 2.0, 3.0, quarter, 0.0, 0.0, quarter], [1.0, 2.0, 2.5, 1.0, 0.0, 0.0, 0.0]])
        motors = SimpleNamespace(stiffness=rows([9.0]), damping=rows([0.9]), effort_limit=rows([7.0]), joint_names=[])
        implicit = SimpleNamespace(is_implicit_model=True, stiffness=rows([0.0, 0.0]), joint_names=[])
        self.actuators = {'legs': implicit, 'foot': motors}
        self.cfg = SimpleNamespace(
            prim_path='/World/envs/env_.*/Robot',
            actuators={
                'legs': SimpleNamespace(joint_names_expr=['hip', 'knee']),
                'foot': SimpleNamespace(joint_names_expr=['foot']),
            },
        )
        self.data = SimpleNamespace(
            **{name: rows([0.1, 0.2, 0.3]) for name in ('joint_pos', 'joint_vel', 'applied_torque')},
            **{f'joint_{kind}_target': rows([4.0, 5.0, 6.0]) for kind in ('pos', 'vel', 'effort')},
            default_joint_pos=rows([0.0, -1.0, 1.0]),
            default_joint_vel=rows([0.0, 0.0, 0.0]),
            soft_joint_pos_limits=rows(LIMITS),
            joint_pos_limits=rows([[-3.0, 3.0], [-INF, INF], [-1e10, 1e10]]),
            joint_vel_limits=rows([5.0, 5.0, 5.0]),
            joint_effort_limits=rows([8.0, 8.0, 1e9]),
            joint_stiffness=rows([30.0, 40.0, 0.0]),
            joint_damping=rows([1.0, 2.0, 0.0]),
            body_link_pose_w=pose,
            root_link_pose_w=pose[:, 0],
            body_link_vel_w=rows([[1.0, 0.0, 0.0, 0.0, 0.0, 2.0], [0.0] * 6]),
            body_com_vel_w=rows([[1.5, 0.0, 0.0, 0.0, 0.0, 2.0], [0.0] * 6]),
        )

    def find_joints(self, names):
        return [JOINTS.index(name) for name in names], names


def scene(robot, **more):
    parts = {'rigid_objects': {}, 'sensors': {}, 'env_origins': torch.tensor([[1.0, 2.0, 0.0]]).expand(ROWS, 3), **more}
    return SimpleNamespace(articulations={'robot': robot}, **parts)


def direct(place, **attributes):
    """Return a task of the direct workflow as in module:Class."""
    kind = as_in(place, '_pre_physics_step', '_apply_action')
    kind._get_dones = lambda self: 'dones'
    env = kind()
    env.cfg, env.step_dt = SimpleNamespace(action_noise_model=None, action_scale=0.5), 0.02
    vars(env).update(attributes)
    return env


def described(env, most=INF):
    return [description for description, _ in isaaclab_laws.actions(env, most)]


KINDS = isaaclab_laws.KINDS
CARTPOLE, WALKER, ANYMAL, AMP = isaaclab_laws.DIRECT


def test_direct_tasks_have_the_laws_of_their_classes():
    robot = Robot()
    common = {'scene': scene(robot), 'single_action_space': SimpleNamespace(shape=(3,))}
    cart = direct(CARTPOLE, **common, cartpole=robot, _cart_dof_idx=torch.tensor([1]), action_scale=100.0)
    cart.single_action_space = SimpleNamespace(shape=(1,))
    assert described(cart) == [
        {
            'name': 'action',
            'kind': 'joint_effort',
            'articulation': 'robot',
            'joints': ['knee'],
            'scale': [100.0],
            'offset': [0.0],
            'clip': None,
        }
    ]
    (walker,) = described(
        direct(WALKER, **common, robot=robot, action_scale=0.5, joint_gears=torch.tensor([2.0, 4, 8]))
    )
    assert walker['kind'] == 'joint_effort' and walker['joints'] == JOINTS
    assert walker['scale'] == [1.0, 2.0, 4.0] and walker['clip'] == [[-1.0, 1.0], [-2.0, 2.0], [-4.0, 4.0]]
    (anymal,) = described(direct(ANYMAL, **common, _robot=robot))
    assert anymal['kind'] == 'joint_position'
    assert anymal['scale'] == [0.5] * 3 and anymal['offset'] == [0.0, -1.0, 1.0]
    limits = {'action_scale': LIMITS[:, 1] - LIMITS[:, 0], 'action_offset': LIMITS.mean(-1)}
    (amp,) = described(direct(AMP, **common, robot=robot, **limits))
    assert amp['scale'] == [2.0, 2.0, 1.0] and amp['offset'] == [0.0, -1.0, 1.0]


def test_an_unknown_direct_task_is_other():
    common = {'scene': scene(Robot()), 'single_action_space': SimpleNamespace(shape=(3,))}
    other = [{'name': 'action', 'kind': 'other', 'size': 3}]
    assert described(direct('isaaclab_tasks.mine:Mine', **common)) == other
    env = direct(ANYMAL, **common, _robot=common['scene'].articulations['robot'])
    env.cfg.action_noise_model = 'noise'
    assert described(env) == other
    env.cfg.action_noise_model = None
    assert described(env)[0]['kind'] == 'joint_position'
    # its own way to apply what it inherits the processing of
    env.__class__ = as_in('isaaclab_tasks.mine:Mine', '_apply_action', base=type(env))
    assert described(env) == other


MDP = 'isaaclab.envs.mdp.actions.'
JOINT = f'{MDP}joint_actions:JointAction'
TO_LIMITS = f'{MDP}joint_actions_to_limits:JointPositionToLimitsAction'


def managed(robot, process, apply, clip=None, **attributes):
    """Return a manager-based task with one action term."""
    kind = as_in(apply, 'apply_actions', base=as_in(process, 'process_actions'))
    term = kind()
    term.cfg = SimpleNamespace(clip=clip, rescale_to_limits=True)
    vars(term).update({'_asset': robot, '_joint_ids': slice(None), 'action_dim': 3, **attributes})
    return SimpleNamespace(
        scene=scene(robot),
        step_dt=0.02,
        action_manager=SimpleNamespace(active_terms=['legs'], get_term=lambda name: term),
        termination_manager=SimpleNamespace(compute=lambda: 'dones'),
    )


@pytest.mark.parametrize(
    'name, kind',
    [('JointPositionAction', 'position'), ('JointVelocityAction', 'velocity'), ('JointEffortAction', 'effort')],
)
def test_joint_actions_are_lines(name, kind):
    robot = Robot()
    env = managed(robot, JOINT, f'{MDP}joint_actions:{name}', _scale=2.0, _offset=rows([1.0, 0.0, -1.0]))
    ((description, law),) = isaaclab_laws.actions(env, INF)
    assert description['kind'] == f'joint_{kind}' and description['name'] == 'legs' and law.kind == kind
    assert description['scale'] == [2.0] * 3 and description['offset'] == [1.0, 0.0, -1.0]
    assert description['clip'] is None


def test_the_bounds_are_those_of_the_term_and_of_what_its_wrapper_lets_through():
    clip = rows([[-1.0, 5.0], [-INF, INF], [3.0, 4.0]])
    place = f'{MDP}joint_actions:JointPositionAction'
    env = managed(Robot(), JOINT, place, {}, _scale=rows([2.0, 0.0, 0.5]), _offset=1.0, _clip=clip)
    assert described(env)[0]['clip'] == [[-1.0, 5.0], [1.0, 1.0], [3.0, 4.0]]
    assert described(env, most=1.5)[0]['clip'] == [[-1.0, 4.0], [1.0, 1.0], [3.0, 3.0]]


def test_actions_to_limits_are_lines_without_a_clip_of_their_own():
    env = managed(Robot(), TO_LIMITS, TO_LIMITS, _scale=0.5)
    (found,) = described(env)
    assert found['scale'] == [0.5, 0.5, 0.25] and found['offset'] == [0.0, -1.0, 1.0]
    assert found['clip'] == LIMITS.tolist()
    clipped = managed(Robot(), TO_LIMITS, TO_LIMITS, {}, _scale=0.5, _clip=rows(LIMITS))
    assert described(clipped) == [{'name': 'legs', 'kind': 'other', 'size': 3}]


@pytest.mark.parametrize(
    'process, apply',
    [
        (JOINT, f'{MDP}joint_actions:RelativeJointPositionAction'),
        (f'{MDP}joint_actions_to_limits:EMAJointPositionToLimitsAction', TO_LIMITS),
        (f'{MDP}task_space_actions:OperationalSpaceControllerAction',) * 2,
        ('my_task:MyAction', f'{MDP}joint_actions:JointPositionAction'),
    ],
)
def test_targets_of_other_terms_are_known_and_their_law_is_not(process, apply):
    env = managed(Robot(), process, apply, _scale=1.0, _offset=0.0)
    ((description, law),) = isaaclab_laws.actions(env, INF)
    assert description == {'name': 'legs', 'kind': 'other', 'size': 3}
    assert law.kind == ('effort' if 'Operational' in apply else 'position')


def test_a_term_of_which_nothing_is_known_sets_nothing():
    env = managed(Robot(), 'my_task:MyAction', 'my_task:MyAction')
    assert list(isaaclab_laws.actions(env, INF)) == [({'name': 'legs', 'kind': 'other', 'size': 3}, None)]


def test_rows_with_laws_of_their_own_have_none_in_common():
    offset = rows([1.0, 0.0, -1.0])
    offset[1, 2] = 7.0
    env = managed(Robot(), JOINT, f'{MDP}joint_actions:JointPositionAction', _scale=2.0, _offset=offset)
    assert described(env)[0]['kind'] == 'other'


# raw state


def raw_state(env, clip=INF):
    return RawState(SimpleNamespace(unwrapped=env, _clip_actions=clip), scalar_first=True)


def position_task(robot):
    place = f'{MDP}joint_actions:JointPositionAction'
    ids = torch.tensor([0, 2])
    return managed(robot, JOINT, place, _scale=2.0, _offset=0.0, _joint_ids=ids, action_dim=2)


def test_targets_are_those_before_the_reset():
    robot = Robot()
    env = position_task(robot)
    state = raw_state(env)
    assert torch.isnan(state.read()['targets/robot/position']).all(), 'no step yet'
    robot.data.joint_pos_target[:] = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert env.termination_manager.compute() == 'dones'
    robot.data.joint_pos_target[1] = -1.0
    now = state.read()
    np.testing.assert_array_equal(now['targets/robot/position'], [[1.0, np.nan, 3.0], [4.0, np.nan, 6.0]])
    assert torch.isnan(now['targets/robot/velocity']).all() and torch.isnan(now['targets/robot/effort']).all()


def test_an_articulation_is_described_by_what_all_rows_share():
    robot = Robot()
    robot.data.default_joint_pos[1, 0] = 0.5
    found = raw_state(position_task(robot)).scene['articulations']['robot']
    assert found == {
        'joints': JOINTS,
        'root': 'robot/base',
        'lower': [-1.0, -2.0, 0.5],
        'upper': [1.0, 0.0, 1.5],
        'hard_lower': [-3.0, None, None],
        'hard_upper': [3.0, None, None],
        'max_velocity': [5.0, 5.0, 5.0],
        # of an actuator that computes efforts itself, its own
        'max_effort': [8.0, 8.0, 7.0],
        'default_velocity': [0.0, 0.0, 0.0],
        'stiffness': [30.0, 40.0, 9.0],
        'damping': pytest.approx([1.0, 2.0, 0.9]),
    }


def test_bodies_are_in_their_rows_world_with_the_scalar_last():
    robot = Robot()
    state = ('body_link_pose_w', 'body_link_vel_w', 'body_com_vel_w')
    cube = SimpleNamespace(data=SimpleNamespace(**{name: getattr(robot.data, name)[:, 1:] for name in state}))
    env = position_task(robot)
    env.scene.rigid_objects['cube'] = cube
    state = raw_state(env)
    assert state.scene['bodies'] == ['robot/base', 'robot/leg', 'cube']
    quarter = math.sqrt(0.5)
    base = [0.0, 0.0, 3.0, 0.0, 0.0, quarter, quarter, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0]
    np.testing.assert_allclose(state.read()['bodies'][1, 0], base, atol=1e-6)
    np.testing.assert_allclose(state.read()['bodies'][0, 2, :7], [0.0, 0.0, 2.5, 0.0, 0.0, 0.0, 1.0])
    assert state.read()['com'][0].tolist() == [[1.5, 0.0, 0.0], [0.0] * 3, [0.0] * 3]


def test_a_part_that_is_missing_costs_only_itself(capsys):
    robot = Robot()
    del robot.data.joint_stiffness, robot.data.applied_torque
    state = raw_state(position_task(robot))
    assert 'stiffness' not in state.scene['articulations']['robot'] and 'joints/robot/effort' not in state.read()
    assert state.scene['articulations']['robot']['max_velocity'] and 'joints/robot/position' in state.read()
    said = capsys.readouterr().out
    assert 'raw state without robot/stiffness: AttributeError' in said
    assert 'raw state without joints/robot/effort' in said


def test_efforts_are_those_that_the_actuators_applied():
    robot = Robot()
    assert raw_state(position_task(robot)).read()['joints/robot/effort'][0].tolist() == pytest.approx([0.1, 0.2, 0.3])

    # Isaac Lab 3: a collection of actuators, arrays with a tensor of their own
    class Actuators(dict):
        applied_effort = SimpleNamespace(torch=rows([7.0, 8.0, 9.0]))
        target_command = SimpleNamespace(**{kind: SimpleNamespace(torch=rows([1.0, 2, 3])) for kind in KINDS})

    robot.actuators, robot.data = Actuators(robot.actuators), Robot().data
    for name in ('applied_torque', 'joint_pos_target', 'joint_vel_target', 'joint_effort_target'):
        delattr(robot.data, name)
    env = position_task(robot)
    state = raw_state(env)
    env.termination_manager.compute()
    assert state.read()['joints/robot/effort'][1].tolist() == [7.0, 8.0, 9.0]
    np.testing.assert_array_equal(state.read()['targets/robot/position'][0], [1.0, np.nan, 3.0])


class RayCaster:
    pass


class ContactSensor:
    body_names = ['leg']


class Imu:
    pass


class Camera:
    pass


def sensor(kind, **data):
    made = kind()
    made.data = SimpleNamespace(**data)
    made.cfg = SimpleNamespace(
        prim_path='/World/envs/env_.*/Robot/base', offset=SimpleNamespace(rot=(1.0, 0.0, 0.0, 0.0))
    )
    return made


def test_sensors_are_arrays_images_and_specific_forces():
    env = position_task(Robot())
    env.scene.sensors.update(
        {
            'scan': sensor(
                RayCaster, pos_w=rows([0.0, 0.0, 20.0]), ray_hits_w=rows([[0.0, 0.0, 1.0], [1.0, 0.0, 2.0]])
            ),
            'feet': sensor(ContactSensor, net_forces_w=rows([[1.0, 2.0, 3.0]])),
            'imu': sensor(Imu, lin_acc_b=rows([0.0, 0.0, 9.81])),
            'turned': sensor(Imu, lin_acc_b=rows([0.0, 0.0, 9.81])),
            'eye': sensor(Camera, output={'rgb': torch.zeros(ROWS, 4, 5, 3, dtype=torch.uint8)}),
            'eyes': sensor(Camera, output={'rgb': torch.zeros(ROWS, 4, 5, 3), 'depth': torch.zeros(ROWS, 4, 5, 1)}),
        }
    )
    env.scene.sensors['turned'].cfg.offset.rot = (0.0, 1.0, 0.0, 0.0)
    state = raw_state(env)
    found = state.scene['sensors']
    assert found['scan'] == {'kind': 'array', 'shape': [2], 'dtype': '<f4'}
    assert state.read()['sensors/scan'][0].tolist() == [19.0, 18.0]
    assert found['feet'] == {'kind': 'array', 'shape': [1, 3], 'dtype': '<f4', 'bodies': ['leg']}
    assert found['imu'] == {'kind': 'acceleration', 'shape': [3], 'dtype': '<f4', 'body': 'robot/base'}
    assert found['turned'] == {'kind': 'array', 'shape': [3], 'dtype': '<f4'}
    assert found['eye'] == {'kind': 'image', 'shape': [4, 5, 3], 'dtype': '|u1'}
    assert found['eyes/depth'] == {'kind': 'image', 'shape': [4, 5, 1], 'dtype': '<f4'} and 'eyes/rgb' in found


def test_commands_have_their_ranges_and_terms_their_histories():
    env = position_task(Robot())
    ranges = SimpleNamespace(lin_vel_x=(-1.0, 1.0), heading=None)
    env.command_manager = SimpleNamespace(
        active_terms=['speed'],
        get_command=lambda name: rows([0.1, 0.2, 0.3]),
        get_term=lambda name: SimpleNamespace(cfg=SimpleNamespace(ranges=ranges)),
    )
    terms = [
        SimpleNamespace(history_length=3, flatten_history_dim=True, noise=None),
        SimpleNamespace(history_length=0, flatten_history_dim=True, noise='uniform'),
    ]
    env.observation_manager = SimpleNamespace(
        active_terms={'policy': ['joints', 'speed']},
        group_obs_term_dim={'policy': [(9,), (3,)]},
        group_obs_concatenate={'policy': True},
        _group_obs_term_cfgs={'policy': terms},
    )
    state = raw_state(env)
    assert state.scene['commands'] == {'speed': {'size': 3, 'ranges': {'lin_vel_x': [-1.0, 1.0]}}}
    assert state.read()['commands/speed'].shape == (ROWS, 3)
    assert state.scene['terms'] == {
        'obs': [
            {'name': 'joints', 'shape': [3], 'history': 3},
            {'name': 'speed', 'shape': [3], 'history': 1, 'noise': True},
        ]
    }
    assert state.scene['rate'] == 50.0
