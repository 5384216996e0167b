# SPDX-License-Identifier: Apache-2.0
"""`rl_policy evaluate`: both ways are played, compared, written down and drawn; what does not fit is one line."""

import json
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest
from tools.alive import alive

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import INSERTION as SHIPPED
from rl_policy_node.tools.evaluate.sides import make_plan
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

pytest.importorskip('mujoco')
INSERTION = resolve(SHIPPED)
SHORT = ['--robots', '4', '--set', 'sim.episode_length=24', '--set', 'sim.stagger=true']


@pytest.fixture(scope='module', autouse=True)
def domain():
    private_domain()


def evaluate(folder, *arguments):
    code = main(['evaluate', *SHORT, '--output', str(folder / 'out'), '--json', str(folder / 'copy.json'), *arguments])
    assert (folder / 'copy.json').read_text() == (folder / 'out' / 'evaluation.json').read_text()
    return code, json.loads((folder / 'copy.json').read_text())


@pytest.mark.slow
def test_both_ways_are_the_same_episode_by_episode(tmp_path, capsys):
    """Lockstep through DDS and rl_games' own loop; rows end apart, and six is not a whole number of fours."""
    code, content = evaluate(tmp_path, '--episodes', '6', '--seed', '11', '--require-same')
    out = capsys.readouterr().out
    assert code == 0 and content['verdict'] == 'the same, episode by episode' and content['same_episodes'] == 6
    assert content['run']['seed'] == 11 and content['run']['rows'] == 4 and content['run']['mode'] == 'lockstep'
    assert content['run']['imperfections'] == {} and content['run']['control_rate'] == 60.0
    played = content['nodes']['played']
    assert played == content['reference']['played']
    assert len(played['return']) == 6 and len(set(played['return'])) == 6
    assert set(played['length']) > {24}, 'staggered rows begin in the midst of an episode'
    assert played['row'][:4] == [3, 2, 1, 0] and played['index'] == [0, 0, 0, 0, 1, 1]
    for text in (
        'two nodes, lockstep',
        "rl_games' own loop",
        'success, %',
        'the same, episode by episode: all 6',
        'the first 6 episodes to end favour short ones',
    ):
        assert text in out
    assert picture_size(tmp_path) == (1560, 525)
    policy, bridge = sorted((tmp_path / 'out' / 'bags').iterdir())
    assert policy.name.startswith('policy_node_') and bridge.name.startswith('sim_bridge_node_')
    assert f'bags: {bridge.parent}; `rl_policy replay` takes that of policy_node\n' in out
    assert main(['replay', str(policy)]) == 0


@pytest.mark.slow
def test_no_bags_leaves_what_the_page_needs_and_takes_those_of_an_earlier_run_away(tmp_path):
    bags = tmp_path / 'out' / 'bags'
    for arguments, nodes in (
        ('--bags --no-report', ['policy', 'sim_bridge']),
        ('--no-bags', ['sim_bridge']),
        ('--no-bags --no-report', []),
        (f'--no-report --set record.directory={tmp_path}/mine', ['sim_bridge']),
    ):
        evaluate(tmp_path, '--episodes', '4', '--no-reference', *arguments.split())
        assert sorted(bag.name.rpartition('_node_')[0] for bag in bags.iterdir()) == nodes
    (mine,) = (tmp_path / 'mine').iterdir()
    assert mine.name.startswith('policy_node_')


@pytest.mark.slow
def test_a_gap_is_in_the_figures_and_in_the_verdict(tmp_path, capsys):
    """A long delay, since the episodes are few and short."""
    code, content = evaluate(tmp_path, '--episodes', '24', '--set', 'sim.latency=0.2', '--require-same')
    assert content['run']['imperfections'] == {'latency': 0.2} and content['same_episodes'] < 24
    assert content['verdict'] == 'different' and code == 1
    assert 'with latency 0.2 s' in capsys.readouterr().out
    change = content['differences']['return']
    assert change['high'] < 0.0 and change['low'] < change['value'] < change['high']


def wait(condition, timeout):
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def picture_size(folder):
    header = (folder / 'out' / 'evaluation.png').read_bytes()[:24]
    assert header[:8] == b'\x89PNG\r\n\x1a\n'
    return int.from_bytes(header[16:20], 'big'), int.from_bytes(header[20:24], 'big')


def refused(capsys, *arguments):
    assert main(['evaluate', *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith('rl_policy evaluate: ') and said.count('\n') == 1
    return said


@pytest.mark.parametrize(
    'setting, message',
    [
        ('sim.latencyy=0.1', "unknown parameter 'sim.latencyy'; did you mean 'sim.latency'?"),
        ('sim.latency=-1', "parameter 'sim.latency' is -1 s; expected 0 to 10 s"),
        ('sim.latency', "--set 'sim.latency'; expected name=value, such as sim.latency=0.05"),
        ('sim.episodes=3', '--set sim.episodes: an evaluation sets it by itself; use --episodes'),
        ('sim.environment=nowhere', "unknown environment 'nowhere' in sim.environment; valid: "),
        ('sim.environment=no_such:thing', "'no_such:thing'"),
        ('policy.checkpoint=/nowhere.pth', '/nowhere.pth'),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, capsys, setting, message):
    assert message in refused(capsys, '--set', setting, '--output', str(tmp_path))


def test_a_file_without_a_simulator_is_one_line(tmp_path, capsys):
    file = tmp_path / 'robot.yaml'
    file.write_text(Path(INSERTION).read_text().split('    sim:')[0])
    assert 'it has no sim.environment, so that nothing plays the robots' in refused(capsys, str(file))
    assert 'no such file' in refused(capsys, str(tmp_path / 'missing.yaml'))


def test_a_node_that_cannot_start_is_named_with_its_own_words(tmp_path, capsys):
    said = refused(capsys, '--no-reference', '--set', 'sim.environment=nowhere', '--output', str(tmp_path))
    assert "sim_bridge_node ended with 1: unknown environment 'nowhere' in sim.environment" in said


@pytest.mark.slow
def test_an_interrupt_ends_both_nodes(tmp_path):
    """Ctrl-C reaches the evaluation alone: its nodes are sessions of their own."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'rl_policy_node.tools.main', 'evaluate', '--no-reference', '--output', str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        log = tmp_path / 'bridge.log'
        assert wait(lambda: log.exists() and 'hosting' in log.read_text(), 60)
        nodes = children(process.pid)
        assert len(nodes) == 2
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 130
    finally:
        process.kill()
    assert not any(map(alive, nodes)) and not (tmp_path / 'evaluation.json').exists()


def children(pid):
    return [int(child) for child in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def test_robots_are_named_in_the_manner_of_the_file(tmp_path):
    assert make_plan(INSERTION, 1, robots=6).policy.control.robots == tuple(f'arm_{row}' for row in range(6))
    assert make_plan(INSERTION, 1, robots=2).bridge.control.robots == ('arm_0', 'arm_1')
    unnamed = tmp_path / 'unnamed.yaml'
    unnamed.write_text(Path(INSERTION).read_text().replace('robots: [arm_0, arm_1, arm_2, arm_3]', "robots: ['']"))
    assert make_plan(unnamed, 1, robots=2).policy.control.robots == ('robot_0', 'robot_1')


def test_lockstep_is_a_matter_of_both_nodes():
    plan = make_plan(INSERTION, 5)
    assert plan.bridge.sim.play.mode == plan.policy.control.timing.trigger == 'lockstep'
    assert plan.bridge.sim.environment.seed == 7
    plan = make_plan(INSERTION, 5, settings=['sim.mode=real_time'])
    assert plan.bridge.sim.play.mode == 'real_time' and plan.policy.control.timing.trigger == 'observation'
    with pytest.raises(ConfigurationError, match='autostart: an evaluation sets it by itself'):
        make_plan(INSERTION, 5, settings=['autostart=false'])


def test_the_loop_alone_plays_the_policy_without_touch(capsys):
    assert main(['play', '--blind', *SHORT, '--episodes', '4']) == 0
    assert 'success, %' in capsys.readouterr().out
