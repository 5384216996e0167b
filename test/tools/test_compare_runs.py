# SPDX-License-Identifier: Apache-2.0
"""Two runs side by side: paired where they began alike, a verdict that follows from the intervals, an exit code."""

import json

from nodes.run_bench import run_bag
import numpy as np
from PIL import Image
import pytest

from rl_policy_node.tools.compare.contest import Contest
from rl_policy_node.tools.compare.contestant import Contestant
from rl_policy_node.tools.evaluate.intervals import (
    paired_proportion_difference,
    proportion_difference,
    quantile_difference,
)
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

RUN = {'environment': 'insertion', 'seed': 7, 'rows': 2, 'checkpoint': 'a.pth', 'date': '2026-01-02'}


def columns(returns, success, length=9):
    """Return the columns of episodes of two rows that take turns."""
    count = len(returns)
    return {
        'row': [index % 2 for index in range(count)],
        'index': [index // 2 for index in range(count)],
        'return': [float(each) for each in returns],
        'length': [length] * count,
        'success': [int(each) for each in success],
    }


def contestant(name, returns, success, latencies=(), **run):
    return Contestant.of(name, columns(returns, success), np.array(latencies, dtype=float), {**RUN, **run})


def random_pair(change=0.0, count=60, **run):
    """Return two sides whose episodes are of very different difficulty, and B's return differs by `change`."""
    random = np.random.default_rng(5)
    hard = random.normal(size=count) * 10
    noise = random.normal(size=count) * 0.1
    return (contestant('A', hard, hard > -5), contestant('B', hard + change + noise, hard + change > -5, **run))


def test_equal_episodes_are_the_same():
    a, _ = random_pair()
    contest = Contest(a, a)
    assert contest.verdict == 'the same' or contest.verdict.startswith('the same')
    assert contest.sentence() == 'the same: all 60 episodes have the same return, length and success'


def test_pairs_show_what_independent_episodes_hide():
    """A difference of 1 between episodes that differ by 10: seen where both began alike."""
    paired, apart = Contest(*random_pair(1.0)), Contest(*random_pair(1.0, seed=8))
    assert paired.paired and paired.verdict == 'better'
    assert paired.sentence().startswith('B is better: return +0.98') and paired.sentence().endswith('paired by episode')
    assert not apart.paired and apart.verdict == 'no difference found'
    assert apart.sentence().endswith('60 and 60 episodes, not paired')
    assert paired.differences['return'].value == pytest.approx(apart.differences['return'].value)


def test_the_order_in_which_episodes_ended_does_not_matter():
    a, b = random_pair(1.0)
    turned = {name: values[::-1] for name, values in b.side.columns.items()}
    other = Contest(a, Contestant.of('B', turned, b.latencies, RUN))
    straight = Contest(a, b)
    assert other.paired
    assert other.differences['return'].low == pytest.approx(straight.differences['return'].low)


def test_other_episodes_of_the_same_seed_are_not_paired():
    a, b = random_pair()
    fewer = {name: values[:40] for name, values in b.side.columns.items()}
    assert not Contest(a, Contestant.of('B', fewer, b.latencies, RUN)).paired


def test_less_is_worse_and_a_contradiction_is_merely_different():
    assert Contest(*random_pair(-3.0)).verdict == 'worse'
    ones, zeros = [1] * 40, [0] * 40
    spread = np.linspace(0, 1, 40)
    assert Contest(contestant('A', spread, ones), contestant('B', spread + 9, zeros)).verdict == 'different'


def test_latency_alone_makes_a_difference():
    random = np.random.default_rng(1)
    fast, slow = random.gamma(9, 0.001, 3000), random.gamma(9, 0.001, 3000) + 0.002
    a, b = (contestant(name, [1.0, 2.0] * 9, [1, 0] * 9, each) for name, each in (('A', fast), ('B', slow)))
    contest = Contest(a, b)
    assert contest.verdict == 'different' and contest.sentence().startswith('B is different: latency p50 +2.')
    assert contest.differences['latency p99'].value == pytest.approx(2.0, abs=1.0)


def test_paired_proportions_equal_independent_ones_where_pairs_share_nothing():
    """With as many pairs of each of the four kinds φ is 0."""
    first, second = np.repeat([True, False], 20), np.tile(np.repeat([True, False], 10), 2)
    assert paired_proportion_difference(first, second) == pytest.approx(proportion_difference((20, 40), (20, 40)))
    alike = paired_proportion_difference(first, first)
    assert alike == pytest.approx((0.0, 0.0), abs=0.06) and alike[1] - alike[0] < 0.2


def test_paired_intervals_hold_what_they_promise():
    """Of 1,000 seeded draws of pairs that share most of their luck, 95 % of the intervals hold 0, or more."""
    random, held = np.random.default_rng(2), []
    for _ in range(1000):
        luck = random.random(50)
        first, second = ((0.8 * luck + 0.2 * random.random(50)) < 0.75 for _ in range(2))
        low, high = paired_proportion_difference(first, second)
        held.append(low <= 0.0 <= high)
    assert np.mean(held) >= 0.94


def test_quantile_intervals_hold_what_they_promise():
    random, held = np.random.default_rng(4), []
    for _ in range(60):
        first, second = random.exponential(size=(2, 400))
        low, high = quantile_difference(first, second, 0.5, draws=200)
        held.append(low <= 0.0 <= high)
    assert np.mean(held) >= 0.88
    assert quantile_difference([3.0], [1.0], 0.5) == (2.0, 2.0)


def written(folder, side):
    """Write the output of an evaluation; return its folder."""
    folder.mkdir()
    (folder / 'evaluation.json').write_text(json.dumps({'run': RUN, 'nodes': {'played': dict(side.side.columns)}}))
    if len(side.latencies):
        latencies = np.append(np.nan, side.latencies)
        run_bag(folder / 'bags', {'actions': np.zeros((len(latencies), 1, 1)), 'latency': latencies})
    return str(folder)


def test_two_outputs_give_json_picture_sentence_and_exit_code(tmp_path, capsys):
    a, b = (written(tmp_path / name, side) for name, side in zip('ab', random_pair(-3.0)))
    out = tmp_path / 'out'
    assert main(['compare', a, b, '--output', str(out), '--json', str(tmp_path / 'copy.json')]) == 1
    content = json.loads((tmp_path / 'copy.json').read_text())
    assert (content['verdict'], content['paired']) == ('worse', True)
    assert content['a']['checkpoint'] == 'a.pth' and content['b']['episodes'] == 60
    said = capsys.readouterr().out
    assert content['sentence'] in said and 'B − A' in said
    with Image.open(out / 'comparison.png') as picture:
        assert picture.size == (1560, 525)
    assert main(['compare', a, a + '/evaluation.json', '--output', str(out)]) == 0


@pytest.mark.slow
def test_a_demo_is_compared_with_its_latencies(tmp_path, capsys):
    for name in 'ab':
        (tmp_path / name).mkdir()
        played = {'played': columns([1.0, 2.0] * 5, [1, 0] * 5), 'seed': 7, 'robots': 2}
        (tmp_path / name / 'summary.json').write_text(json.dumps(played))
        latencies = np.append(np.nan, np.full(90, 0.002 + 0.001 * (name == 'b')))
        run_bag(tmp_path / name / 'bags', {'actions': np.zeros((91, 1, 1)), 'latency': latencies})
    assert main(['compare', str(tmp_path / 'a'), str(tmp_path / 'b'), '--output', str(tmp_path / 'out')]) == 1
    assert 'B is different: latency p50 +1.0 ms (95 % +1.0 to +1.0)' in capsys.readouterr().out


@pytest.mark.parametrize(
    'arguments, message',
    [
        ([], '0 runs to compare; expected two outputs'),
        (['{}', '{}'], 'is no output of `rl_policy evaluate` or `demo`: it has no evaluation.json'),
        (['{}/empty.json', '{}/empty.json'], 'without an episode that ended'),
        (['{}/none.json', '{}/none.json'], 'is no JSON'),
        (['--checkpoint', 'a.pth'], '1 of --checkpoint; expected two, A and B'),
        (['a', 'b', '--checkpoint', 'a.pth', '--checkpoint', 'b.pth'], '--checkpoint plays one parameter file'),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(tmp_path, capsys, arguments, message):
    (tmp_path / 'empty.json').write_text(json.dumps({'run': RUN, 'nodes': {'played': {'return': []}}}))
    (tmp_path / 'none.json').write_text('{')
    assert main(['compare', *(each.format(tmp_path) for each in arguments), '--output', str(tmp_path / 'out')]) == 2
    said = capsys.readouterr().err
    assert said.startswith('rl_policy compare: ') and message in said and said.count('\n') == 1


@pytest.mark.slow
def test_two_checkpoints_play_the_same_episodes(tmp_path):
    """A checkpoint against itself, and against one that was trained for longer, or less."""
    pytest.importorskip('mujoco')
    import torch

    from rl_policy_node.resources import resolve
    from rl_policy_node.tools.command import MODELS

    private_domain()
    good = resolve(f'{MODELS}policy.pth')
    content = torch.load(good, weights_only=True)
    key = next(key for key in content['model'] if key.endswith('mu.bias'))
    content['model'][key] += 0.5
    torch.save(content, tmp_path / 'spoilt.pth')
    played = ['--robots', '4', '--episodes', '8', '--set', 'sim.episode_length=40', '--output', str(tmp_path / 'out')]
    copy = ['--json', str(tmp_path / 'copy.json')]
    assert main(['compare', '--checkpoint', good, '--checkpoint', good, *played, *copy]) in (0, 1)
    same = json.loads((tmp_path / 'copy.json').read_text())
    assert same['paired'] and same['a']['played'] == same['b']['played']
    assert main(['compare', '--checkpoint', good, '--checkpoint', str(tmp_path / 'spoilt.pth'), *played, *copy]) == 1
    spoilt = json.loads((tmp_path / 'copy.json').read_text())
    assert spoilt['paired'] and spoilt['verdict'] == 'worse'
    assert spoilt['a']['checkpoint_sha256'] != spoilt['b']['checkpoint_sha256']
    assert set(spoilt['differences']) == {'success', 'return', 'length', 'latency p50', 'latency p99'}
