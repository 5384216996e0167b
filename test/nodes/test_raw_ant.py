# SPDX-License-Identifier: Apache-2.0
"""A legged robot's own parameter file against a simulator: what the policy observes is what MuJoCo says."""

from nodes.harness import policy_parameters, tiny_run
from nodes.pair import over_dds
from nodes.stepper_bench import flat
import numpy as np
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.simulator.bridge import Bridge
from rl_policy_node.nodes.simulator.hosting import open_environment

mujoco = pytest.importorskip('mujoco')
STEPS, ROWS, EFFORT, LIMIT = 80, 2, 300.0, 90.0
# the robot's names and order; the simulator's actuators begin with hip_4
JOINTS = [f'{joint}_{leg}' for joint in ('hip', 'knee') for leg in (1, 2, 3, 4)]
DEFAULT = [0.0, 0.1, -0.1, 0.0, 1.0, -1.0, -1.0, 1.0]
RENAMED = [f'ankle_{leg}=knee_{leg}' for leg in (1, 2, 3, 4)]
TERMS = {
    'base_lin_vel': {'source': 'odometry', 'field': 'linear_velocity', 'scale': [2.0]},
    'base_ang_vel': {'source': 'imu', 'field': 'angular_velocity', 'scale': [0.25]},
    'gravity': {'kind': 'projected_gravity', 'source': 'imu'},
    'world_vel': {'kind': 'rotate', 'source': 'odometry', 'field': 'linear_velocity', 'inverse': False},
    'height': {'source': 'odometry', 'field': 'position', 'elements': [2]},
    'foot': {'kind': 'relative_position', 'source': 'foot', 'frame_source': 'odometry'},
    'joint_pos': {'source': 'joints', 'field': 'position', 'joints': JOINTS, 'offset': DEFAULT},
    'joint_vel': {'source': 'joints', 'field': 'velocity', 'joints': JOINTS, 'scale': [0.05]},
    'actions': {'kind': 'last_action'},
}
SIZE = 3 + 3 + 3 + 3 + 1 + 3 + 8 + 8 + 8


def parameters(run, **sim):
    """Return the robot's parameters, and those of the simulator that stands in for it."""
    return {
        'policy': policy_parameters(run, deterministic=False),
        'spaces': {'observation': {'obs': [SIZE]}, 'actions': 8},
        'trigger': 'lockstep',
        'autostart': True,
        'enable': 'none',
        'guardian': False,
        'control_rate': 20.0,
        'episode_topic': 'episode',
        'robots': ['left', 'right'],
        'sources': {
            'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'},
            'odometry': {'topic': 'odom', 'type': 'nav_msgs/msg/Odometry'},
            'imu': {'topic': 'imu', 'type': 'sensor_msgs/msg/Imu'},
            'foot': {'topic': 'foot', 'type': 'geometry_msgs/msg/PointStamped'},
        },
        'inputs': {'obs': list(TERMS)},
        'terms': TERMS,
        'actions': {
            'terms': ['legs'],
            'legs': {
                'kind': 'effort',
                'joints': JOINTS,
                'scale': [EFFORT],
                'max_effort': [LIMIT],
                'topic': 'efforts',
                'type': 'sensor_msgs/msg/JointState',
                'source': 'joints',
            },
        },
        'sim': {
            'environment': 'gymnasium',
            'id': 'Ant-v5',
            'options': ['max_episode_steps=30'],
            'seed': 3,
            'mode': 'lockstep',
            'steps': STEPS,
            'raw_state': True,
            'sensors': {'joints': {'joint_names': RENAMED}, 'foot': {'body': 'torso/body4'}},
            **sim,
        },
    }


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return tiny_run(tmp_path_factory.mktemp('ant'), SIZE, 8)


@pytest.mark.slow
def test_what_the_policy_observes_of_the_ant_is_what_mujoco_says(run, tmp_path):
    played, kept = over_dds(flat(parameters(run)), tmp_path)
    configured = configuration(flat(parameters(run)))
    environment = open_environment(configured)
    observed, previous = environment.reset(), np.zeros((ROWS, 8))
    ends = 0
    for step in range(STEPS):
        assert np.array_equal(played['obs/obs'][step], observed['obs']), 'the same episode'
        wanted = np.array([observation(env, last) for env, last in zip(rows_of(environment), previous)])
        np.testing.assert_allclose(kept['obs'][step], wanted, atol=1e-5, err_msg=f'step {step}')
        efforts = np.clip(kept['actions'][step] * EFFORT, -LIMIT, LIMIT)
        np.testing.assert_allclose(played['actions'][step], controls(environment, efforts), atol=1e-6)
        observed, _, dones, _ = environment.step(played['actions'][step])
        previous = np.where(dones[:, None], 0.0, kept['actions'][step])
        ends += dones.sum()
    assert ends >= 4, 'across the ends of episodes'
    moved = np.ptp(kept['obs'][:STEPS], axis=(0, 1)) > 1e-3
    assert np.nonzero(~moved)[0].tolist() == [15], 'all but the height of the foot above the base'


def rows_of(environment):
    return [env.unwrapped for env in environment.environment._environment._vector.envs]


def observation(env, last):
    """Return what a robot's policy observes, by MuJoCo's own functions."""
    model, data = env.model, mujoco.MjData(env.model)
    data.qpos[:], data.qvel[:] = env.data.qpos, env.data.qvel
    mujoco.mj_forward(model, data)
    torso = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, 'torso')
    own, world = np.empty(6), np.empty(6)
    for velocity, local in ((own, 1), (world, 0)):
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, torso, velocity, local)
    matrix = data.xmat[torso].reshape(3, 3)
    joints = [data.joint(name.replace('knee', 'ankle')) for name in JOINTS]
    return np.concatenate(
        [
            2.0 * own[3:],
            0.25 * own[:3],
            matrix.T @ [0.0, 0.0, -1.0],
            world[3:],
            data.xpos[torso][2:],
            matrix.T @ (data.xpos[4] - data.xpos[torso]),
            [joint.qpos[0] for joint in joints] - np.array(DEFAULT),
            [0.05 * joint.qvel[0] for joint in joints],
            last,
        ]
    )


def controls(environment, efforts):
    """Return the actions whose efforts these are, in the order of the model's actuators."""
    model = rows_of(environment)[0].model
    names = [model.joint(model.actuator_trnid[index, 0]).name.replace('ankle', 'knee') for index in range(model.nu)]
    assert names != JOINTS
    return efforts[:, [JOINTS.index(name) for name in names]] / model.actuator_gear[:, 0]


def test_the_same_file_is_refused_where_observations_are_turned_round(run):
    configured = configuration(flat(parameters(run, raw_state=False)))
    environment = open_environment(configured)
    with pytest.raises(ConfigurationError, match=r"input 'obs': its terms have 40 numbers"):
        Bridge(configured, environment)
