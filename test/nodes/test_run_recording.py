# SPDX-License-Identifier: Apache-2.0
"""A run of the bridge in a bag: what was given comes back bit for bit; no disk and no recorder stops the simulation."""

from pathlib import Path
import re
import signal
import time

from geometry_msgs.msg import WrenchStamped
from nodes.bag_bench import await_true, read_by_others, small_disk
from nodes.run_bench import play, recording, RUN, run_bag
import numpy as np
import pytest
from rclpy.serialization import serialize_message

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.record.ring import CAPACITY
from rl_policy_node.nodes.simulator.run_recording import LONGEST_WAIT
from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.bag.run_arrays import newest_run
from rl_policy_node.tools.demo.run_record import find_episodes, load_record

DOCUMENT = Path(__file__).parents[2] / 'docs' / 'reference' / 'recording.md'
REAL_TIME = RUN._replace(simulated=False)


def random_arrays(steps, seed=0):
    """Return random bits of each type that environments give, as the bridge records them."""
    random = np.random.default_rng(seed)

    def bits(dtype, *shape):
        return (
            random.integers(0, 256, steps * int(np.prod(shape)) * np.dtype(dtype).itemsize, np.uint8)
            .view(dtype)
            .reshape(steps, *shape)
        )

    latency = random.uniform(0.001, 0.005, steps)
    latency[0] = np.nan
    return {
        'obs/obs': bits(np.float32, 2, 9),
        'obs/left camera.1': bits(np.uint8, 2, 8, 6, 3),
        'obs/left_camera_1': bits(np.float32, 2, 3),
        'actions': bits(np.float32, 2, 3),
        'rewards': bits(np.float32, 2),
        'dones': (bits(np.uint8, 2) & 1),
        'successes': bits(np.uint8, 2) > 127,
        'qpos': bits(np.float64, 2, 12),
        'measured/joints/position': bits(np.float64, 2, 3),
        'count': bits(np.int64, 2),
        'latency': latency,
    }


def same(found, expected):
    """Return whether two dicts of arrays are equal bit for bit."""
    return set(found) == set(expected) and all(
        found[name].dtype == value.dtype
        and found[name].shape == value.shape
        and found[name].tobytes() == value.tobytes()
        for name, value in expected.items()
    )


def test_the_arrays_of_a_run_come_back_bit_for_bit(tmp_path):
    arrays = random_arrays(200)
    run_bag(tmp_path, arrays)
    bag = newest_run(tmp_path)
    for path in (tmp_path, bag, next(bag.glob('*.mcap'))):
        assert same(load_record(path), arrays)
    assert same(load_record(tmp_path, only=('actions', 'latency')), {k: arrays[k] for k in ('actions', 'latency')})
    metadata = open_bag(bag).metadata
    assert metadata['environment'] == 'test' and metadata['bound'] == 'inf'


def test_other_programs_open_it_and_find_each_message_at_its_time(tmp_path):
    wrench = serialize_message(WrenchStamped())
    with recording(tmp_path) as (made, log):
        take = made.listener('/wrench', WrenchStamped, latched=True, of_frame=True)
        for step in range(20):
            made.show(10**9 + step * 20_000_000)
            take(wrench + b'\0\0\0')
            made.flush()
            made.step(step, {'obs/a.b': np.zeros((2, 3)), 'rewards': np.zeros(2)})
    bag = newest_run(tmp_path)
    counted = {'metadata': 1, 'step/obs/a_b': 20, 'step/rewards': 20}
    expected = {'/wrench': 20, **{f'/sim_bridge_node/{name}': count for name, count in counted.items()}}
    assert read_by_others(bag) == expected
    messages = [each for each in open_bag(bag).messages() if each.topic == '/wrench']
    assert all(each.payload == wrench for each in messages), 'without what a middleware appends'
    late = [each.log_time - 10**9 - step * 20_000_000 for step, each in enumerate(messages)]
    assert min(late) >= 0 and max(late) <= 20_000_000
    steps = [each for each in open_bag(bag).messages() if each.topic.endswith('rewards')]
    assert [(each.sequence, each.log_time) for each in steps] == [(n, 10**9 + n * 20_000_000) for n in range(20)]
    assert log.lines == [f'recording into {bag}']


def test_what_the_document_says_of_these_bags_in_python_works(tmp_path, monkeypatch, capsys):
    run_bag(tmp_path / 'reports' / 'demo' / 'bags', random_arrays(5))
    monkeypatch.chdir(tmp_path)
    section = DOCUMENT.read_text('utf-8').partition('## Bags of the simulator bridge')[2]
    exec(re.search('```python\n(.*?)```', section, re.DOTALL)[1], {})
    assert capsys.readouterr().out.startswith('(5, 2, 3) [')


def test_a_run_goes_on_in_a_new_file(tmp_path):
    arrays = random_arrays(40, seed=1)
    with recording(tmp_path, split_duration=1.0) as (made, _):
        play(made, arrays, 20)
        time.sleep(1.1)
        play(made, arrays, 40, start=20)
    bag = newest_run(tmp_path)
    assert len(list(bag.glob('*.mcap'))) == 2 and read_by_others(bag)['/sim_bridge_node/metadata'] == 2
    assert same(load_record(tmp_path), arrays)


def test_the_newest_run_of_a_folder_counts_and_a_folder_without_one_is_refused(tmp_path):
    for number in range(3):
        run_bag(tmp_path, {'actions': np.full((2, 1, 1), float(number)), 'latency': np.full(2, 0.1)})
    assert (load_record(tmp_path)['actions'] == 2.0).all()
    with pytest.raises(ConfigurationError, match='without a bag of the simulator bridge'):
        load_record(tmp_path / 'nothing')


def steps_of(made, count, size=1 << 20, start=0):
    """Bring steps of a MB; return the longest time, s, that one took."""
    longest = 0.0
    for step in range(start, start + count):
        began = time.monotonic()
        made.step(step, {'actions': np.zeros((1, size // 8)), 'dones': np.array([step % 10 == 9])})
        longest = max(longest, time.monotonic() - began)
    return longest


def test_in_real_time_a_disk_that_hangs_costs_steps_and_nothing_waits(tmp_path):
    with recording(tmp_path, REAL_TIME) as (made, log):
        await_true(lambda: made.path)
        made.signal(signal.SIGSTOP)
        longest = steps_of(made, 60)
        assert made.dropped > 60 - CAPACITY / (1 << 20) and longest < LONGEST_WAIT / 2
        made.report(), made.report()
        made.signal(signal.SIGCONT)
        await_true(lambda: made._link.ring.filled == 0)
        steps_of(made, 30, start=60)
        await_true(lambda: made._link.ring.filled == 0)
    said = [line for line in log.lines if 'does not keep up' in line]
    assert len(said) == 1 and 'messages or steps are dropped' in said[0]
    record = load_record(tmp_path)
    missing = np.setdiff1d(np.arange(90), record['step'])
    assert 28 <= len(missing) == made.dropped and len(record['actions']) == 90 - len(missing)
    # the end of the one before tells where an episode begins
    whole = [stop for stop in range(10, 91, 10) if not set(range(stop - 11, stop)) & set(missing)]
    assert len(find_episodes(record)) == len(whole) < 9
    assert all(episode.length == 10 for episode in find_episodes(record))


def test_in_simulated_time_steps_wait_for_a_recorder_that_lags_behind(tmp_path):
    """Three times what the memory holds, as fast as it goes."""
    with recording(tmp_path) as (made, log):
        steps_of(made, 3 * CAPACITY >> 20)
        assert made.dropped == 0
    assert len(load_record(tmp_path)['actions']) == 3 * CAPACITY >> 20
    assert not [line for line in log.lines if 'recording into' not in line]


def test_in_simulated_time_a_disk_that_hangs_is_waited_for_once(tmp_path):
    with recording(tmp_path) as (made, _):
        await_true(lambda: made.path)
        made.signal(signal.SIGSTOP)
        began = time.monotonic()
        steps_of(made, 60)
        assert LONGEST_WAIT < time.monotonic() - began < 3 * LONGEST_WAIT and made.dropped >= 29
        made.signal(signal.SIGCONT)


def test_a_recorder_that_is_killed_is_named_once_and_the_run_goes_on(tmp_path):
    with recording(tmp_path) as (made, log):
        await_true(lambda: made.path)
        made.kill()
        assert steps_of(made, 60) < LONGEST_WAIT / 2
        assert made.report()['recording'].startswith('stopped: the recorder was ended by SIGKILL')
        made.report()
    said = [line for line in log.lines if 'has stopped' in line]
    assert said == ['recording has stopped; the simulation goes on: the recorder was ended by SIGKILL']


def test_a_full_disk_is_named_once_and_what_was_written_opens(tmp_path):
    random = np.random.default_rng(0)
    with small_disk(tmp_path / 'disk') as disk, recording(disk / 'bags') as (made, log):
        for step in range(400):
            made.step(step, {'actions': random.normal(size=(1, 2000))})
            made.report()
            time.sleep(0.001)
        await_true(lambda: made.report()['recording'].startswith('stopped: No space left'))
        assert sum('has stopped; the simulation goes on' in line for line in log.lines) == 1
        assert 0 < len(load_record(disk / 'bags')['actions']) < 400


def test_what_cannot_be_recorded_ends_the_recording_and_not_the_run(tmp_path):
    with recording(tmp_path) as (made, log):
        made.step(0, {'actions': np.array([None])})
        made.step(1, {'actions': np.zeros(1)})
    assert [line for line in log.lines if 'has stopped' in line][0].count("array 'actions'") == 1
