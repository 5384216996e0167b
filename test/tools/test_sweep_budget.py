# SPDX-License-Identifier: Apache-2.0
"""Axes of a sweep, budgets with their intervals, and the parameter file that states one."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import INSERTION
from rl_policy_node.tools.evaluate.budget import Budget, budget
from rl_policy_node.tools.evaluate.budget_file import write_budget
from rl_policy_node.tools.evaluate.compare import Side
from rl_policy_node.tools.evaluate.sweep_axis import parse_axis

PERIOD = 1 / 60


def side(success, returns=None):
    """Return a Side of episodes of one row each."""
    count = len(success)
    return Side(
        'played',
        {
            'row': list(range(count)),
            'index': [0] * count,
            'return': list(success if returns is None else returns),
            'length': [9] * count,
            'success': [None if each is None else int(each) for each in success],
        },
    )


def shares(*shares, count=200):
    """Return sides of these shares of success, of the same episodes: the same ones fail first."""
    return [side([row < round(share * count) for row in range(count)]) for share in shares]


def test_an_axis_has_a_count_or_a_step_and_begins_at_zero():
    assert parse_axis('sim.drop=0:0.5:6', PERIOD).values == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert parse_axis('sim.drop=0.2:0.5:0.1', PERIOD).values == (0.0, 0.2, 0.3, 0.4, 0.5)
    assert len(parse_axis('drop=0:1', PERIOD).values) == 11
    axis = parse_axis('sim.noise.ee_pose.position=0:0.01:2', PERIOD)
    assert (axis.parameter, axis.what, axis.shown(0.01)) == (
        'sim.noise.ee_pose.position',
        'noise of ee_pose position',
        '0.01',
    )


def test_constant_delays_are_whole_periods():
    axis = parse_axis('sim.latency=0:0.1:0.01', PERIOD)
    assert np.allclose(np.array(axis.values) / PERIOD, range(7), atol=1e-6)
    assert [axis.shown(value) for value in axis.values[:3]] == ['0 ms', '16.7 ms', '33.3 ms']
    assert parse_axis('sim.latency_jitter=0:0.1:3', PERIOD).values == (0.0, 0.05, 0.1)


@pytest.mark.parametrize(
    'text, message',
    [
        ('sim.jitter=0:1', "unknown imperfection 'sim.jitter' in --sweep; valid: sim.command_latency, sim.drop"),
        ('sim.rate_drift=0:1', 'unknown imperfection'),
        ('sim.latency', "--sweep 'sim.latency'; expected NAME=LOW:HIGH"),
        ('sim.latency=0:much', "--sweep 'sim.latency=0:much'; expected NAME=LOW:HIGH"),
        ('sim.latency=0:1:2:3', 'expected NAME=LOW:HIGH'),
        ('sim.latency=0.2:0.1', '--sweep sim.latency is 0.2:0.1; expected LOW from 0 on'),
        ('sim.latency=0:0.001', 'a HIGH of a period of the control, 0.01667 s, or more'),
    ],
)
def test_what_is_no_axis_is_refused(text, message):
    with pytest.raises(ConfigurationError) as error:
        parse_axis(text, PERIOD)
    assert message in str(error.value)


def test_the_budget_lies_where_a_tenth_is_lost():
    """0.8 · 0.9 = 0.72, a fifth of the way from 0.76 to 0.56."""
    found = budget([0.0, 0.1, 0.2], shares(0.8, 0.76, 0.56))
    assert found.figure == 'success' and found.value == pytest.approx(0.12)
    assert 0.0 < found.low < found.value < found.high < 0.2


def test_chance_does_not_end_the_budget():
    """A dip between two values that are as good as the first is none of the latency's."""
    assert budget([0.0, 0.1, 0.2, 0.3], shares(0.9, 0.8, 0.9, 0.4)).value > 0.2


def test_a_policy_that_loses_nothing_has_no_end():
    found = budget([0.0, 0.1], shares(0.9, 0.9))
    assert (found.value, found.low, found.high, found.most) == (math.inf, math.inf, math.inf, 0.1)
    assert budget([0.0, 0.1], shares(0.0, 0.0)) is None


def test_without_success_the_return_counts_whatever_its_sign():
    lost = [side([None] * 40, np.full(40, total)) for total in (-10.0, -10.5, -12.5)]
    found = budget([0.0, 0.1, 0.2], lost)
    assert found.figure == 'return' and found.value == pytest.approx(0.125)


def test_the_return_has_a_budget_of_its_own():
    sides = [side([True] * 20, np.full(20, total)) for total in (100.0, 85.0)]
    assert budget([0.0, 0.1], sides).value == math.inf
    assert budget([0.0, 0.1], sides, 'return').value == pytest.approx(0.1 * 10 / 15)


@pytest.mark.slow
def test_the_interval_holds_what_it_promises():
    """Of 60 seeded sweeps of coins whose chance falls from 0.9 to 0.5, 95 % of the intervals hold the budget, or so."""
    places, random = np.linspace(0.0, 0.4, 5), np.random.default_rng(3)
    chances = 0.9 - places
    held = []
    for _ in range(60):
        draws = random.random(120)
        found = budget(places, [side(draws < chance) for chance in chances])
        held.append(found.low <= 0.09 <= found.high)
    assert np.mean(held) >= 0.88


def test_the_file_states_the_budget_and_is_else_as_it_was(tmp_path):
    file = tmp_path / 'file.yaml'
    text = Path(resolve(INSERTION)).read_text()
    file.write_text('\n'.join(line for line in text.splitlines() if 'latency_budget' not in line) + '\n')
    before = file.read_text().splitlines()
    for value, stated in ((0.0625, 'latency_budget: 0.062'), (math.inf, 'latency_budget: 0.2')):
        said = write_budget(file, Budget('success', 0.9, value, 0.05, 0.07, 0.2), '90 % of the success')
        after = file.read_text().splitlines()
        (line,) = [line for line in after if line not in before]
        assert line.strip().startswith(stated) and line.endswith('# s, 90 % of the success')
        assert [line for line in after if 'latency_budget' not in line] == before
        assert said.endswith(f'{stated.replace(":", "")} s')
    assert yaml.safe_load(file.read_text())['/**']['ros__parameters']['latency_budget'] == 0.2


@pytest.mark.parametrize(
    'text', ['{"/**": {"ros__parameters": {"control_rate": 50.0}}}\n', '/**:\n  ros__parameters: {a: 1}\n']
)
def test_a_file_that_has_no_line_for_it_stays_as_it_was(tmp_path, text):
    file = tmp_path / 'file.yaml'
    file.write_text(text)
    with pytest.raises(
        ConfigurationError, match='no place for the budget; add below ros__parameters latency_budget: 0.06'
    ):
        write_budget(file, Budget('success', 0.9, 0.06, 0.05, 0.07, 0.2), '')
    assert file.read_text() == text and list(tmp_path.iterdir()) == [file]


def test_a_file_without_a_rate_gets_it_as_its_first_parameter(tmp_path):
    file = tmp_path / 'file.yaml'
    file.write_text('# mine\n/**:\n  ros__parameters:   # all\n    robots: [a]\n')
    write_budget(file, Budget('success', 0.9, 0.06, 0.05, 0.07, 0.2), 'kept')
    assert file.read_text().splitlines()[3].split() == ['latency_budget:', '0.06', '#', 's,', 'kept']
