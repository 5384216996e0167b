# SPDX-License-Identifier: Apache-2.0
"""The gap that the bridge puts between a simulator and a policy on purpose: what exactly arrives, and when."""

import threading

import gymnasium
from nodes.bridge_bench import BridgeBench
from nodes.harness import parameters
from nodes.imperfection_bench import OFFSET, PERIOD, Play, ROWS
import numpy as np
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.tools.demo.run_record import load_record

# latency


@pytest.mark.parametrize('latency, late', [(PERIOD, 1), (3 * PERIOD, 3), (0.05, 3), (0.001, 1), (7 * PERIOD, 7)])
def test_with_latency_a_step_is_shown_what_was_observed_so_many_steps_before(run, latency, late):
    play = Play(run, 30, **{'sim.latency': latency})
    expected = np.maximum(np.arange(31) - late, 0)
    assert np.array_equal(play.shown, np.stack([expected, expected], axis=1))
    assert np.allclose(play.seen['force'], play.seen['position'], atol=1e-5), 'all sources alike'


def test_jitter_delays_by_up_to_so_much_more_and_never_shows_the_past_after_the_future(run):
    play = Play(run, 400, **{'sim.latency': PERIOD, 'sim.latency_jitter': 3 * PERIOD})
    lag = np.arange(401)[:, np.newaxis] - play.shown
    # of four messages under way the newest that is there is shown: the slowest are overtaken
    assert lag[10:].min() >= 1 and lag[10:].max() == 4 and len(np.unique(lag[10:])) > 1
    assert (np.diff(play.shown, axis=0) >= 0).all()
    assert play.imperfections['reordered'] > 100 and play.imperfections['lost'] == 0


# loss and order


def test_what_is_lost_leaves_the_value_before_it(run):
    play = Play(run, 1000, **{'sim.drop': 0.3})
    steps = np.arange(1001)[:, np.newaxis]
    held = play.shown < steps
    assert (play.shown[1:][held[1:]] == play.shown[:-1][held[1:]]).all()
    # a lost share of 0.3 of 1000 has a standard deviation of 0.0145
    assert abs(held.mean() - 0.3) < 4 * 0.0145
    forces = np.rint(play.seen['force'][..., 0]) < np.minimum(steps, 20)
    others = ((held[:, 0], held[:, 1]), (held[1:20, 0], forces[1:20, 0]))
    assert all((one != other).any() for one, other in others), 'each topic of each robot has a fate of its own'
    # joints and wrench of two robots, 1001 times
    counted = play.imperfections
    assert counted['sent'] == 4 * 1001 and abs(counted['lost'] / counted['sent'] - 0.3) < 4 * 0.0073


def test_when_all_is_lost_an_episode_shows_its_first_observation(run):
    play = Play(run, 12, length=5, **{'sim.drop': 1.0})
    assert play.shown[:, 0].tolist() == [0] * 5 + [5] * 5 + [10] * 3
    assert play.shown[:, 1].tolist() == [0] * 6 + [6] * 6 + [12]
    # of 13 times four messages, but for three first ones of each
    assert (play.imperfections['sent'], play.imperfections['lost'], play.imperfections['late']) == (52, 40, 0)


def test_a_message_that_comes_after_its_successor_is_not_shown(run):
    play = Play(run, 500, **{'sim.reorder': 0.2})
    shown, steps = play.shown, np.arange(501)
    for row in range(ROWS):
        swapped = shown[:, row] < steps
        # the message before is seen once more; where all three of a run are swapped, the first arrives after all
        assert (np.diff(shown[:, row]) >= 0).all() and (steps - shown[:, row]).max() <= 2
        assert abs(swapped[1:].mean() - 0.2) < 4 * 0.018
    share = play.imperfections['reordered'] / play.imperfections['sent']
    assert 0.12 < share < 0.2, 'but for those whose successor was swapped, too'


# seeds


def figures(run, seed, **changes):
    play = Play(
        run,
        60,
        **{'sim.seed': seed, 'sim.drop': 0.3, 'sim.latency_jitter': 0.05, 'sim.noise.wrench.force': 0.1, **changes},
    )
    return play.shown, play.seen['force']


def test_a_seed_makes_the_same_gap_again_and_another_another(run):
    first, again, other = figures(run, 3), figures(run, 3), figures(run, 4)
    for one, same, another in zip(first, again, other):
        assert np.array_equal(one, same) and not np.array_equal(one, another)


def test_noise_and_latency_do_not_change_what_is_lost(run):
    def lost(**changes):
        return np.diff(Play(run, 60, **{'sim.drop': 0.3, **changes}).shown, axis=0)

    plain = lost()
    assert np.array_equal(plain, lost(**{'sim.noise.joints.velocity': 1.0}))
    # what is lost stays away at its own time
    assert np.array_equal(plain[:-2] > 0, lost(**{'sim.latency': 2 * PERIOD})[2:] > 0)
    assert (plain >= 0).all() and (plain == 0).any()


# episodes


def test_nothing_of_an_episode_is_shown_in_the_next(run):
    """The first observation arrives at once, and is seen until the second one comes."""
    play = Play(run, 20, length=6, **{'sim.latency': 3 * PERIOD})
    assert play.shown[:, 0].tolist() == [0, 0, 0, 0, 1, 2, 6, 6, 6, 6, 7, 8, 12, 12, 12, 12, 13, 14, 18, 18, 18]
    assert play.shown[:, 1].tolist() == [0, 0, 0, 0, 1, 2, 3, 7, 7, 7, 7, 8, 9, 10, 14, 14, 14, 14, 15, 16, 17]


# commands


def numbered(step, row):
    """Return the command whose action is (step + 100 · row) / 1000."""
    return [0.5 * (step + 100 * row) / 1000 + offset for offset in OFFSET]


@pytest.mark.parametrize('latency, late', [(0.0, 0), (PERIOD, 1), (0.05, 3), (4 * PERIOD, 4)])
def test_commands_take_effect_so_many_steps_later(run, latency, late):
    play = Play(run, 20, numbered, **{'sim.command_latency': latency, 'sim.latency': PERIOD})
    taken = np.rint(play.actions[..., 0] * 1000).astype(int)
    assert np.array_equal(taken[late:, 0], np.arange(20 - late))
    assert np.array_equal(taken[late:, 1], 100 + np.arange(20 - late))
    # until then the arm is held where it was: at its offset, which is an action of zero
    assert np.allclose(play.actions[:late], 0.0, atol=1e-6)


def test_a_command_of_an_ended_episode_is_not_obeyed_in_the_next(run):
    """Until the first command of the new one takes effect, the robot is held where it was when it began."""
    play = Play(run, 13, numbered, length=5, **{'sim.command_latency': 2 * PERIOD})
    actions = play.actions[..., 0]
    # the arm is at `step` when the episode begins there: an action of twice as much holds it
    expected = [0, 0, 0.000, 0.001, 0.002, 2 * 5, 2 * 5, 0.005, 0.006, 0.007, 2 * 10, 2 * 10, 0.010]
    assert np.allclose(actions[:, 0], expected)
    expected = [0, 0, 0.100, 0.101, 0.102, 0.103, 2 * 6, 2 * 6, 0.106, 0.107, 0.108, 0.109, 2 * 12]
    assert np.allclose(actions[:, 1], expected)


def test_a_robot_obeys_a_command_from_where_it_truly_is(run):
    """A pose target means the same wherever the policy saw the robot: the environment gets the true difference."""
    pose = {
        'kind': 'pose_delta',
        'source': 'tool',
        'topic': 'target',
        'type': 'geometry_msgs/msg/PoseStamped',
        'position_scale': 1.0,
        'rotation_scale': 1.0,
        'limits': 'none',
    }
    tree = parameters(run, robots=['left', 'right'], **{'sim.mode': 'lockstep', 'sim.latency': 3 * PERIOD})
    tree['sources'] = {'tool': {'topic': 'pose', 'type': 'geometry_msgs/msg/PoseStamped'}}
    tree['inputs'] = {'position': ['position'], 'turn': ['turn']}
    tree['terms'] = {
        'position': {'source': 'tool', 'field': 'position'},
        'turn': {'source': 'tool', 'field': 'orientation'},
    }
    tree['actions'] = {'terms': ['arm'], 'arm': pose}
    tool = Tool()
    made = BridgeBench(tree, HostedEnvironment(tool))
    for step in range(4):
        made.show({'position': np.full((2, 3), float(step), np.float32), 'turn': np.tile([0, 0, 0, 1.0], (2, 1))})
        made.bridge._advance()
    shown = made.message('tool', 0, made.frame.stamp)
    assert shown.pose.position.x == 0.0, 'three steps late'
    shown.pose.position.x = 5.0  # the policy wants 5 m, wherever it is
    for row in range(2):
        made.receive('arm', row, shown)
    made.bridge.step()
    assert np.allclose(tool.actions[:, :3], [2.0, -3.0, -3.0])


class Tool:
    """Has a pose that does not change and takes six numbers, which it keeps."""

    observation_space = gymnasium.spaces.Dict(
        {
            'position': gymnasium.spaces.Box(-9, 9, (3,), np.float32),
            'turn': gymnasium.spaces.Box(-1, 1, (4,), np.float32),
        }
    )
    action_space = gymnasium.spaces.Box(-1, 1, (6,), np.float32)

    def reset(self):
        return {'obs': {'position': torch.zeros(2, 3), 'turn': torch.tensor([[0.0, 0.0, 0.0, 1.0]] * 2)}}

    def step(self, actions):
        self.actions = np.array(actions)
        return self.reset(), torch.zeros(2), torch.zeros(2, dtype=torch.uint8), {}


# noise


def test_noise_is_what_was_measured_and_comes_as_late(run):
    play = Play(run, 40, **{'sim.latency': 2 * PERIOD, 'sim.noise.wrench.force': 0.01})
    error = play.seen['force'] - play.shown[..., np.newaxis]
    assert 0.005 < error.std() < 0.015
    assert np.array_equal(play.seen['force'][0], play.seen['force'][1]), 'the same message, seen again'
    assert len(np.unique(play.seen['force'][2:])) == 39 * ROWS * 3


@pytest.mark.parametrize(
    'changes, words',
    [
        ({'sim.noise.imu.force': 1.0}, ["unknown source 'imu'", 'sim.noise', 'joints, wrench']),
        ({'sim.noise.wrench.torque': 1.0}, ["unknown field 'torque'", 'sim.noise.wrench', 'valid: force']),
        ({'sim.rate_drift': 0.1}, ['sim.rate_drift is 0.1', 'means nothing in lockstep']),
    ],
)
def test_a_gap_that_cannot_be_is_refused_by_name(run, changes, words):
    with pytest.raises(ConfigurationError) as caught:
        Play(run, 1, **changes)
    assert all(word in str(caught.value) for word in words), str(caught.value)


# what is said of it


def test_the_gap_is_logged_and_counted_and_the_truth_is_recorded(run, tmp_path):
    play = Play(
        run,
        20,
        **{
            'sim.latency': 2 * PERIOD,
            'sim.drop': 0.1,
            'sim.noise.wrench.force': 0.5,
            'sim.record': str(tmp_path / 'record'),
            'sim.seed': 3,
        },
    )
    said = [line for line in play.bridge.log.lines if 'on purpose' in line]
    assert said == ['on purpose: latency 0.04 s, drop 0.1, noise.wrench.force 0.5; seed 3']
    assert play.imperfections.items() >= {'latency': 0.04, 'drop': 0.1, 'noise.wrench.force': 0.5, 'sent': 84}.items()
    record = load_record(tmp_path / 'record')
    assert np.array_equal(record['obs/obs'][:, 0, 0], np.arange(20))
    assert np.array_equal(np.rint(record['shown/joints/position'][:, :, 0] - 0.1), play.shown[:20])


@pytest.mark.slow
def test_without_a_gap_nothing_lies_in_between(run, tmp_path):
    play = Play(run, 5, **{'sim.record': str(tmp_path / 'record')})
    bridge = play.bridge
    for name, source in bridge.bridge.sources.items():
        assert bridge.imperfections.shown[name] is source.buffer.values
    assert bridge.imperfections.commands()['arm'] is bridge.commands.buffers['arm'].values
    assert play.imperfections is None and not any('purpose' in line for line in bridge.log.lines)
    assert not [name for name in load_record(tmp_path / 'record') if name.startswith('shown')]
    assert not [thread for thread in threading.enumerate() if thread.name == 'outbox']
