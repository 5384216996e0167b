"""The gap that the bridge puts between a simulator and a policy on purpose: what exactly arrives, and when."""
import threading
import time

import gymnasium
from nodes.harness import parameters
from nodes.test_stepper import Log, flat
import numpy as np
import pytest
from std_msgs.msg import Float64MultiArray
import torch

from rl_policy_node import geometry
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.bridge import Bridge
from rl_policy_node.nodes.gap import GapSpec
from rl_policy_node.nodes.network import CommandLine, DelayLine, Network, whole_steps
from rl_policy_node.nodes.noise import Drift, Noise
from rl_policy_node.nodes.outbox import Outbox
from rl_policy_node.nodes.parameters import configuration
from rl_policy_node.sim.hosted import HostedEnvironment

OFFSET = [0.1, 0.2, 0.3]        # of the arm's positions and commands, in the parameters of the harness
PERIOD = 0.02                   # s, at 50 Hz
ROWS = 2


class Counting:
    """Observes how many steps each row has made, all episodes together; row r's episodes last length + r steps."""

    def __init__(self, length=1000):
        self.observation_space = gymnasium.spaces.Box(-1e6, 1e6, (9,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
        self._length, self._steps = length, 0
        self.actions = []

    def reset(self):
        return self._observe()

    def step(self, actions):
        self.actions.append(np.array(actions))
        self._steps += 1
        done = torch.tensor([self._steps % (self._length + row) == 0 for row in range(ROWS)])
        return self._observe(), torch.zeros(ROWS), done.to(torch.uint8), {}

    def _observe(self):
        return torch.full((ROWS, 9), float(self._steps))


class Play:
    """A bridge in lockstep whose every observation is answered at once by `answer(step, row)`, three targets.

    seen: field → (steps + 1, rows, 3) of the messages; actions (steps, rows, 3), what the environment was given.
    """

    def __init__(self, run, steps, answer=lambda step, row: OFFSET, length=1000, **changes):
        self.seen = {'position': [], 'force': []}
        self._answer, environment = answer, Counting(length)
        tree = parameters(run, robots=['left', 'right'], **{'sim.mode': 'lockstep', 'sim.steps': steps, **changes})
        self.bridge = Bridge(configuration(flat(tree)), HostedEnvironment(environment), self._emit,
                             lambda *ended: None, Log())
        self.stamps, self.episodes = [], []
        self.bridge.start()
        end = time.monotonic() + 20
        while not self.bridge.finished and time.monotonic() < end:
            time.sleep(0.002)
        self.bridge.stop()
        assert self.bridge.finished and not self.bridge.failed, self.bridge._log.lines
        self.seen = {field: np.array(values) for field, values in self.seen.items()}
        self.actions, self.gap = np.array(environment.actions), self.bridge.summary().get('gap')

    def _emit(self, stamp, episode):
        messages = [(self.bridge.message('joints', row, stamp), self.bridge.message('wrench', row, stamp))
                    for row in range(ROWS)]
        assert all(message.header.stamp.sec * 10 ** 9 + message.header.stamp.nanosec == stamp
                   for pair in messages for message in pair), 'what answers this step carries its stamp'
        self.seen['position'].append([np.array(joints.position) - OFFSET for joints, _ in messages])
        self.seen['force'].append([[getattr(wrench.wrench.force, axis) for axis in 'xyz'] for _, wrench in messages])
        self.stamps.append(stamp)
        self.episodes.append(episode.copy())
        for row in range(ROWS):
            self.bridge.receive('arm', row, Float64MultiArray(data=self._answer(len(self.stamps) - 1, row)))

    @property
    def shown(self):
        """Which step's observation each step was shown, (steps + 1, rows): positions count the steps."""
        numbers = self.seen['position']
        assert np.allclose(numbers, numbers[..., :1], atol=1e-5), 'one message, one moment'
        return np.rint(numbers[..., 0]).astype(int)


# latency

@pytest.mark.parametrize('latency, late', [(PERIOD, 1), (3 * PERIOD, 3), (0.05, 3), (0.001, 1), (7 * PERIOD, 7)])
def test_with_latency_a_step_is_shown_what_was_observed_so_many_steps_before(run, latency, late):
    play = Play(run, 30, **{'sim.latency': latency})
    expected = np.maximum(np.arange(31) - late, 0)
    assert np.array_equal(play.shown, np.stack([expected, expected], axis=1))
    assert np.allclose(play.seen['force'], play.seen['position'], atol=1e-5), 'all sources alike'


def test_a_latency_that_is_a_number_of_periods_is_that_many_steps_at_any_rate():
    for rate in (30.0, 60.0, 50.0, 100.0, 500.0, 120.0):
        period = 1.0 / rate
        assert [whole_steps(round(k * period, 5) / period) for k in (0, 1, 3, 6)] == [0, 1, 3, 6], rate
    assert whole_steps(0.0167 * 60) == 1 and whole_steps(3.1) == 4


def test_jitter_delays_by_up_to_so_much_more_and_never_shows_the_past_after_the_future(run):
    play = Play(run, 400, **{'sim.latency': PERIOD, 'sim.latency_jitter': 3 * PERIOD})
    lag = np.arange(401)[:, np.newaxis] - play.shown
    # of four messages under way the newest that is there is shown: the slowest are overtaken
    assert lag[10:].min() >= 1 and lag[10:].max() == 4 and len(np.unique(lag[10:])) > 1
    assert (np.diff(play.shown, axis=0) >= 0).all()
    assert play.gap['reordered'] > 100 and play.gap['lost'] == 0


# loss and order

def test_what_is_lost_leaves_the_value_before_it(run):
    play = Play(run, 1000, **{'sim.drop': 0.3})
    steps = np.arange(1001)[:, np.newaxis]
    held = play.shown < steps
    assert (play.shown[1:][held[1:]] == play.shown[:-1][held[1:]]).all()
    # a lost share of 0.3 of 1000 has a standard deviation of 0.0145
    assert abs(held.mean() - 0.3) < 4 * 0.0145
    assert (held[:, 0] != held[:, 1]).any(), 'each robot has a network of its own'
    # joints and wrench of two robots, 1001 times
    assert play.gap['sent'] == 4 * 1001 and abs(play.gap['lost'] / play.gap['sent'] - 0.3) < 4 * 0.0073


def test_when_all_is_lost_an_episode_shows_its_first_observation(run):
    play = Play(run, 12, length=5, **{'sim.drop': 1.0})
    assert play.shown[:, 0].tolist() == [0] * 5 + [5] * 5 + [10] * 3
    assert play.shown[:, 1].tolist() == [0] * 6 + [6] * 6 + [12]


def test_a_message_that_comes_after_its_successor_is_not_shown(run):
    play = Play(run, 500, **{'sim.reorder': 0.2})
    shown, steps = play.shown, np.arange(501)
    for row in range(ROWS):
        swapped = shown[:, row] < steps
        # the message before is seen once more; where all three of a run are swapped, the first arrives after all
        assert (np.diff(shown[:, row]) >= 0).all() and (steps - shown[:, row]).max() <= 2
        assert abs(swapped[1:].mean() - 0.2) < 4 * 0.018
    assert 0.12 < play.gap['reordered'] / play.gap['sent'] < 0.2, 'but for those whose successor was swapped, too'


def test_a_message_all_robots_share_is_lost_for_all_of_them():
    network = Network(GapSpec(drop=0.5), PERIOD, 1, np.random.default_rng(0))
    line = DelayLine({'data': np.zeros((3, 1))}, 3, network.longest)
    seen = []
    for step in range(100):
        line.push({'data': np.full((3, 1), step)}, network.send(np.array([step == 0])), np.full(3, step == 0))
        seen.append(line.shown['data'][:, 0].copy())
    seen = np.array(seen)
    assert (seen == seen[:, :1]).all() and 30 < len(np.unique(seen)) < 70
    assert network.counts['sent'] == 100


# seeds

def figures(run, seed, **changes):
    play = Play(run, 60, **{'sim.seed': seed, 'sim.drop': 0.3, 'sim.latency_jitter': 0.05,
                            'sim.noise.wrench.force': 0.1, **changes})
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
    expected = [0, 0, .000, .001, .002, 2 * 5, 2 * 5, .005, .006, .007, 2 * 10, 2 * 10, .010]
    assert np.allclose(actions[:, 0], expected)
    expected = [0, 0, .100, .101, .102, .103, 2 * 6, 2 * 6, .106, .107, .108, .109, 2 * 12]
    assert np.allclose(actions[:, 1], expected)


def test_a_command_that_answers_an_ended_episode_is_none():
    received = {'arm': {'position': np.zeros((2, 1))}}
    line = CommandLine(received, 2, 1)
    both, first = np.array([True, True]), np.array([True, False])
    line.restart(both, {'arm': {'position': np.array([[-1.0], [-2.0]])}})
    obeyed = []
    for step, valid in enumerate([both, first, both, both]):
        received['arm']['position'][:] = step
        obeyed.append(line.push(received, {'arm': valid})['arm']['position'][:, 0].tolist())
    assert obeyed == [[-1, -2], [0, 0], [1, 0], [2, 2]]


def test_a_robot_obeys_a_command_from_where_it_truly_is(run):
    """A pose target means the same wherever the policy saw the robot: the environment gets the true difference."""
    pose = {'kind': 'pose_delta', 'source': 'tool', 'topic': 'target', 'type': 'geometry_msgs/msg/PoseStamped',
            'position_scale': 1.0, 'rotation_scale': 1.0}
    tree = parameters(run, robots=['left', 'right'], **{'sim.mode': 'lockstep', 'sim.latency': 3 * PERIOD})
    tree['sources'] = {'tool': {'topic': 'pose', 'type': 'geometry_msgs/msg/PoseStamped'}}
    tree['inputs'] = {'position': ['position'], 'turn': ['turn']}
    tree['terms'] = {'position': {'source': 'tool', 'field': 'position'},
                     'turn': {'source': 'tool', 'field': 'orientation'}}
    tree['actions'] = {'terms': ['arm'], 'arm': pose}
    made = Bridge(configuration(flat(tree)), HostedEnvironment(Tool()), lambda *shown: None, lambda *ended: None, Log())
    for step in range(4):
        made._show({'position': np.full((2, 3), float(step), np.float32), 'turn': np.tile([0, 0, 0, 1.0], (2, 1))})
        made._stamp += made._period_ns()
    shown = made.message('tool', 0, made._current)
    assert shown.pose.position.x == 0.0, 'three steps late'
    shown.pose.position.x = 5.0         # the policy wants 5 m, wherever it is
    for row in range(2):
        made.receive('arm', row, shown)
    actions = made._actions.invert(made.gap.commands(), {'tool': made.sources['tool'].buffer})
    assert np.allclose(actions[:, :3], [2.0, -3.0, -3.0])


class Tool:
    """Has a pose and takes six numbers; only its spaces are asked for."""

    observation_space = gymnasium.spaces.Dict({'position': gymnasium.spaces.Box(-9, 9, (3,), np.float32),
                                               'turn': gymnasium.spaces.Box(-1, 1, (4,), np.float32)})
    action_space = gymnasium.spaces.Box(-1, 1, (6,), np.float32)

    def reset(self):
        return {'obs': {'position': torch.zeros(2, 3), 'turn': torch.tensor([[0.0, 0.0, 0.0, 1.0]] * 2)}}


# noise

def noisy(value, std, seed=0, field='value'):
    return Noise({field: std}, {field: value}, np.random.default_rng(seed), 'sim.noise.x')({field: value})[field]


def test_noise_has_the_stated_deviation_and_no_bias():
    value = np.full((1000, 20), 3.0)
    error = noisy(value, 0.5) - value
    # 20,000 numbers: the mean is within 4 · 0.5 / √20000, the deviation within 4 · 0.5 / √40000
    assert abs(error.mean()) < 0.0142 and abs(error.std() - 0.5) < 0.01
    assert np.array_equal(value, np.full((1000, 20), 3.0)), 'what is true is not touched'


def test_orientations_are_turned_by_the_stated_angle_and_stay_rotations():
    quaternion = np.tile(geometry.normalize_quaternion([0.1, -0.7, 0.2, 0.5]), (20000, 1))
    turned = noisy(quaternion, 0.1, field='orientation')
    assert np.allclose(np.linalg.norm(turned, axis=1), 1.0, atol=1e-12)
    angles = geometry.angle_between(quaternion, turned)
    assert abs(np.sqrt((angles ** 2).mean()) - 0.1) < 4 * 0.1 / np.sqrt(40000)
    axes = geometry.rotation_vector_from_quaternion(geometry.multiply(turned, geometry.conjugate(quaternion)))
    assert np.abs(axes.mean(axis=0)).max() < 4 * 0.1 / np.sqrt(3 * 20000), 'about no axis more than about another'


def test_pixels_of_bytes_stay_bytes():
    dark, bright = np.zeros((10, 8, 8, 3), np.uint8), np.full((10, 8, 8, 3), 250, np.uint8)
    for image, mean in ((dark, 0.3989 * 20), (bright, None)):
        seen = noisy(image, 20.0)
        assert seen.dtype == np.uint8 and len(np.unique(seen)) > 10
        if mean:
            assert abs(seen.mean() - mean) < 2.0, 'clipped at 0, not wrapped round to 255'
    assert noisy(bright, 20.0).max() == 255 and noisy(bright, 20.0).min() > 150


def test_noise_is_what_was_measured_and_comes_as_late(run):
    play = Play(run, 40, **{'sim.latency': 2 * PERIOD, 'sim.noise.wrench.force': 0.01})
    error = play.seen['force'] - play.shown[..., np.newaxis]
    assert 0.005 < error.std() < 0.015
    assert np.array_equal(play.seen['force'][0], play.seen['force'][1]), 'the same message, seen again'
    assert len(np.unique(play.seen['force'][2:])) == 39 * ROWS * 3


@pytest.mark.parametrize('changes, words', [
    ({'sim.noise.imu.force': 1.0}, ["unknown source 'imu'", 'sim.noise', 'joints, wrench']),
    ({'sim.noise.wrench.torque': 1.0}, ["unknown field 'torque'", 'sim.noise.wrench', 'valid: force']),
    ({'sim.rate_drift': 0.1}, ['sim.rate_drift is 0.1', 'means nothing in lockstep']),
])
def test_a_gap_that_cannot_be_is_refused_by_name(run, changes, words):
    with pytest.raises(ConfigurationError) as caught:
        Play(run, 1, **changes)
    assert all(word in str(caught.value) for word in words), str(caught.value)


# what is said of it

def test_the_gap_is_logged_and_counted_and_the_truth_is_recorded(run, tmp_path):
    play = Play(run, 20, **{'sim.latency': 2 * PERIOD, 'sim.drop': 0.1, 'sim.noise.wrench.force': 0.5,
                            'sim.record': str(tmp_path / 'record.npz'), 'sim.seed': 3})
    said = [line for line in play.bridge._log.lines if 'on purpose' in line]
    assert said == ['on purpose: latency 0.04 s, drop 0.1, noise.wrench.force 0.5; seed 3']
    assert play.gap.items() >= {'latency': 0.04, 'drop': 0.1, 'noise.wrench.force': 0.5, 'sent': 84}.items()
    record = np.load(tmp_path / 'record.npz')
    assert np.array_equal(record['obs/obs'][:, 0, 0], np.arange(20))
    assert np.array_equal(np.rint(record['shown/joints/position'][:, :, 0] - 0.1), play.shown[:20])


def test_without_a_gap_nothing_lies_in_between(run, tmp_path):
    play = Play(run, 5, **{'sim.record': str(tmp_path / 'record.npz')})
    bridge = play.bridge
    for name, source in bridge.sources.items():
        assert bridge.gap.shown[name] is source.buffer.values
    assert bridge.gap.commands()['arm'] is bridge._received['arm'].values
    assert play.gap is None and not any('purpose' in line for line in bridge._log.lines)
    assert not [name for name in np.load(tmp_path / 'record.npz') if name.startswith('shown')]
    assert not outboxes()


# real time

def outboxes():
    return [thread for thread in threading.enumerate() if thread.name == 'outbox']


def test_an_outbox_sends_in_the_order_of_due_times_and_not_before():
    sent, box = [], Outbox()
    began = time.monotonic()
    for delay, name in ((0.12, 'late'), (0.04, 'soon'), (0.04, 'then'), (9.0, 'never')):
        box.put(delay, lambda name: sent.append((name, time.monotonic() - began)), name)
    while len(sent) < 3 and time.monotonic() - began < 5:
        time.sleep(0.005)
    box.close()
    assert [name for name, _ in sent] == ['soon', 'then', 'late'] and not outboxes()
    assert sent[0][1] >= 0.04 and sent[2][1] >= 0.12


def test_an_error_of_sending_is_told_to_who_sends_next():
    box = Outbox()
    box.put(0.0, lambda message: 1 / 0, None)
    with pytest.raises(ZeroDivisionError):
        for _ in range(500):
            box.put(5.0, print, None)
            time.sleep(0.005)
    box.close()


def test_a_drift_stays_within_its_bounds_and_wanders_in_them():
    def walk(seed):
        drift = Drift(0.2, np.random.default_rng(seed))
        return np.array([drift.next() for _ in range(20000)])
    shares = walk(1)
    assert np.abs(shares).max() <= 0.2 and shares.min() < -0.15 and shares.max() > 0.15
    assert np.abs(np.diff(shares)).max() <= 0.01 + 1e-12, 'it wanders, it does not jump'
    assert np.array_equal(shares, walk(1)) and not np.array_equal(shares, walk(2))


def real_time(run, **changes):
    """Return a bridge of Counting in real time at 50 Hz, not begun."""
    tree = parameters(run, robots=['left', 'right'], **{'sim.mode': 'real_time', 'control_rate': 50.0, **changes})
    return Bridge(configuration(flat(tree)), HostedEnvironment(Counting()), lambda *shown: None,
                  lambda *ended: None, Log())


def test_in_real_time_messages_are_late_lost_or_swapped_and_starts_only_late(run):
    made = real_time(run, **{'sim.latency': 0.06, 'sim.drop': 0.4, 'sim.reorder': 0.2})
    sent, starts = [], []
    for step in range(25):
        made._show({'obs': np.full((ROWS, 9), float(step), np.float32)})
        now = time.monotonic()
        made.gap.send_start(lambda start, now=now: starts.append((start, time.monotonic() - now)), step)
        made.gap.send(lambda message, now=now: sent.append((message, time.monotonic() - now)), step, 'joints', 0)
        time.sleep(PERIOD)
    time.sleep(0.2)
    made.gap.close()
    numbers = [number for number, _ in sent]
    assert min(late for _, late in sent + starts) >= 0.06
    assert [number for number, _ in starts] == list(range(25))
    assert 5 < len(numbers) < 25 and len(set(numbers)) == len(numbers) and numbers != sorted(numbers)
    counts = made.summary()['gap']
    assert counts['sent'] == 25 * 4 and counts['late'] + counts['lost'] == counts['sent']


def test_in_real_time_what_is_sent_late_is_what_was_measured_then(run):
    made = real_time(run, **{'sim.latency': 0.05})
    made._show({'obs': np.full((ROWS, 9), 1.0, np.float32)})
    message, sent = made.message('joints', 0, 7 * 10 ** 9), []
    made.gap.send(sent.append, message, 'joints', 0)
    made._show({'obs': np.full((ROWS, 9), 2.0, np.float32)})
    assert not sent
    time.sleep(0.15)
    made.gap.close()
    assert sent == [message] and sent[0].header.stamp.sec == 7 and np.allclose(sent[0].position, 1.0 + np.array(OFFSET))


def test_in_real_time_commands_from_before_the_start_went_out_are_of_the_episode_before(run):
    made = real_time(run, **{'sim.latency': 0.1})
    observation = {'obs': np.full((ROWS, 9), 4.0, np.float32)}

    def command():
        for row in range(ROWS):
            made.receive('arm', row, Float64MultiArray(data=[0.6, 0.7, 0.8]))
        return made._actions.invert(made.gap.commands(), {name: s.buffer for name, s in made.sources.items()})

    made._show(observation)
    assert np.allclose(command(), 8.0), 'held where it is: the policy does not know of the episode yet'
    time.sleep(0.12)
    assert np.allclose(command(), 1.0)
    made._episode[1] += 1
    made._show(observation)
    assert np.allclose(command()[:, 0], [1.0, 8.0]), 'the other robot goes on'
    made.gap.close()


def test_the_period_wanders_only_where_it_is_asked_to(run):
    steady, drifting = real_time(run, **{'sim.latency': 0.1}), real_time(run, **{'sim.rate_drift': 0.1})
    assert {steady.gap.period() for _ in range(50)} == {PERIOD}
    periods = [drifting.gap.period() for _ in range(500)]
    assert 0.9 * PERIOD <= min(periods) < max(periods) <= 1.1 * PERIOD
    steady.gap.close(), drifting.gap.close()
