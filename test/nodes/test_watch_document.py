# SPDX-License-Identifier: Apache-2.0
"""What docs/how-to/watch.md says, tried on the insertion: streams while it acts, one picture, names that are there."""

import json
from pathlib import Path
import re
import shlex

from nodes.harness import wait
from nodes.pair import Pair
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
import rclpy

from rl_policy_node.nodes.watch.watcher import Watcher
from rl_policy_node.tools.main import main

pytest.importorskip('mujoco')
TEXT = (Path(__file__).parents[2] / 'docs' / 'how-to' / 'watch.md').read_text('utf-8')


def switch_on(node):
    """Do what the page's `ros2 param set` does."""
    ((name, parameter, value),) = re.findall(r'^\$ ros2 param set (\S+) (\S+) (\S+)$', TEXT, re.MULTILINE)
    client = node.create_client(SetParameters, f'{name}/set_parameters')
    assert client.wait_for_service(60)
    change = Parameter(name=parameter, value=ParameterValue(type=1, bool_value=json.loads(value)))
    future = client.call_async(SetParameters.Request(parameters=[change]))
    rclpy.spin_until_future_complete(node, future, timeout_sec=20)
    assert future.result().results[0].successful


@pytest.mark.slow
def test_the_page_holds_for_the_insertion(tmp_path, capsys):
    rclpy.init()
    try:
        node = rclpy.create_node('person')
        with Pair(tmp_path) as pair, Watcher() as watcher:
            pair.start('sim_bridge_node')
            pair.policy()
            assert wait(lambda: any(view.active for view in watcher.poll(0.1)), 60)
            switch_on(node)

            def streams():
                views = watcher.poll(0.1)
                return views[0].numbers is not None and bool(views[0].description)

            assert wait(streams, 30)
            (view,) = watcher.poll(0.1)
            assert view.name == '/policy_node', 'the bridge is none'
            said = ''
            for _ in range(3):
                main(['watch', '--once', '--patience', '20'])
                said = capsys.readouterr().out
                if 'action/arm' in said:
                    break
        node.destroy_node()
    finally:
        rclpy.try_shutdown()
    assert all(f' {term} ' in said for term in ('ee_pos', 'socket_quat', 'tactile_left', 'action/arm'))
    assert said.count('σ') >= 8, 'the policy knows its training: two in the head, one of each term'
    series = re.findall(r'`/policy_node/policy/terms/(\S+)/position`', TEXT)
    plotted = [path.replace('.', '/') for path in re.findall(r'`/policy_node/terms\.(\S+)`', TEXT)]
    assert series and plotted and {*series, *plotted} <= set(view.numbers.values)
    assert int(re.search(r'terms\.position\[(\d+)\]', TEXT)[1]) < len(view.numbers.values)
    assert '116 numbers each' in TEXT and sum(term['size'] for term in view.description['terms']) + 6 == 116


def test_command_lines_of_the_page_are_those_that_are_tried():
    lines = [shlex.split(line, comments=True) for line in re.findall(r'^\$ rl_policy (watch.*)$', TEXT, re.MULTILINE)]
    assert lines == [['watch'], ['watch', '/left/policy_node'], ['watch', '--once'], ['watch', '--foxglove']]
