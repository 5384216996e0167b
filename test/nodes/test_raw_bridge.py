# SPDX-License-Identifier: Apache-2.0
"""A bridge that publishes the raw state of a simulator, and one whose simulator obeys by its own scales."""

from core.raw_scenes import HALF, SCENE
from nodes.harness import wait
from nodes.pair import Pair
from nodes.raw_bench import Bare, bridge, JOINTS, Leg
import numpy as np
import pytest
from std_msgs.msg import Float64MultiArray

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.tools.demo.run_record import load_record

OTHER = {**SCENE, 'actions': [{'name': 'all', 'kind': 'other', 'size': 3}]}


def command(made, row, hip, knee, foot):
    made.receive('legs', row, Float64MultiArray(data=[hip, knee]))
    made.receive('foot', row, Float64MultiArray(data=[foot]))


@pytest.mark.parametrize('mode', ['lockstep', 'real_time'])
def test_messages_carry_the_raw_state_after_each_step(run, mode):
    environment = Leg()
    made = bridge(run, environment, **{'sim.mode': mode})
    made.start()
    for step in range(3):
        assert wait(lambda: len(made.emitted) > step)
        for row in range(2):
            command(made, row, 0.0, 0.0, 0.0)
    assert wait(lambda: made.steps >= 3)
    made.pause(True)
    made.stop()
    steps = len(environment.actions)
    joints, imu = made.message('joints', 1, 10**9), made.message('imu', 1, 10**9)
    assert list(joints.name) == JOINTS
    np.testing.assert_allclose(joints.position, np.array([0.6, 0.2, 0.4]) + steps)
    turned = imu.orientation
    np.testing.assert_allclose([turned.x, turned.y, turned.z, turned.w], [0, 0, HALF, HALF], atol=1e-12)
    np.testing.assert_allclose(
        [imu.angular_velocity.x, imu.angular_velocity.y, imu.angular_velocity.z], [0, -1, 0], atol=1e-12
    )


def test_simulator_obeys_targets_by_its_own_scales(run):
    """Whatever the file's scale and filter: the simulator's terms are knee, hip (targets), foot (effort)."""
    environment = Leg()
    made = bridge(run, environment, **{'actions.legs.smoothing': 0.5, 'control_rate': 50.0})
    made.start()
    assert wait(lambda: made.emitted)
    command(made, 0, 1.8, 0.6, 5.0)
    command(made, 1, -0.2, 0.1, 0.0)
    assert wait(lambda: environment.actions)
    made.stop()
    np.testing.assert_allclose(environment.actions[0], [[1.0, 1.0, 0.5], [0.0, 0.0, 0.0]], atol=1e-7)
    assert 'the simulator obeys commands through its own action terms' in made.log.lines[0]


def test_commands_are_turned_back_by_the_file_where_the_simulator_has_a_law_of_its_own(run):
    environment = Leg(OTHER)
    made = bridge(run, environment)
    made.start()
    assert wait(lambda: made.emitted)
    for row in range(2):
        command(made, row, 0.6, 0.7, 3.0)
    assert wait(lambda: environment.actions)
    made.stop()
    np.testing.assert_allclose(environment.actions[0], [[1.0, 1.0, 1.0]] * 2, atol=1e-7)
    assert [line for line in made.log.lines if 'turned back' in line] == [
        "commands are turned back into actions by the scales of the parameter file: the terms ['all'] of the simulator "
        'have laws of their own'
    ]


def test_what_neither_way_can_obey_is_refused(run):
    with pytest.raises(ConfigurationError, match=r'actions\.legs: kind joint_position cannot be inverted .* filtered'):
        bridge(run, Leg(OTHER), **{'actions.legs.smoothing': 0.5})


def test_environment_without_raw_state_is_refused_by_name(run):
    with pytest.raises(ConfigurationError, match=r"sim\.raw_state is true, and sim\.environment 'insertion' offers no"):
        bridge(run, Bare())
    with pytest.raises(ConfigurationError, match=r"input 'obs': its terms have 9 numbers"):
        bridge(run, Leg(), **{'sim.raw_state': False})


def test_source_that_is_none_is_refused(run):
    with pytest.raises(ConfigurationError, match=r"unknown source 'jonts' in sim\.sensors; valid: imu, joints"):
        bridge(run, Leg(), **{'sim.sensors.jonts.body': 'leg/base'})


def test_injected_imperfections_are_those_of_the_raw_state(run):
    """Two steps late; noise on one field alone."""
    environment = Leg()
    made = bridge(run, environment, **{'sim.latency': 0.04, 'sim.noise.imu.angular_velocity': 0.1, 'sim.seed': 1})
    made.start()
    for step in range(4):
        assert wait(lambda: len(made.emitted) > step)
        for row in range(2):
            command(made, row, 0.0, 0.0, 0.0)
    assert wait(lambda: len(made.emitted) == 5)
    made.stop()
    shown = made.bridge.imperfections.shown
    np.testing.assert_allclose(shown['joints']['position'][0], np.array([0.3, 0.1, 0.2]) + 2)
    np.testing.assert_allclose(shown['imu']['orientation'][0], [0, 0, HALF, HALF], atol=1e-12)
    off = shown['imu']['angular_velocity'] - [[0, -0.5, 0], [0, -1, 0]]
    assert 0.01 < np.abs(off).max() < 0.5


@pytest.mark.slow
def test_raw_state_of_the_insertion_is_what_its_observations_show(tmp_path):
    """Through two nodes: the same measurements, the same episodes."""
    pytest.importorskip('mujoco')
    records = []
    for raw_state in (False, True):
        record = tmp_path / f'{raw_state}'
        with Pair(tmp_path) as pair:
            policy = pair.policy(trigger='lockstep', policy__backend='eager')
            bridge = pair.start(
                'sim_bridge_node',
                sim__mode='lockstep',
                sim__steps=60,
                sim__episode_length=25,
                sim__raw_state=raw_state,
                sim__record=str(record),
            )
            assert wait(lambda: bridge.poll() is not None, 90), bridge.tail() + policy.tail()
            assert bridge.poll() == 0, bridge.tail()
        records.append(load_record(record))
    turned, raw = records
    assert turned['dones'].sum() == 8
    for name, value in turned.items():
        if name != 'latency':
            np.testing.assert_allclose(raw[name], value, atol=1e-5, err_msg=name)
    for source, field, name in (
        ('ee_pose', 'position', 'ee_pos'),
        ('ee_pose', 'orientation', 'ee_quat'),
        ('socket_pose', 'position', 'socket_pos'),
        ('socket_pose', 'orientation', 'socket_quat'),
        ('tactile_left', 'image', 'tactile_force_field_left'),
        ('tactile_right', 'image', 'tactile_force_field_right'),
    ):
        measured = raw[f'measured/{source}/{field}']
        np.testing.assert_allclose(measured, turned[f'obs/{name}'], atol=1e-5, err_msg=name)
