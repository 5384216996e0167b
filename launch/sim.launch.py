# SPDX-License-Identifier: Apache-2.0
"""Start the simulator bridge and the policy node against it, with one parameter file for both.

    ros2 launch rl_policy_node sim.launch.py
    ros2 launch rl_policy_node sim.launch.py mode:=lockstep episodes:=20 params:="{sim.seed: 1}"

`--show-args` describes the arguments; what they say, defaults included, goes before the parameter file.
When one of the two nodes ends, so does the other: the bridge does after `episodes`.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
)
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare
import yaml

PARAMS_FILE = PathJoinSubstitution([FindPackageShare('rl_policy_node'), 'config', 'insertion.yaml'])
TRIGGER = PythonExpression(["'lockstep' if '", LaunchConfiguration('mode'), "' == 'lockstep' else ''"])


def generate_launch_description():
    """Return the arguments and both nodes; arguments not declared here are in policy.launch.py."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'mode',
                default_value='real_time',
                choices=['real_time', 'lockstep'],
                description='real_time: at control_rate; lockstep: one step per command, as fast as it goes',
            ),
            DeclareLaunchArgument(
                'episodes', default_value='0', description='end after so many episodes of all robots together; 0: never'
            ),
            DeclareLaunchArgument(
                'params_file', default_value=PARAMS_FILE, description='parameter file (YAML) of both nodes'
            ),
            DeclareLaunchArgument(
                'trigger',
                default_value=TRIGGER,
                description='what starts a step of the policy; empty: as in the parameter file',
            ),
            DeclareLaunchArgument(
                'use_sim_time', default_value='true', description='let the policy take the time from /clock'
            ),
            DeclareLaunchArgument('autostart', default_value='true', description='let the policy start by itself'),
            RegisterEventHandler(OnProcessExit(on_exit=end)),
            IncludeLaunchDescription(
                str(Path(__file__).with_name('policy.launch.py')),
                launch_arguments=[('params_file', LaunchConfiguration('params_file'))],
            ),
            OpaqueFunction(function=start_bridge),
        ]
    )


def start_bridge(context):
    """Return the bridge; policy.launch.py has declared and checked the arguments."""
    given = context.launch_configurations
    chosen = {'sim.mode': given['mode'], 'sim.episodes': LaunchConfiguration('episodes')}
    return [
        Node(
            package='rl_policy_node',
            executable='sim_bridge_node',
            name='sim_bridge_node',
            output='screen',
            namespace=given['namespace'],
            ros_arguments=['--log-level', given['log_level']],
            parameters=[given['params_file'], chosen, yaml.safe_load(given['params'])],
        )
    ]


def end(event, context):
    """Shut down when one of the two has ended by itself; if it failed, the launch fails, too."""
    ours = getattr(event.action, 'node_package', None) == 'rl_policy_node'
    if context.is_shutdown or not ours:
        return None
    if event.returncode:
        raise RuntimeError(f'{event.process_name} ended with {event.returncode}')
    return [Shutdown(reason=f'{event.process_name} has ended')]
