# SPDX-License-Identifier: Apache-2.0
"""Thousands of rows in one message: the same bits as apart, and few words about them."""

import array
import json
import os
from pathlib import Path
import types

from diagnostic_msgs.msg import DiagnosticStatus
from nodes.bag_bench import await_closed
from nodes.bridge_bench import BridgeBench
from nodes.harness import parameters, wait
from nodes.springs import create
from nodes.stepper_bench import Bench, flat
import numpy as np
import pytest
from std_msgs.msg import Float32MultiArray, Int64MultiArray

from rl_policy_node.errors import ConfigurationError, ContractError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.diagnostics import policy_report, TimedPolicy
from rl_policy_node.nodes.policy.readiness import broken, waiting
from rl_policy_node.nodes.simulator.episodes import Episodes
from rl_policy_node.nodes.topics import row_names as rows
from rl_policy_node.nodes.topics.array_payloads import array_of
from rl_policy_node.nodes.topics.episode_messages import ended_message, EpisodeStarts, start_message, start_topics
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.nodes.topics.transport import advice, make_room
from rl_policy_node.policy import Policy, set_threads
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.demo.run_record import load_record
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import NodeProcess

ROWS, FLOATS = 64, 'std_msgs/msg/Float32MultiArray'


def tree(run, **changes):
    """Return the parameters of the tiny policy for rows that share every topic."""
    made = parameters(run)
    made |= {
        'rows': ROWS,
        'trigger': 'lockstep',
        'episode_topic': 'episode',
        'sources': {'state': {'topic': 'state', 'type': FLOATS, 'rows': True}},
        'inputs': {'obs': ['state']},
        'terms': {'state': {'source': 'state', 'field': 'data'}},
        'actions': {
            'terms': ['push'],
            'push': {'kind': 'raw', 'size': 3, 'fallback_value': [0.0], 'rows': True, 'topic': 'push', 'type': FLOATS},
        },
        'sim': {'environment': f'{Path(__file__).with_name("springs.py")}:create', 'mode': 'lockstep'},
    }
    return {**made, **changes}


class Many(Bench):
    """A stepper for rows that share every topic."""

    def __init__(self, run, **changes):
        self.time, self._steady = 100.0, None
        self.wire(tree(run, **changes), Policy.load(run / 'train.yaml', run / 'policy.pth', rows=ROWS, device='cpu'))
        self.state = np.random.default_rng(0).normal(size=(ROWS, 9)).astype(np.float32)

    def publish(self, commands, stamps, rows):
        self.sent.append(commands['push']['data'].copy())

    def measure(self, state=None):
        """Let all rows measure."""
        message = self.sources['state'].message({'data': self.state if state is None else state}, slice(0, ROWS), 0)
        self.take('state', 0, message)


@pytest.fixture
def many(run):
    many = Many(run, episode_topic='')
    many.measure()
    many.start()
    return many


def with_nan(state, *wrong):
    state = state.copy()
    state[list(wrong)] = np.nan
    return state


def test_a_row_that_sees_no_number_is_refused_alone_and_the_step_goes_on(run, many):
    whole = Many(run, episode_topic='')
    whole.measure()
    whole.start()
    whole.step()
    many.measure(with_nan(many.state, 17))
    assert many.ready(), 'the others do not wait for it'
    many.step()
    others = np.arange(ROWS) != 17
    np.testing.assert_array_equal(many.sent[-1][others], whole.sent[-1][others])
    assert not many.sent[-1][17].any() and whole.sent[-1][17].any()
    assert many.log.lines == [
        "row 17: source 'state' (state) sent what was refused: data has a value that is not "
        'finite; sending the fallback'
    ]
    many.measure()
    many.step()
    assert many.log.lines[1:] == ['row 17: recovered; recurrent state reset']
    np.testing.assert_array_equal(many.sent[-1][17], whole.sent[-1][17])


def test_many_rows_are_one_line_and_few_diagnostics(many):
    many.step()
    many.log.lines.clear()
    many.time += 11.0
    many.look()
    assert many.log.lines == [
        "64 rows: source 'state' (state) is stale: nothing for 11.000 s, max_age 10 s; sending the fallback"
    ]
    policy = TimedPolicy(None)
    level, message, values = policy_report(many.figures, policy, many.trigger, many.sources, many.control)
    assert (level, message) == (DiagnosticStatus.WARN, '64 of 64 rows on the fallback')
    assert '64 rows' in values and len(values) < 12


def test_nothing_that_answers_nothing_goes_to_a_simulator_that_waits(many):
    many.step()
    count = len(many.sent)
    many.time += 11.0
    many.look()
    assert len(many.sent) == count and not many.rows.healthy.any()
    many.cycle.stop()
    assert len(many.sent) == count + 1 and not many.sent[-1].any(), 'it ends with the fallback all the same'


def test_an_episode_that_begins_resets_its_rows_and_no_other(run):
    many, alone = Many(run), Policy.load(run / 'train.yaml', run / 'policy.pth', rows=ROWS, device='cpu')
    starts = np.full(ROWS, 10**9, dtype=np.int64)
    for step in range(4):
        many.measure()
        assert not many.ready(), 'not before it is said whose episodes begin'
        starts[[3, 40]] += (step == 2) * 10**9
        message = start_message(starts, slice(0, ROWS), True)
        many.inbox.begin_episodes(slice(0, ROWS), EpisodeStarts.starts_in(message, slice(0, ROWS)))
        if step == 0:
            many.start()
        assert many.ready()
        many.step()
        if step == 2:
            alone.reset([3, 40])
        np.testing.assert_array_equal(many.sent[-1], alone.act(many.state))
    assert many.figures.resets == ROWS + 2


def test_starts_of_episodes_come_as_they_went():
    starts, everyone = np.arange(5) * 10**18, slice(0, 5)
    np.testing.assert_array_equal(EpisodeStarts.starts_in(start_message(starts, everyone, True), everyone), starts)
    third = slice(2, 3)
    assert EpisodeStarts.starts_in(start_message(starts + 1, third, False), third).tolist() == [2 * 10**18 + 1]
    with pytest.raises(ContractError, match='4 starts of episodes; expected 5, one for each row'):
        EpisodeStarts.starts_in(Int64MultiArray(data=array.array('q', [0] * 4)), everyone)


def test_starts_have_one_topic_where_rows_share_all(run):
    ((rows, topic, kind),) = start_topics(configuration(flat(tree(run))).control)
    assert (rows, topic, kind) == (slice(0, ROWS), 'episode', Int64MultiArray)


def test_episodes_that_end_together_are_one_message():
    message = ended_message(np.array([[0.0, 1, 2, 3, np.nan], [5, 6, 7, 8, 9]]))
    assert [dim.size for dim in message.layout.dim] == [2, 5] and [dim.stride for dim in message.layout.dim] == [10, 5]
    assert list(message.data)[5:] == [5, 6, 7, 8, 9]


def test_episodes_are_counted_though_they_are_not_kept():
    kept, counted = Episodes(3), Episodes(3, keep=1)
    random = np.random.default_rng(0)
    for _ in range(20):
        step = random.normal(size=3), random.random(3) < 0.3, random.random(3) < 0.5
        assert kept.add(*step) == counted.add(*step)
    assert counted.finished == kept.finished[:1]
    assert counted.summary(0) == kept.summary(0) and counted.summary(0)['episodes'] == len(kept.finished)
    assert counted.summary(1) == kept.summary(1)


@pytest.mark.parametrize(
    'found, told',
    [([17], 'row 17'), ([3, 5], 'rows 3, 5'), (list(range(4)), '4 rows (0, 1, 2, …)'), (list(range(ROWS)), '64 rows')],
)
def test_what_rows_are_called(run, found, told):
    assert rows.listed(configuration(flat(tree(run))).control, found) == told


def test_reasons_without_end_are_summed_up(run):
    control = configuration(flat(tree(run))).control
    (line,) = rows.lines(control, {row: f'reason {row // 2}' for row in range(20)})
    assert line.startswith('rows 0, 1: reason 0; rows 2, 3: reason 1; ') and line.endswith('; 10 more: 5 other reasons')


def test_activation_waits_for_the_one_topic_and_says_so_once(run):
    many = Many(run)
    assert waiting(many.cycle.refusals(), many.sources, many.control, lambda *_: 'no publisher') == [
        'no publisher on state'
    ]
    many.measure(with_nan(many.state, 5))
    assert waiting(many.cycle.refusals(), many.sources, many.control, lambda *_: 'no message yet') == [
        'row 5: all messages refused (data has a value that is not finite) on state'
    ]
    source = many.sources['state']
    source.buffer.received[:] = -np.inf
    with pytest.raises(ContractError) as refusal:
        many.take('state', 0, Float32MultiArray(data=array.array('f', [0.0] * 9)))
    many.inbox.refuse('state', slice(0, ROWS), refusal.value)
    assert broken(many.sources, many.control) == (
        "source 'state' on state: data has the shape (9,); expected 64 rows in its first dimension"
    )


def test_a_type_without_room_for_rows_is_refused_by_name(run):
    control = configuration(
        flat(tree(run, sources={'state': {'topic': 'state', 'type': 'sensor_msgs/msg/JointState', 'rows': True}}))
    ).control
    with pytest.raises(
        ConfigurationError,
        match=r"unknown message type 'sensor_msgs/msg/JointState' in "
        r'sources\.state\.type \(rows: true\); valid: std_msgs/msg/Float32M',
    ):
        Source(control.sources['state'], control, {'obs': (9,)})


def hosted(run, **changes):
    """Return a bridge of rows that share every topic."""
    return BridgeBench(tree(run, **changes), HostedEnvironment(create(ROWS)))


def commands(values):
    message = Float32MultiArray(data=array.array('f', np.asarray(values, np.float32).tobytes()))
    message.layout.dim = ended_message(np.zeros((ROWS, 3))).layout.dim
    return message


def test_a_command_that_is_no_number_is_refused_alone_and_named(run):
    made = hosted(run)
    made.start()
    assert wait(lambda: made.emitted)
    with pytest.raises(ValueError, match='row 9: data has a value that is not finite'):
        made.receive('push', 0, commands(with_nan(np.zeros((ROWS, 3)), 9)))
    assert made.steps == 0
    made.receive('push', 0, commands(np.zeros((ROWS, 3))))
    assert wait(lambda: made.steps == 1)
    made.stop()


def test_in_lockstep_a_reset_waits_for_the_answer_that_is_on_its_way(run):
    made = hosted(run)
    made.start()
    assert wait(lambda: made.emitted)
    made.ask_reset()
    assert not wait(lambda: len(made.emitted) > 1, 0.5), 'the next answer would count for another observation'
    made.receive('push', 0, commands(np.zeros((ROWS, 3))))
    assert wait(lambda: len(made.emitted) == 2)
    assert made.steps == 0 and (made.emitted[1][1] > made.emitted[0][1]).all()
    made.stop()


def test_rows_that_end_with_one_step_are_told_at_once(run):
    made = hosted(run, sim={'mode': 'lockstep', 'steps': 23})
    made.start()
    for step in range(23):
        assert wait(lambda: len(made.emitted) == step + 1)
        made.receive('push', 0, commands(np.zeros((ROWS, 3))))
    assert wait(lambda: made.finished)
    assert {len(each) for each in made.ended} == {2, 3} and sum(map(len, made.ended)) == ROWS
    assert made.record.episodes.finished == [] and made.summary()['episodes'] == ROWS
    made.stop()


def test_room_is_advised_for_what_does_not_fit(run, monkeypatch):
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', '')  # known to monkeypatch, which takes back what follows
    monkeypatch.delenv('FASTDDS_DEFAULT_PROFILES_FILE')
    monkeypatch.setenv('ROS_DISTRO', 'kilted')
    assert advice(hosted(run).bridge.sources) == ''
    source = types.SimpleNamespace(buffer=types.SimpleNamespace(values={'data': np.zeros((4096, 48), np.float32)}))
    assert 'each step sends 0.8 MB' in advice({'state': source})
    assert Path(advice({'state': source}).rpartition('=')[2]).is_file()
    make_room()
    assert Path(os.environ['FASTDDS_DEFAULT_PROFILES_FILE']).is_file()
    assert advice({'state': source}) == ''
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', 'mine.xml')
    make_room()
    assert os.environ['FASTDDS_DEFAULT_PROFILES_FILE'] == 'mine.xml'


def alone(run, steps):
    """Return what the loop of one process sees and does: observations, actions, rewards and dones of each step."""
    set_threads(1)  # as the node does: a sum in another order is another sum
    policy = Policy.load(run / 'train.yaml', run / 'policy.pth', rows=ROWS, device='cpu')
    environment, record = create(ROWS, seed=4), []
    observations = environment.reset().copy()
    for _ in range(steps):
        actions = policy.act(observations)
        following, rewards, dones, _ = environment.step(actions)
        record.append((observations, actions, rewards, dones))
        policy.reset(dones)
        observations = following.copy()
    return dict(zip(('obs/obs', 'actions', 'rewards', 'dones'), map(np.stack, zip(*record))))


@pytest.mark.slow
def test_sixty_four_rows_through_dds_are_those_of_one_process_bit_for_bit(run, tmp_path):
    """A recurrent policy, 300 steps, episodes that end row by row: what is reset is what rl_games resets.

    The policy's bag shows the first 16 rows, and replays all of them.
    """
    steps, record = 300, tmp_path / 'record'
    made = tree(run, record={'directory': str(tmp_path / 'bags')})
    made['sim'] |= {'steps': steps, 'seed': 4, 'record': str(record)}
    file = tmp_path / 'rows.yaml'
    file.write_text(json.dumps({'/**': {'ros__parameters': made}}))
    policy = NodeProcess('policy_node', file, {}, tmp_path / 'policy.log')
    bridge = NodeProcess('sim_bridge_node', file, {}, tmp_path / 'bridge.log')
    try:
        assert wait(lambda: bridge.poll() is not None, 90), bridge.tail() + policy.tail()
    finally:
        codes = bridge.stop(), policy.stop()
    assert codes == (0, 0), bridge.tail() + policy.tail()
    through_ros, expected = load_record(record), alone(run, steps)
    assert expected['dones'].sum() > 10 * ROWS and expected['dones'].any(axis=1).mean() > 0.9, 'row by row'
    for name, value in expected.items():
        assert np.array_equal(through_ros[name], value), f'{name} differs'
    (bag,) = (tmp_path / 'bags').iterdir()
    await_closed(bag)
    shown = [each for each in open_bag(bag).messages() if each.topic.endswith('/policy/action')]
    actions = [array_of(each.type, each.payload)[1] for each in shown]
    assert np.array_equal(np.stack(actions[:steps]), expected['actions'][:, :16])
    assert main(['replay', str(bag)]) == 0
