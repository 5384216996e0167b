# SPDX-License-Identifier: Apache-2.0
"""A bag that others recorded, topics only: the policy runs on it, at the times at which its messages came."""

import io
import json

from nodes.harness import tiny_run
from nodes.replay_bench import Recorded
from nodes.stepper_bench import flat
import pytest
from rich.console import Console
from tools.topic_bags import live, TopicBag

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.tools.replay.recorded_configuration import Changes
from rl_policy_node.tools.replay.replay_topics import replay_topics


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return tiny_run(tmp_path_factory.mktemp('topics'))


def printed(bench, bag=None, changes=None, file=''):
    out = io.StringIO()
    console = Console(file=out, width=200)
    replay_topics(bag or TopicBag(bench), flat(bench.tree), changes or Changes(), file, console)
    return out.getvalue()


@pytest.mark.parametrize('trigger', ['observation', 'lockstep'])
def test_steps_on_observations_do_the_same_again(run, trigger, tmp_path):
    bench = live(run, 29, trigger=trigger)
    file = tmp_path / 'a.json'
    text = printed(bench, file=str(file))
    assert '30 steps of 2 robots, beside the recorded commands' in text
    assert 'assumed: paced by the times of receipt' in text and 'assumed: activated at ' in text
    found = json.loads(file.read_text())
    assert [each['largest'] for each in found['side_by_side']['numbers']] == pytest.approx([0.0] * 3, abs=1e-9)


def test_a_timer_steps_at_its_rate(run):
    bench = Recorded(run).begin().live(50)
    text = printed(bench)
    steps = int(text.split(' steps of')[0].split()[-1])
    assert 48 <= steps <= 50, text


def test_silence_in_the_bag_holds_the_robots_as_it_would_have(run):
    bench = live(run, 9, trigger='observation')
    bag = TopicBag(bench)
    bench.pass_by(3.0)
    bench.live(5)
    assert '15 steps' in printed(bench) and '10 steps' in printed(bench, bag)


def test_what_it_takes_for_granted_is_said(run):
    bench = live(run, 4, trigger='observation')
    bench.receive('joints', 0, b'\0\1\0\0garbled')
    bench.live(2)
    text = printed(bench, TopicBag(bench, '/somewhere'))
    assert "assumed: 'left/joint_states' is /somewhere/left/joint_states in the bag" in text
    assert "source 'joints': 1 messages refused" in text
    without = TopicBag(bench)
    without.kept = [each for each in without.kept if not each.topic.endswith('commands')]
    assert 'the bag has no commands to compare with' in printed(bench, without)


def test_a_topic_that_is_missing_is_named(run):
    bench = Recorded(run).begin().live(3)
    bag = TopicBag(bench)
    bag.kept = [each for each in bag.kept if each.topic != '/right/wrench']
    with pytest.raises(ConfigurationError, match='right/wrench.*valid: .*/left/wrench'):
        printed(bench, bag)
    silent = TopicBag(bench)
    silent.kept = silent.kept[:3] + [each._replace(payload=b'\0\1\0\0') for each in silent.kept[3:4]]
    with pytest.raises(ConfigurationError, match='the policy could act at no time: .*wrench'):
        printed(bench, silent)


def test_another_parameter_changes_the_commands(run, tmp_path):
    bench = live(run, 9, trigger='observation')
    file = tmp_path / 'b.json'
    printed(bench, changes=Changes(settings=('actions.arm.scale=[0.1]',)), file=str(file))
    assert max(each['largest'] for each in json.loads(file.read_text())['side_by_side']['numbers']) > 0.01
