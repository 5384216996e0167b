# SPDX-License-Identifier: Apache-2.0
"""What a source measures in a simulator's raw state: frames, joints by name, and what is refused."""

from core.raw_scenes import HALF, measured, raw, ROWS, SCENE
import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.core.sensor_spec import SensorSpec
from rl_policy_node.errors import ConfigurationError

JOINT_STATE, IMU, ODOMETRY = 'sensor_msgs/msg/JointState', 'sensor_msgs/msg/Imu', 'nav_msgs/msg/Odometry'
POSE, TWIST, IMAGE = 'geometry_msgs/msg/PoseStamped', 'geometry_msgs/msg/Twist', 'sensor_msgs/msg/Image'
WRENCH, FLOATS = 'geometry_msgs/msg/WrenchStamped', 'std_msgs/msg/Float32MultiArray'
TWIST_FIELDS = {'linear_velocity': (3,), 'angular_velocity': (3,)}
POSE_FIELDS = {'position': (3,), 'orientation': (4,)}


def equal(found, **wanted):
    assert found.keys() == wanted.keys()
    for field, value in wanted.items():
        np.testing.assert_allclose(found[field], value, atol=1e-12, err_msg=field)


def test_joints_come_by_name_in_the_order_of_the_file():
    found = measured(JOINT_STATE, {'position': (2,), 'velocity': (2,)}, joints=['foot', 'hip'])
    equal(found, position=[[0.3, 0.1], [0.6, 0.2]], velocity=[[3, 1], [6, 2]])


def test_joints_may_have_other_names_on_the_robot():
    found = measured(
        JOINT_STATE,
        {'position': (2,)},
        {'joint_names': ('foot=L_ankle', 'hip = {robot}_hip')},
        ['{robot}_hip', 'L_ankle'],
    )
    equal(found, position=[[0.1, 0.3], [0.2, 0.6]])


def test_bare_numbers_of_joints_are_positions():
    found = measured(FLOATS, {'data': (3,)}, {'articulation': 'leg'}, dtype=np.float32)
    equal(found, data=[[0.1, 0.2, 0.3], [0.2, 0.4, 0.6]])


def test_odometry_has_its_pose_in_the_world_and_its_twist_in_the_body():
    """The base looks along y: what moves along the world's x moves along its −y."""
    found = measured(ODOMETRY, {**POSE_FIELDS, **TWIST_FIELDS})
    equal(
        found,
        position=[[1, 2, 3]] * 2,
        orientation=[[0, 0, HALF, HALF]] * 2,
        linear_velocity=[[0, -1, 0], [0, -2, 0]],
        angular_velocity=[[0, -0.5, 0], [0, -1, 0]],
    )


def test_imu_measures_in_the_axes_of_its_body():
    fields = {'orientation': (4,), 'angular_velocity': (3,), 'linear_acceleration': (3,)}
    found = measured(IMU, fields)
    equal(
        found,
        orientation=[[0, 0, HALF, HALF]] * 2,
        angular_velocity=[[0, -0.5, 0], [0, -1, 0]],
        linear_acceleration=[[0, 0, 9.81], [0, 0, 19.62]],
    )


@pytest.mark.parametrize('kind', [POSE, 'geometry_msgs/msg/TransformStamped'])
def test_pose_is_in_the_frame_of_another_body(kind):
    found = measured(kind, POSE_FIELDS, {'body': 'ball', 'frame': 'leg/base'})
    equal(found, position=[[2, 0, 0]] * 2, orientation=[[0, 0, -HALF, HALF]] * 2)
    equal(measured(kind, POSE_FIELDS, {'body': 'ball'}), position=[[1, 4, 3]] * 2, orientation=[[0, 0, 0, 1]] * 2)


def test_transform_names_its_bodies_by_its_frames():
    found = measured('tf2', POSE_FIELDS, source_frame='ball', target_frame='leg/base')
    equal(found, position=[[2, 0, 0]] * 2, orientation=[[0, 0, -HALF, HALF]] * 2)


def test_frames_of_any_rotation_agree_with_their_matrices():
    random = np.random.default_rng(0)
    bodies = random.normal(size=(ROWS, 2, 13))
    bodies[..., 3:7] = geometry.normalize_quaternion(bodies[..., 3:7])
    now = raw(bodies=bodies)
    base, ball = (geometry.matrix_from_quaternion(bodies[:, index, 3:7]) for index in (0, 1))
    found = measured(ODOMETRY, {**POSE_FIELDS, **TWIST_FIELDS}, {'body': 'ball', 'frame': 'leg/base'}, now=now)
    seen = np.einsum('nji,nj->ni', base, bodies[:, 1, :3] - bodies[:, 0, :3])
    np.testing.assert_allclose(found['position'], seen, atol=1e-12)
    turned = geometry.matrix_from_quaternion(found['orientation'])
    np.testing.assert_allclose(turned, base.transpose(0, 2, 1) @ ball, atol=1e-12)
    for field, columns in (('linear_velocity', slice(7, 10)), ('angular_velocity', slice(10, 13))):
        own = np.einsum('nji,nj->ni', ball, bodies[:, 1, columns])
        np.testing.assert_allclose(found[field], own, atol=1e-12, err_msg=field)


def test_twist_is_the_only_command_of_three_numbers_or_the_body_that_is_stated():
    equal(
        measured(TWIST, TWIST_FIELDS), linear_velocity=[[1, 2, 0], [2, 4, 0]], angular_velocity=[[0, 0, 3], [0, 0, 6]]
    )
    equal(
        measured(TWIST + 'Stamped', TWIST_FIELDS, {'body': 'leg/base'}),
        linear_velocity=[[0, -1, 0], [0, -2, 0]],
        angular_velocity=[[0, -0.5, 0], [0, -1, 0]],
    )


def test_wrench_image_array_and_pose_of_a_command_come_as_they_are():
    now = raw()
    equal(
        measured(WRENCH, {'torque': (3,), 'force': (3,)}), torque=[[3, 4, 5], [6, 8, 10]], force=[[0, 1, 2], [0, 2, 4]]
    )
    equal(measured(IMAGE, {'image': (2, 4, 3)}, dtype=np.uint8), image=now['sensors/eye'])
    equal(
        measured(FLOATS, {'data': (6,)}, {'sensor': 'taxels'}, dtype=np.float32),
        data=now['sensors/taxels'].reshape(ROWS, 6),
    )
    equal(measured(FLOATS, {'data': (7,)}, dtype=np.float32, rows=True), data=now['commands/pose'])
    equal(measured(POSE, POSE_FIELDS, {'command': 'pose'}), position=[[1, 2, 3]] * 2, orientation=[[0, 0, 0, 1]] * 2)


TWO = {**SCENE, 'articulations': {**SCENE['articulations'], 'arm': {'joints': ['knee'], 'root': 'ball'}}}


@pytest.mark.parametrize(
    'kind, fields, stated, text',
    [
        (
            POSE,
            POSE_FIELDS,
            None,
            r"source 'it' \(.*PoseStamped\): 3 parts .* body 'leg/base', body 'ball', command 'pose'",
        ),
        (FLOATS, {'data': (6,)}, None, r"2 parts of the simulator fit: sensor 'wrist', sensor 'taxels'; state one of"),
        (POSE, POSE_FIELDS, {'body': 'bal'}, r"unknown body 'bal' in sim\.sensors\.it; valid: ball, leg/base"),
        (POSE, POSE_FIELDS, {'body': 'ball', 'frame': 'map'}, r"unknown frame 'map' in sim\.sensors\.it; valid: ball"),
        (IMU, {'orientation': (4,)}, {'sensor': 'imu'}, r"states sensor; .*Imu measures one of \['body'\]"),
        (IMU, {'orientation': (4,)}, {'body': 'ball', 'frame': 'leg/base'}, "measures in the body's axes"),
        (
            IMU,
            {'linear_acceleration': (3,)},
            {'body': 'ball'},
            r"field 'linear_acceleration' is read, and body 'ball' of",
        ),
        (
            JOINT_STATE,
            {'effort': (3,)},
            {'articulation': 'leg'},
            r"'effort' is read.* it gives \['data', 'position', 'vel",
        ),
        (IMAGE, {'image': (4, 2, 3)}, {'sensor': 'eye'}, r'has the shape \(4, 2, 3\) as it is read; .* \(2, 4, 3\)'),
        (IMAGE, {'image': (2, 3, 1)}, {'sensor': 'taxels'}, r'is uint8 in its messages; .* it is float32'),
        (WRENCH, {'force': (3,)}, {'sensor': 'eye'}, r"'force' is read, and sensor 'eye' .* gives \['data', 'image'\]"),
    ],
)
def test_what_is_not_clear_or_not_there_is_refused_by_name(kind, fields, stated, text):
    with pytest.raises(ConfigurationError, match=text):
        measured(kind, fields, stated, dtype=np.uint8 if kind == IMAGE else np.float64)


def test_joints_that_no_articulation_has_or_two_have_are_refused():
    with pytest.raises(ConfigurationError, match=r"joints \['hip', 'toe'\]: no part .* articulation 'leg'; state one"):
        measured(JOINT_STATE, {'position': (2,)}, joints=['hip', 'toe'])
    with pytest.raises(ConfigurationError, match=r"articulation 'leg': no joint \['toe'\]; there are \['hip', 'knee'"):
        measured(JOINT_STATE, {'position': (2,)}, {'articulation': 'leg'}, ['hip', 'toe'])
    with pytest.raises(ConfigurationError, match=r"2 parts .* articulation 'leg', articulation 'arm'"):
        measured(JOINT_STATE, {'position': (1,)}, joints=['knee'], scene=TWO)
    assert measured(JOINT_STATE, {'position': (1,)}, {'articulation': 'leg'}, ['knee'], TWO)


def test_transform_whose_frames_are_no_bodies_is_refused_with_a_way_out():
    with pytest.raises(ConfigurationError, match=r"unknown frame 'map' in sources\.it; .* in sim\.sensors"):
        measured('tf2', POSE_FIELDS, source_frame='ball', target_frame='map')
    assert measured('tf2', POSE_FIELDS, {'body': 'ball'}, source_frame='cup', target_frame='map')


@pytest.mark.parametrize(
    'fields, text',
    [
        ({'body': 'a', 'sensor': 'b'}, r"sim\.sensors\.it states \['body', 'sensor'\]; a source measures one of them"),
        ({'sensor': 'b', 'frame': 'a'}, r"sim\.sensors\.it\.frame is 'a'; it counts with body only"),
        ({'joint_names': ('hip',)}, r"sim\.sensors\.it\.joint_names has 'hip'; expected sim=robot"),
        ({'joint_names': ('hip=',)}, r"joint_names has 'hip='"),
        ({'joint_names': ('a=b=c',)}, r"joint_names has 'a=b=c'"),
    ],
)
def test_statements_that_mean_nothing_are_refused(fields, text):
    with pytest.raises(ConfigurationError, match=text):
        SensorSpec('it', **fields)
