# SPDX-License-Identifier: Apache-2.0
"""The launch files, run by launch itself: with probes in place of the nodes, and once with the nodes."""

import json
import os
from pathlib import Path
import re
import signal
import subprocess
import sys

import pytest

from rl_policy_node.tools.process.processes import private_domain

pytest.importorskip('launch_ros', reason='launch_ros comes with ROS; it is on no package index')

from launch import LaunchContext
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.utilities import perform_substitutions

ROOT = Path(__file__).resolve().parents[2]
POLICY, BRIDGE = 'policy_node', 'sim_bridge_node'
CONFIG = ROOT / 'config' / 'insertion.yaml'

# name -> default; None: it must be given
POLICY_ARGUMENTS = {
    'params_file': None,
    'params': '{}',
    'namespace': '',
    'trigger': '',
    'use_sim_time': 'false',
    'autostart': '',
    'log_level': 'info',
}
SIM_ARGUMENTS = {
    **POLICY_ARGUMENTS,
    'mode': 'real_time',
    'episodes': '0',
    'params_file': str(CONFIG),
    'use_sim_time': 'true',
    'autostart': 'true',
}

# what `ros2 launch FILE ARGUMENT…` does, beside a process that is no concern of the file
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import ExecuteProcess, IncludeLaunchDescription
arguments = [argument.split(':=', 1) for argument in sys.argv[2:]]
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([
    ExecuteProcess(cmd=['false'], name='bystander'),
    IncludeLaunchDescription(sys.argv[1], launch_arguments=arguments)]))
sys.exit(service.run())
"""

# says who it is and what parameters it has, then ends when every other probe has said so, too
PROBE = """
import json, pathlib, time
import rclpy
from rclpy.node import Node
rclpy.init()
node = Node('unnamed', automatically_declare_parameters_from_overrides=True)
values = {name: parameter.value for name, parameter in node.get_parameters_by_prefix('').items()}
me = pathlib.Path(__file__)
me.with_suffix('.json').write_text(json.dumps({
    'name': node.get_fully_qualified_name(), 'level': rclpy.logging.get_logger_effective_level('x').name,
    'parameters': values}, default=list))
while len(list(me.parent.glob('*.json'))) < len([file for file in me.parent.iterdir() if not file.suffix]):
    time.sleep(0.05)
"""
FAILS = 'import sys; sys.exit(3)'
WAITS = 'import time; time.sleep(300)'

# ends once it has been asked to, and longer after that than launch would wait by itself
DELIBERATE = """
import pathlib, signal, time
def leave(*_):
    time.sleep(6)
    print('fallback sent', flush=True)
    raise SystemExit
signal.signal(signal.SIGINT, leave)
pathlib.Path(__file__).with_suffix('.ready').touch()
time.sleep(300)
"""
ENDS_AFTER_POLICY_IS_READY = """
import pathlib, time
while not pathlib.Path(__file__).with_name('policy_node.ready').exists():
    time.sleep(0.05)
"""
NODE = """
import sys
sys.path.insert(0, {root!r})
from rl_policy_node.nodes.{name} import main
main()
"""


class Prefix:
    """An installation of the package of its own: its files are the checkout's, its executables are given."""

    def __init__(self, folder):
        self.lib, self._folder = folder / 'lib' / 'rl_policy_node', folder
        for parent in (self.lib, folder / 'share' / 'ament_index' / 'resource_index' / 'packages'):
            parent.mkdir(parents=True)
        (folder / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'rl_policy_node').touch()
        (folder / 'share' / 'rl_policy_node').symlink_to(ROOT)

    def add(self, name, source):
        """Install an executable."""
        file = self.lib / name
        file.write_text(f'#!{sys.executable}\n{source}')
        file.chmod(0o755)

    def launch(self, file, *arguments, patience=120):
        """Run a launch file to its end; return the exit code and what it said."""
        paths = [str(self._folder), *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
        environment = {
            **os.environ,
            'AMENT_PREFIX_PATH': os.pathsep.join(paths),
            'ROS_LOG_DIR': str(self._folder / 'log'),
            'TMPDIR': str(self._folder),
        }
        command = [sys.executable, '-c', LAUNCH, str(ROOT / 'launch' / file), *arguments]
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=self._folder,
            start_new_session=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            output, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and the nodes, which are in its group
            pytest.fail(f'no end after {patience} s:\n{process.communicate()[0]}')
        return process.returncode, output

    def said(self, name):
        """Return what a probe wrote."""
        return json.loads((self.lib / f'{name}.json').read_text())


@pytest.fixture(autouse=True, scope='module')
def domain():
    private_domain()


@pytest.fixture
def prefix(tmp_path):
    return Prefix(tmp_path / 'prefix')


@pytest.fixture
def params_file(tmp_path):
    """A file that speaks to all nodes and, which goes before that, to one node by its name."""
    file = tmp_path / 'params.yaml'
    file.write_text("""
/**: {ros__parameters: {control_rate: 60.0, trigger: observation, autostart: true}}
/cell/policy_node: {ros__parameters: {control_rate: 50.0, policy: {device: auto, threads: 1}, robots: [a, b]}}
""")
    return file


def launch_arguments(file):
    """Return name → argument of a launch file, those of the files that it includes as well."""
    source = AnyLaunchDescriptionSource(str(ROOT / 'launch' / file))
    arguments = source.get_launch_description(LaunchContext()).get_launch_arguments()
    return {argument.name: argument for argument in arguments}


def default(argument):
    context = LaunchContext()
    context.launch_configurations['mode'] = 'real_time'
    return argument.default_value and perform_substitutions(context, argument.default_value)


@pytest.mark.parametrize('file, wanted', [('policy.launch.py', POLICY_ARGUMENTS), ('sim.launch.py', SIM_ARGUMENTS)])
def test_arguments_have_defaults_and_descriptions(file, wanted, prefix, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(prefix.lib.parents[1]))
    arguments = launch_arguments(file)
    found = {name: default(argument) for name, argument in arguments.items()}
    if found['params_file']:
        found['params_file'] = str(Path(found['params_file']).resolve())
    assert found == wanted
    # what launch says where nothing was said
    assert not [
        name for name, argument in arguments.items() if argument.description.startswith(('no description', 'One of'))
    ]


def test_file_speaks_where_the_command_line_is_silent(prefix, params_file):
    prefix.add(POLICY, PROBE)
    code, output = prefix.launch('policy.launch.py', f'params_file:={params_file}', 'namespace:=cell')
    assert code == 0, output
    said = prefix.said(POLICY)
    assert (said['name'], said['level']) == ('/cell/policy_node', 'INFO')
    assert (
        said['parameters'].items()
        >= {
            'control_rate': 50.0,
            'trigger': 'observation',
            'policy.device': 'auto',
            'policy.threads': 1,
            'robots': ['a', 'b'],
            'use_sim_time': False,
            'autostart': True,
        }.items()
    )


def test_command_line_goes_before_the_file(prefix, params_file):
    prefix.add(POLICY, PROBE)
    code, output = prefix.launch(
        'policy.launch.py',
        f'params_file:={params_file}',
        'namespace:=cell',
        'use_sim_time:=true',
        'autostart:=True',
        'trigger:=timer',
        'log_level:=warn',
        'params:={policy.threads: 2, policy: {device: cpu}, actions: {arm: {scale: 0.5}}, robots: [c]}',
    )
    assert code == 0, output
    said = prefix.said(POLICY)
    assert said['level'] == 'WARN'
    assert (
        said['parameters'].items()
        >= {
            'policy.threads': 2,
            'policy.device': 'cpu',
            'actions.arm.scale': 0.5,
            'robots': ['c'],
            'control_rate': 50.0,
            'trigger': 'timer',
            'use_sim_time': True,
            'autostart': True,
        }.items()
    )


@pytest.mark.parametrize(
    'file, argument, message',
    [
        ('policy.launch.py', 'params_file:=nowhere.yaml', "there is no file 'nowhere.yaml'"),
        ('policy.launch.py', 'params:=[1', "params: '[1' is not YAML"),
        ('policy.launch.py', 'params:=3', "params: '3' is not a YAML mapping"),
        ('policy.launch.py', 'params:={policy: {device: }}', "'policy.device' has no value"),
        ('policy.launch.py', 'autostart:=perhaps', '"autostart" provided value "perhaps" is not valid'),
        ('policy.launch.py', 'log_level:=loud', '"log_level" provided value "loud" is not valid'),
        ('sim.launch.py', 'mode:=fast', '"mode" provided value "fast" is not valid'),
        ('sim.launch.py', 'params_file:=nowhere.yaml', "there is no file 'nowhere.yaml'"),
        ('sim.launch.py', 'params:=3', "params: '3' is not a YAML mapping"),
    ],
)
def test_bad_argument_is_refused(file, argument, message, prefix):
    for name in (POLICY, BRIDGE):
        prefix.add(name, WAITS)
    code, output = prefix.launch(file, f'params_file:={CONFIG}', argument)
    assert code == 1 and message in output
    assert not re.search(r'node-\d\]: process started', output)


def test_params_file_must_be_given_to_the_policy(prefix):
    prefix.add(POLICY, WAITS)
    code, output = prefix.launch('policy.launch.py')
    assert code == 1 and "missing required argument 'params_file'" in output


@pytest.mark.parametrize('mode, trigger', [('real_time', 'observation'), ('lockstep', 'lockstep')])
def test_both_nodes_agree_on_the_mode(mode, trigger, prefix):
    for name in (POLICY, BRIDGE):
        prefix.add(name, PROBE)
    code, output = prefix.launch(
        'sim.launch.py',
        f'mode:={mode}',
        'episodes:=4',
        'namespace:=cell',
        'log_level:=warn',
        'params:={robots: [a, b], sim.seed: 3}',
    )
    assert code == 0, output
    policy, bridge = prefix.said(POLICY), prefix.said(BRIDGE)
    assert (policy['name'], bridge['name']) == ('/cell/policy_node', '/cell/sim_bridge_node')
    assert policy['level'] == bridge['level'] == 'WARN'
    assert (
        policy['parameters'].items()
        >= {'trigger': trigger, 'use_sim_time': True, 'autostart': True, 'robots': ['a', 'b']}.items()
    )
    assert (
        bridge['parameters'].items()
        >= {'sim.mode': mode, 'sim.episodes': 4, 'sim.seed': 3, 'robots': ['a', 'b'], 'use_sim_time': False}.items()
    )


@pytest.mark.parametrize('failing, waiting', [(POLICY, BRIDGE), (BRIDGE, POLICY)])
def test_simulation_fails_with_either_node(failing, waiting, prefix):
    prefix.add(failing, FAILS)
    prefix.add(waiting, WAITS)
    code, output = prefix.launch('sim.launch.py', patience=60)
    assert code == 1 and re.search(failing + r'-\d ended with 3', output)


def test_simulation_ends_with_the_bridge(prefix):
    prefix.add(POLICY, WAITS)
    prefix.add(BRIDGE, '')
    code, output = prefix.launch('sim.launch.py', patience=60)
    assert code == 0, output


def test_policy_has_the_time_to_send_its_fallback(prefix):
    prefix.add(POLICY, DELIBERATE)
    prefix.add(BRIDGE, ENDS_AFTER_POLICY_IS_READY)
    code, output = prefix.launch('sim.launch.py')
    assert code == 0 and 'fallback sent' in output


def test_simulation_plays_its_episodes_and_ends(prefix):
    pytest.importorskip('mujoco', reason='the simulator needs mujoco')
    for name in (POLICY, BRIDGE):
        prefix.add(name, NODE.format(root=str(ROOT), name=name))
    code, output = prefix.launch(
        'sim.launch.py', 'mode:=lockstep', 'episodes:=4', 'params:={sim.episode_length: 64}', patience=240
    )
    assert code == 0, output
    assert sorted(re.findall(r'(arm_\d): episode 0: return \S+, 64 steps', output)) == [
        'arm_0',
        'arm_1',
        'arm_2',
        'arm_3',
    ]
    assert output.count('process has finished cleanly') == 2, output
