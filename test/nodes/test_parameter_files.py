# SPDX-License-Identifier: Apache-2.0
"""What ROS says of parameter files, with the names that it leaves out."""

import pytest

from rl_policy_node.nodes.parameters.parameter_files import unreadable
from rl_policy_node.nodes.process.runtime import run


def test_a_node_that_cannot_read_its_file_ends_with_the_name_and_the_cure(tmp_path, capfd):
    file = tmp_path / 'robot.yaml'
    file.write_text('/**:\n  ros__parameters:\n    terms: {position: {offset: [0, 0.5]}}\n')
    node = pytest.fail  # never called
    assert run(node, ['--ros-args', '--params-file', str(file)]) == 1
    assert capfd.readouterr().err.splitlines()[-1] == (
        f"rl_policy_node: parameter file {file}: 'terms.position.offset' is [0, 0.5]; ROS reads lists of one type: "
        'write 0.0 for 0, since it stands among decimals'
    )


@pytest.mark.parametrize('text', ['terms: [0, 1]', 'terms: [0, 0.5'])
def test_what_is_not_found_in_the_file_is_told_as_ros_tells_it(tmp_path, text):
    file = tmp_path / 'robot.yaml'
    file.write_text(text)
    error = RuntimeError('Sequence should be of same type.\n At line 3')
    told = 'Sequence should be of same type. At line 3'
    assert unreadable(error, ['--params-file', str(file)]) == f'parameter file {file}: {told}'
    assert unreadable(error, ['-p', 'a:=1']) == told


def test_a_group_without_quotes_is_told_with_its_line(tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text('/**:\n  ros__parameters:\n    joints: [@legs]\n')
    told = unreadable(RuntimeError('Error parsing a event near line 3'), ['--params-file', str(file)])
    assert told == f"parameter file {file}: line 3: a value that begins with @ needs quotes: '@legs'"


@pytest.mark.parametrize(
    'content', [b'control_rate: \xed\x00', b'a: ' + b'[' * 5000, b'a: 2001-13-99'], ids=['bytes', 'nesting', 'date']
)
def test_a_damaged_file_is_told_as_ros_tells_it(tmp_path, content):
    file = tmp_path / 'robot.yaml'
    file.write_bytes(content)
    told = unreadable(RuntimeError('Error parsing a event near line 1'), ['--params-file', str(file)])
    assert told == f'parameter file {file}: Error parsing a event near line 1'
