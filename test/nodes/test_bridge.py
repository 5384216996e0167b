# SPDX-License-Identifier: Apache-2.0
"""The simulator bridge and the policy node: ROS changes nothing, and a bridge that dies is survived."""

import signal
import time

from nodes.harness import Arm, wait
from nodes.pair import Pair
import numpy as np
import pytest
from std_srvs.srv import Trigger

from rl_policy_node.core.latch import LONGEST_OUTAGE
from rl_policy_node.policy import Policy
from rl_policy_node.resources import resolve
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.tools.demo.run_record import load_record
from rl_policy_node.tools.evaluate.play import play

mujoco = pytest.importorskip('mujoco')
MODEL = resolve('package://rl_policy_node/models/insertion/')


def played_alone(environment, episodes):
    """Play in rl_games' own loop; return what the bridge records: name → (steps, rows, ...)."""
    kept = []
    policy = Policy.load(MODEL + '/train.yaml', MODEL + '/policy.pth', rows=environment.num_envs, device='cpu')
    play(policy, HostedEnvironment(environment), episodes, lambda *step: kept.append(step))
    observations, actions, rewards, dones, successes = zip(*kept)
    return {
        **{f'obs/{key}': np.stack([each[key] for each in observations]) for key in observations[0]},
        'actions': np.stack(actions),
        'rewards': np.stack(rewards),
        'dones': np.stack(dones),
        'successes': np.stack(successes),
    }


@pytest.mark.slow
def test_ros_changes_nothing(tmp_path):
    """Through two nodes in lockstep and in rl_games' own loop: the same bits, across staggered episode ends."""
    from rl_policy_node.sim.insertion.environment import InsertionEnv

    steps, length, record = 100, 30, tmp_path / 'record'
    with Pair(tmp_path) as pair:
        pair.policy(trigger='lockstep', policy__backend='eager')
        bridge = pair.start(
            'sim_bridge_node',
            sim__mode='lockstep',
            sim__steps=steps,
            sim__episode_length=length,
            sim__stagger=True,
            sim__seed=3,
            sim__record=str(record),
        )
        assert wait(lambda: bridge.poll() is not None, 90), bridge.tail()
        assert bridge.poll() == 0
    through_ros = load_record(record)
    alone = played_alone(InsertionEnv(4, seed=3, episode_length=length, stagger=True), 4 * steps // length + 4)
    assert through_ros['dones'].sum() >= 12
    assert len({tuple(np.nonzero(row)[0]) for row in through_ros['dones'].T}) == 4, 'episodes end apart'
    for name, value in alone.items():
        assert through_ros[name].dtype == value.dtype or name == 'dones', name
        assert np.array_equal(through_ros[name], value[:steps]), f'{name} differs'


@pytest.mark.slow
@pytest.mark.parametrize('trigger', ['observation', 'timer'])
def test_a_killed_bridge_is_survived(tmp_path, trigger):
    """SIGKILL mid-episode: the node falls back naming the source, and acts with the next bridge once it is told to."""
    with Pair(tmp_path) as pair:
        policy = pair.policy(trigger=trigger, robots=['arm_0'])
        bridge = pair.start('sim_bridge_node', robots=['arm_0'], sim__episode_length=40)
        assert wait(lambda: 'episode 0' in bridge.tail(100), 60), bridge.tail() + policy.tail()
        bridge.stop(signal.SIGKILL)
        assert wait(lambda: 'is stale' in policy.tail(100), 10), policy.tail()
        assert 'sending the fallback' in policy.tail(100)
        time.sleep(LONGEST_OUTAGE)
        before = policy.tail(1000).count('recovered')  # a busy machine makes short outages, too
        again = pair.start('sim_bridge_node', robots=['arm_0'], sim__episode_length=40)
        assert wait(lambda: 'episode 0' in again.tail(100), 60), again.tail() + policy.tail()
        assert policy.tail(1000).count('recovered') == before, 'it was gone for longer than comes back by itself'
        with Arm(tmp_path) as person:
            person.talking = set()
            assert person.call(Trigger, '/policy_node/resume', Trigger.Request()).success
        assert wait(lambda: policy.tail(1000).count('recovered') > before, 20), policy.tail()
        assert policy.stop() == 0


def test_a_bridge_whose_rate_is_not_the_environments_is_refused(tmp_path):
    with Pair(tmp_path) as pair:
        bridge = pair.start('sim_bridge_node', control_rate=50.0)
        assert wait(lambda: bridge.poll() is not None, 30)
        assert bridge.poll() == 1 and 'control_rate is 50 Hz' in bridge.tail() and '60 Hz' in bridge.tail()


@pytest.mark.slow
def test_in_lockstep_either_node_may_begin_anew(tmp_path):
    """Kill the bridge, then the policy, mid-episode: the other goes on with whoever comes back."""
    with Pair(tmp_path) as pair:
        policy = pair.policy(trigger='lockstep', robots=['arm_0'])
        bridge = pair.start('sim_bridge_node', robots=['arm_0'], sim__mode='lockstep', sim__episode_length=50)
        assert wait(lambda: 'episode 0' in bridge.tail(1000), 60), bridge.tail() + policy.tail()
        bridge.stop(signal.SIGKILL)
        again = pair.start('sim_bridge_node', robots=['arm_0'], sim__mode='lockstep', sim__episode_length=50)
        assert wait(lambda: 'episode 1' in again.tail(1000), 60), again.tail() + policy.tail()
        policy.stop(signal.SIGKILL)
        played = again.tail(1000).count('episode')
        pair.policy(trigger='lockstep', robots=['arm_0'])
        assert wait(lambda: again.tail(1000).count('episode') > played + 1, 60), again.tail()
