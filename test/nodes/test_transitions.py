# SPDX-License-Identifier: Apache-2.0
"""Lifecycle transitions that cannot be made are answered, and change nothing."""

import contextlib

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState
import pytest
import rclpy
from rclpy.lifecycle import LifecycleNode

from rl_policy_node.nodes.policy.transitions import answer_refusals
from rl_policy_node.nodes.process.runtime import create_executor


@pytest.mark.parametrize('executor_name', ['events', 'single_threaded'])
def test_what_is_no_transition_from_here_is_answered(executor_name):
    with contextlib.ExitStack() as stack:
        rclpy.init()
        stack.callback(rclpy.try_shutdown)
        node, asker = LifecycleNode('arm'), rclpy.create_node('asker')
        stack.callback(node.destroy_node), stack.callback(asker.destroy_node)
        answer_refusals(node)
        executor = create_executor(executor_name, node.get_logger())
        stack.callback(executor.shutdown)
        executor.add_node(node), executor.add_node(asker)
        client = asker.create_client(ChangeState, '/arm/change_state')
        assert client.wait_for_service(5.0)

        def success(**transition):
            future = client.call_async(ChangeState.Request(transition=Transition(**transition)))
            for _ in range(100):
                executor.spin_once(timeout_sec=0.05)
                if future.done():
                    return future.result().success
            raise AssertionError(f'{transition} was not answered')

        impossible = [{'id': Transition.TRANSITION_ACTIVATE}, {'id': 99}, {'label': 'activate'}, {'label': 'nonsense'}]
        assert not any(success(**each) for each in impossible)
        assert success(id=Transition.TRANSITION_CONFIGURE)
        assert not success(id=Transition.TRANSITION_CONFIGURE)
        assert node._state_machine.current_state[0] == State.PRIMARY_STATE_INACTIVE
