# SPDX-License-Identifier: Apache-2.0
"""Start the policy node on a robot.

    ros2 launch rl_policy_node policy.launch.py params_file:=arms.yaml namespace:=cell autostart:=true

`--show-args` describes the arguments; what they say, defaults included, goes before the parameter file.
Without `autostart`, here or in the file, the node waits for `ros2 lifecycle set /cell/policy_node configure`, then
`activate`.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
import yaml

BOOL = ['true', 'false', 'True', 'False']
LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal']


def generate_launch_description():
    """Return the arguments and the node."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'params_file', description='parameter file (YAML): the policy and how it meets the robot'
            ),
            DeclareLaunchArgument(
                'params',
                default_value='{}',
                description='parameters that go before all others, as a YAML '
                'mapping, nested or dotted: "{control_rate: 30.0, policy.device: cpu}"',
            ),
            DeclareLaunchArgument(
                'namespace', default_value='', description='namespace of the node and of its relative topics'
            ),
            DeclareLaunchArgument(
                'trigger',
                default_value='',
                description='what starts a step: timer, observation or lockstep; empty: as in the parameter file',
            ),
            DeclareLaunchArgument(
                'use_sim_time', default_value='false', choices=BOOL, description='take the time from /clock'
            ),
            DeclareLaunchArgument(
                'autostart',
                default_value='',
                choices=['', *BOOL],
                description='configure at once and activate as '
                'soon as every source has a message; empty: as in the parameter file',
            ),
            DeclareLaunchArgument(
                'log_level', default_value='info', choices=LOG_LEVELS, description='least level that is logged'
            ),
            OpaqueFunction(function=start),
        ]
    )


def start(context):
    """Return the node; of two values for one parameter it takes the later."""
    given = context.launch_configurations
    if not Path(given['params_file']).is_file():
        raise RuntimeError(f"params_file: there is no file '{given['params_file']}'")
    named = {name: LaunchConfiguration(name) for name in ('trigger', 'use_sim_time', 'autostart') if given[name]}
    return [
        Node(
            package='rl_policy_node',
            executable='policy_node',
            name='policy_node',
            output='screen',
            namespace=given['namespace'],
            ros_arguments=['--log-level', given['log_level']],
            parameters=[given['params_file'], named, mapping(given['params'])],
            # it sends the robot its fallback before it ends: give it the time
            sigterm_timeout=LaunchConfiguration('sigterm_timeout', default='10'),
        )
    ]


def mapping(text):
    """Return dotted name → value of the argument `params`."""
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RuntimeError(f"params: '{text}' is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise RuntimeError(f"params: '{text}' is not a YAML mapping such as '{{control_rate: 30.0}}'")
    return dict(flat(values))


def flat(values, prefix=''):
    """Yield dotted name and value of everything in a nested mapping."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{name}.')
        elif value is None or value == []:
            raise RuntimeError(f"params: '{prefix}{name}' has no value")
        else:
            yield f'{prefix}{name}', value
