# SPDX-License-Identifier: Apache-2.0
"""The bridge's core with a small environment: an integrator per row, commanded by joint targets."""

import time

import gymnasium
from nodes.bridge_bench import BridgeBench
from nodes.harness import JOINTS, parameters, wait
import numpy as np
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim.hosted import HostedEnvironment


class Joints:
    """Three joints that go where they are sent; an episode is four steps; fails at step `fails`."""

    def __init__(self, rows, fails=None):
        self.observation_space = gymnasium.spaces.Box(-10, 10, (9,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
        self._rows, self._fails, self._step = rows, fails, 0
        self.actions = []

    def reset(self):
        self._state = torch.zeros(self._rows, 9)
        return self._state.clone()

    def step(self, actions):
        if self._step == self._fails:
            raise RuntimeError('the simulator lost its GPU')
        self._step += 1
        self.actions.append(actions.numpy().copy())
        self._state[:, :3] = actions
        done = torch.full((self._rows,), self._step % 4 == 0)
        return self._state.clone(), actions.sum(1), done.to(torch.uint8), {}


def bridge(run, environment, **changes):
    tree = parameters(run, robots=['left', 'right'], **{'sim.mode': 'lockstep', **changes})
    return BridgeBench(tree, HostedEnvironment(environment))


def command(made, row, target):
    from std_msgs.msg import Float64MultiArray

    made.receive('arm', row, Float64MultiArray(data=target))


def test_one_step_per_complete_set_of_commands(run):
    environment = Joints(2)
    made = bridge(run, environment)
    made.start()
    assert wait(lambda: len(made.emitted) == 1)
    command(made, 0, [0.6, 0.7, 0.8])
    time.sleep(0.1)
    assert not environment.actions, 'the other robot is not commanded yet'
    command(made, 1, [0.1, 0.2, 0.3])
    assert wait(lambda: len(made.emitted) == 2)
    # target = action · 0.5 + (0.1, 0.2, 0.3)
    assert np.allclose(environment.actions[0], [[1, 1, 1], [0, 0, 0]])
    made.stop()


def test_an_observation_becomes_the_message_that_would_have_given_it(run):
    made = bridge(run, Joints(2))
    observation = np.arange(18, dtype=np.float32).reshape(2, 9) / 100
    made.show({'obs': observation})
    message = made.message('joints', 1, 3 * 10**9)
    assert list(message.name) == JOINTS and message.header.stamp.sec == 3
    assert np.allclose(message.position, observation[1, :3] + [0.1, 0.2, 0.3])
    assert np.allclose(message.velocity, observation[1, 3:6] / 0.05)
    assert np.allclose(made.message('wrench', 1, 0).wrench.force.z, observation[1, 8])


def test_episodes_are_stamped_with_the_first_observation_after_their_end(run):
    made = bridge(run, Joints(2), **{'sim.steps': 5})
    made.start()
    for step in range(5):
        assert wait(lambda: len(made.emitted) == step + 1)
        command(made, 0, [0.6, 0.2, 0.3])
        command(made, 1, [0.1, 0.2, 0.3])
    assert wait(lambda: made.finished)
    begun = [episode[0] for _, episode in made.emitted]
    assert begun[:4] == [made.emitted[0][0]] * 4 and begun[4] == made.emitted[4][0]
    assert [entry[:4] for ended in made.ended for entry in ended] == [(0, 0, 4.0, 4), (1, 0, 0.0, 4)]
    made.stop()


def test_pause_holds_and_reset_begins_anew(run):
    made = bridge(run, Joints(2), **{'sim.mode': 'real_time', 'control_rate': 100.0})
    made.start()
    assert wait(lambda: len(made.emitted) > 2), 'shown until somebody commands'
    for row in range(2):
        command(made, row, [0.1, 0.2, 0.3])
    assert wait(lambda: made.steps > 3)
    made.pause(True)
    time.sleep(0.1)
    count = made.steps
    time.sleep(0.1)
    assert made.steps == count
    begun = made.emitted[-1][1][0]
    made.ask_reset()
    assert wait(lambda: made.emitted[-1][1][0] > begun)
    made.pause(False)
    assert wait(lambda: made.steps > count)
    made.stop()


def test_bridge_that_begins_anew_begins_another_episode(run):
    """In lockstep nothing else tells the policy: no message has gone back in time where none came in between."""
    starts = []
    for _ in range(2):
        made = bridge(run, Joints(2))
        made.start()
        assert wait(lambda: made.emitted)
        starts.append(made.emitted[0][1][0])
        made.stop()
    assert starts[0] != starts[1] and min(starts) > 0


def test_an_environment_that_fails_ends_the_bridge_with_its_own_words(run):
    made = bridge(run, Joints(2, fails=0))
    made.start()
    assert wait(lambda: made.emitted)
    for row in range(2):
        command(made, row, [0.1, 0.2, 0.3])
    assert wait(lambda: made.finished)
    assert made.failed and 'the simulator lost its GPU' in made.log.lines[-1]
    made.stop()


def test_inputs_the_environment_does_not_give_are_refused(run):
    environment = Joints(2)
    environment.observation_space = gymnasium.spaces.Dict({'pixels': gymnasium.spaces.Box(0, 1, (9,), np.float32)})
    environment.reset = lambda: {'pixels': torch.zeros(2, 9)}
    with pytest.raises(ConfigurationError, match=r"inputs \['obs'\].*it has \['pixels'\]"):
        bridge(run, environment)


def test_what_the_simulator_would_have_to_publish_and_no_term_gives_is_refused_by_name(run):
    gravity = {
        'terms.force.kind': 'projected_gravity',
        'sources.wrench.type': 'geometry_msgs/msg/PoseStamped',
        'terms.force.field': 'orientation',
    }
    with pytest.raises(
        ConfigurationError,
        match=r"source 'wrench': its field 'orientation' is read by the term "
        r"'force' \(kind projected_gravity\) and fed by no term of kind",
    ):
        bridge(run, Joints(2), **gravity)
