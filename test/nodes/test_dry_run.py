# SPDX-License-Identifier: Apache-2.0
"""One step without a robot: what `rl_policy check` rests on."""

from nodes.harness import parameters
from nodes.stepper_bench import flat, Log
import numpy as np
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.dry_run import DryRun, read_file


def rehearse(run, **changes):
    dry_run = DryRun(configuration(flat(parameters(run, **changes))), Log())
    dry_run.step()
    return dry_run


def test_the_policy_is_stepped_once_for_every_robot(run):
    dry_run = rehearse(run, robots=['left', 'right'])
    command = dry_run.commands['arm']['position']
    assert command.shape == (2, 3) and np.isfinite(command).all() and np.array_equal(command[0], command[1])
    assert dry_run.topics() == (
        [
            ('joints', 'left/joint_states', 'sensor_msgs/msg/JointState'),
            ('wrench', 'left/wrench', 'geometry_msgs/msg/WrenchStamped'),
        ],
        [('arm', 'left/commands', 'std_msgs/msg/Float64MultiArray')],
    )


@pytest.mark.parametrize('on_activate', [True, False])
def test_terms_that_need_a_tare_get_one(run, on_activate):
    tare = {
        'source': 'wrench',
        'field': 'force',
        'difference_to_tare': True,
        'tare_frames': 4,
        'tare_on_activate': on_activate,
    }
    assert np.isfinite(rehearse(run, **{'terms.force': tare}).commands['arm']['position']).all()


def test_inputs_of_bytes_reach_the_policy_as_bytes(run):
    assert np.isfinite(rehearse(run, **{'spaces.uint8': ['obs']}).commands['arm']['position']).all()


def test_what_configure_would_refuse_is_refused(run):
    with pytest.raises(ConfigurationError, match="unknown field 'flow' in source 'joints'"):
        rehearse(run, **{'terms.velocity.field': 'flow'})


def test_a_file_is_read_as_ros_reads_it(tmp_path, run):
    file = tmp_path / 'robot.yaml'
    with pytest.raises(ConfigurationError, match='no such file'):
        read_file(file)
    file.write_text('policy_node: {ros__parameters: {control_rate: [1.0, two]}}')
    with pytest.raises(ConfigurationError, match='parameter file .*robot.yaml: '):
        read_file(file)


@pytest.mark.parametrize('value', ['[]', '{}', '[[]]'])
def test_parameters_without_a_value_are_named(tmp_path, value):
    file = tmp_path / 'robot.yaml'
    file.write_text(f'/**:\n  ros__parameters:\n    enable: none\n    terms: {{position: {{joints: {value}}}}}\n')
    with pytest.raises(ConfigurationError, match=r"robot\.yaml: no value for 'terms\.position\.joints'; expected one"):
        read_file(file)


@pytest.mark.parametrize(
    'value, told',
    [
        ('[0, 0.5]', 'write 0.0 for 0, since it stands among decimals'),
        ('[0.5, -3, 1e-6]', 'write -3.0 for -3, since it stands among decimals'),
        ('[a, 1]', 'expected numbers alone, or texts alone'),
    ],
)
def test_list_of_several_types_is_named_with_what_to_write(tmp_path, value, told):
    file = tmp_path / 'robot.yaml'
    file.write_text(
        '/**:\n  ros__parameters:\n    enable: none\n    control_rate: 50\n    terms:\n'
        f'      position: {{scale: [1, 2], offset: {value}}}\n'
    )
    with pytest.raises(ConfigurationError) as error:
        read_file(file)
    assert str(error.value).startswith(f"parameter file {file}: 'terms.position.offset' is [")
    assert str(error.value).endswith(f'; ROS reads lists of one type: {told}')
