# SPDX-License-Identifier: Apache-2.0
"""A simulator goes to the targets that are commanded, by its own scales; what it cannot do so is said."""

from core.raw_scenes import ROWS, SCENE
import numpy as np
import pytest

from rl_policy_node.control.specs import action_spec
from rl_policy_node.core.direct_commands import DirectCommands
from rl_policy_node.core.raw_scene import Scene
from rl_policy_node.core.sensor_spec import SensorSpec

FLOATS = 'std_msgs/msg/Float64MultiArray'
HIPS = {'kind': 'joint_delta', 'integrate': 'target', 'joints': ('hip', 'knee'), 'scale': (7.0,)}
FOOT = {'kind': 'effort', 'joints': ('foot',), 'scale': (3.0,), 'max_effort': (20.0,)}


def direct(*terms, scene=SCENE, **stated):
    actions = [
        action_spec(name, topic=name, type=FLOATS, source='joints', limits='none', **values) for name, values in terms
    ]
    stated = {name: SensorSpec(name, **values) for name, values in stated.items()}
    return DirectCommands(Scene(scene), actions, stated)


def test_simulator_goes_to_the_targets_whatever_the_law_and_the_scales_of_the_file():
    """Of two commands in another order than the simulator's terms; a law that could not be turned round."""
    made = direct(('foot', FOOT), ('hips', HIPS))
    assert made.uncovered == ''
    random = np.random.default_rng(0)
    actions = random.normal(size=(ROWS, 3)).astype(np.float32)
    # the simulator's law: knee, hip, foot
    knee, hip, foot = (np.float64(actions) * [0.5, 2.0, 10.0] + [0.1, -0.2, 0.0]).T
    commands = {'hips': {'position': np.stack([hip, knee], 1)}, 'foot': {'effort': foot[:, None]}}
    found = made.actions(commands)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, actions, rtol=1e-6)


def test_joints_of_commands_may_have_other_names_on_the_robot():
    renamed = {**HIPS, 'joints': ('hip', 'L_knee')}
    assert direct(('foot', FOOT), ('hips', renamed), joints={'joint_names': ('knee=L_knee',)}).uncovered == ''
    assert direct(('foot', FOOT), ('hips', renamed), other={'joint_names': ('knee=L_knee',)}).uncovered == ''
    assert (
        "0 terms of kind joint_position for the joint 'L_knee'" in direct(('foot', FOOT), ('hips', renamed)).uncovered
    )


OTHER = {**SCENE, 'actions': [*SCENE['actions'], {'name': 'gripper', 'kind': 'other', 'size': 1}]}
ZERO = {**SCENE, 'actions': [SCENE['actions'][0], {**SCENE['actions'][1], 'scale': [0.0]}]}
TWICE = {**SCENE, 'actions': [*SCENE['actions'], {**SCENE['actions'][0], 'articulation': 'arm'}]}


@pytest.mark.parametrize(
    'terms, scene, text',
    [
        ([('foot', FOOT), ('hips', HIPS)], OTHER, r"the terms ['gripper'] of the simulator have laws of their own"),
        ([('foot', FOOT), ('hips', HIPS)], ZERO, 'a scale of the simulator is zero'),
        (
            [('foot', FOOT), ('hips', HIPS)],
            TWICE,
            "2 terms of kind joint_position for the joint 'hip' of command 'hips'",
        ),
        ([('foot', FOOT)], SCENE, 'the commands determine 1 of the 3 numbers of the action'),
        (
            [('foot', {**FOOT, 'joints': ('hip',)})],
            SCENE,
            "0 terms of kind joint_effort for the joint 'hip' of command 'fo",
        ),
        (
            [('it', {'kind': 'raw', 'size': 3, 'fallback_value': (0.0,)})],
            SCENE,
            "command 'it' (kind raw) targets no joints",
        ),
    ],
)
def test_why_commands_do_not_determine_the_action_is_said(terms, scene, text):
    assert text in direct(*terms, scene=scene).uncovered


def test_stated_articulation_decides_between_joints_of_one_name():
    arm = {'name': 'arm', 'kind': 'joint_position', 'articulation': 'arm', 'joints': ['hip']}
    leg = {**arm, 'name': 'leg', 'articulation': 'leg', 'scale': [2.0]}
    scene = {**SCENE, 'actions': [arm, leg]}
    both = [('left', {'kind': 'joint_position', 'joints': ('hip',), 'scale': (1.0,)})]
    made = direct(
        *both, scene={**scene, 'actions': [leg, {**arm, 'joints': ['hip']}][:1]}, joints={'articulation': 'leg'}
    )
    assert made.actions({'left': {'position': np.array([[4.0]])}}).tolist() == [[2.0]]
    assert '2 terms' in direct(*both, scene=scene).uncovered
    assert 'determine 1 of the 2' in direct(*both, scene=scene, joints={'articulation': 'leg'}).uncovered
