# SPDX-License-Identifier: Apache-2.0
"""A sweep plays what the two nodes play, keeps the watchdogs apart, and leaves curves, a picture, and a page."""

import json
from pathlib import Path

from PIL import Image
import pytest
from rich.console import Console

from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import INSERTION as SHIPPED
from rl_policy_node.tools.evaluate.sides import make_plan, play_nodes
from rl_policy_node.tools.evaluate.sweep import Sweep
from rl_policy_node.tools.evaluate.sweep_axis import Axis
from rl_policy_node.tools.evaluate.sweep_controls import unwatched
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

pytest.importorskip('mujoco')
INSERTION = resolve(SHIPPED)
SHORT = ['sim.episode_length=30']


@pytest.fixture(scope='module', autouse=True)
def domain():
    private_domain()


@pytest.mark.slow
def test_it_plays_the_episodes_of_the_two_nodes_bit_for_bit(tmp_path):
    """Noise, late, lost and reordered messages, late commands."""
    settings = [
        *SHORT,
        'sim.stagger=true',
        'sim.latency_jitter=0.04',
        'sim.drop=0.2',
        'sim.reorder=0.1',
        'sim.command_latency=0.03',
        'sim.noise.ee_pose.position=0.001',
    ]
    axis = Axis('sim.latency', (0.0, 0.05))
    plan = make_plan(INSERTION, 6, 2, 11, [*settings, 'sim.latency=0.05'])
    nodes = play_nodes(plan, tmp_path, Console(quiet=True))
    curve = Sweep(make_plan(INSERTION, 6, 2, 11, settings), settings, watchdogs=False).curve(axis)
    assert curve.points[1].policy.side.columns == nodes.columns
    assert curve.points[0].policy.side.columns != nodes.columns
    assert curve.points[1].policy.fallback == 0.0


def test_the_watchdogs_of_the_file_are_a_curve_of_their_own():
    """max_age is 0.1 s: a delay within it holds nobody, one beyond it all, and lost messages hold some."""
    plan = make_plan(INSERTION, 2, 2, 7, SHORT)
    sweep = Sweep(plan, SHORT)
    near, far = sweep.curve(Axis('sim.latency', (0.05, 0.2))).points
    assert near.file.fallback == 0.0 and near.policy.fallback == 0.0
    # not the same: with trigger observation the policy waits for the second observation of an episode
    assert near.file.side.returns == pytest.approx(near.policy.side.returns, abs=0.1)
    # the first observation of an episode comes at once, and lasts for max_age
    assert 0.6 < far.file.fallback < 1.0 and far.policy.fallback == 0.0
    assert far.file.side.columns['return'] != far.policy.side.columns['return']
    (lost,) = sweep.curve(Axis('sim.drop', (0.6,))).points
    assert 0.1 < lost.file.fallback < 1.0 and lost.policy.fallback == 0.0


def test_the_policy_alone_has_no_watchdog():
    plan = make_plan(INSERTION, 1, 1, 7, ['sources.ee_pose.frozen_after=0.1', 'ood.action=hold'])
    control = unwatched(plan.policy.control)
    assert control.sources['ee_pose'].frozen_after is None and control.ood.action == 'warn' and control.lockstep


@pytest.mark.slow
def test_curves_picture_page_and_budget_are_left(tmp_path, capsys):
    file = tmp_path / 'mine.yaml'
    text = Path(INSERTION).read_text()
    file.write_text(text)
    out = tmp_path / 'out'
    arguments = ['--robots', '2', '--episodes', '2', '--set', 'sim.episode_length=150', '--output', str(out)]
    arguments += ['--jobs', '2', '--write-budget']
    code = main(['evaluate', str(file), *arguments, '--sweep', 'sim.latency=0:0.05:2', '--sweep', 'sim.drop=0:0.4:2'])
    assert code == 0
    content = json.loads((out / 'sweep.json').read_text())
    assert {'command', 'checkpoint_sha256', 'date', 'machine', 'versions'} <= set(content['run'])
    latency, drop = content['curve sim.latency'], content['curve sim.drop']
    assert [point['value'] for point in latency['points']] == [0.0, 0.05]
    assert latency['points'][0] == drop['points'][0], 'what both share is played once'
    assert set(latency['points'][0]['file']['figures']) == {'success', 'return', 'length'}
    said = capsys.readouterr().out
    assert all(latency[name] in said for name in ('sentence', 'sentence_of_return', 'watchdogs'))
    with Image.open(out / 'sweep.png') as picture:
        assert picture.size == (1560, 990)
    page = (out / 'sweep.html').read_text()
    assert 'data:image/png;base64,' in page and content['run']['checkpoint_sha256'] in page
    assert latency['points'][0]['policy']['figures']['success']['value'] == 1.0, 'else there is nothing to lose'
    stated = make_plan(file, 1).policy.control.timing.latency_budget
    assert stated == pytest.approx(latency['budget']['value'] or 0.05, abs=1e-3)
    changed = [line for line in file.read_text().splitlines() if line not in text.splitlines()]
    assert len(changed) == 1 and latency['sentence'] in changed[0]


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--sweep', 'sim.drop=0:0.1:2', '--write-budget'], '--write-budget states the budget of sim.latency'),
        (['--write-budget'], '--write-budget states the budget of sim.latency'),
        (['--sweep', 'sim.latency=0:0.1', '--set', 'sim.mode=real_time'], '--sweep plays in simulated time'),
        (
            ['--sweep', 'sim.noise.nothing.position=0:0.1:2', '--set', 'sim.episode_length=2'],
            "unknown source 'nothing'",
        ),
    ],
)
def test_what_cannot_be_swept_is_one_line(tmp_path, capsys, arguments, message):
    assert main(['evaluate', '--robots', '1', '--episodes', '1', *arguments, '--output', str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert message in said and said.count('\n') == 1
