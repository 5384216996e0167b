# SPDX-License-Identifier: Apache-2.0
"""The picture of policy nodes shows what is known, what is wrong first, and fits into the terminal."""

import dataclasses
import math

import pytest
from tools.views import fault, NOW, NUMBERS, picture, place_of_mark, streaming, VALUES, view

from rl_policy_node.nodes.watch.node_view import NodeView
from rl_policy_node.tools.watch.term_rows import deviations, term_rows


def line(lines, text):
    """Return the only line with a text."""
    (found,) = [each for each in lines if text in each]
    return found


def test_a_node_that_acts_shows_its_figures():
    lines = picture(view())
    assert '/policy_node' in lines[0] and 'active  acting for 2 robots' in lines[1]
    assert 'missed 2' in line(lines, 'steps ') and '1200' in line(lines, 'steps ')
    assert 'p50 1.200, p99 4.500, max 9.000 ms, policy 0.300 ms' in line(lines, 'latency')
    assert 'joints 99.8 to 100.1 Hz' in line(lines, 'messages')
    assert '3 (last: not finite)' in line(lines, 'rejected from wrench')
    assert 'watches, timeout 0.1 s' in line(lines, 'guardian')
    assert '0.0100 (wrist, left)' in line(lines, 'tracking')


def test_robots_that_do_not_act_come_with_their_reasons():
    values = {**VALUES, 'left': 'stopped by ~/stop', 'right': "source 'joints': no message for 0.3 s"}
    lines = picture(view(values=values, level='warn', message='2 of 2 robots on the fallback'))
    assert 'left  stopped by ~/stop' in lines[2] and "right  source 'joints': no message for 0.3 s" in lines[3]
    many = {**VALUES, **{f'arm_{number}': 'held' for number in range(20)}}
    assert sum('held' in each for each in picture(view(values=many))) == 8 and line(
        picture(view(values=many)), '12 more'
    )


def test_the_rate_is_that_between_two_reports():
    node = view()
    assert math.isnan(node.rate)
    node.report('ok', node.message, {**VALUES, 'steps': '1250'}, NOW + 0.8)
    assert node.rate == pytest.approx(50.0)
    node.report('ok', node.message, {**VALUES, 'steps': '3'}, NOW + 1.8)  # it was activated anew
    assert math.isnan(node.rate)


@pytest.mark.parametrize(
    'state, node',
    [
        ('waiting', NodeView('/policy_node')),
        ('gone', dataclasses.replace(view(), present=False)),
        ('silent', dataclasses.replace(view(), heard=NOW - 4.0)),
        ('inactive', view(active=False, message='inactive', values={})),
        ('unconfigured', view(active=False, message='unconfigured; it stopped by itself: KeyError: x', values={})),
        ('active', view()),
    ],
)
def test_states_have_names(state, node):
    assert node.state(NOW) == state
    lines = picture(node)
    assert f' {state}' in lines[1]
    assert ('last heard' in lines[1]) == (state in ('gone', 'silent'))
    assert any('stopped by itself: KeyError: x' in each for each in lines) == (state == 'unconfigured')


def test_of_each_term_the_number_furthest_from_training_is_shown():
    lines = picture(streaming())
    force = line(lines, 'force')
    assert 'x right' in force and ' 21 ' in force and '+10.0 σ' in force and '▶' in force
    assert place_of_mark(force) == 1.0
    # without statistics there is a value, and no bar
    assert '━' not in line(lines, 'count') and 'σ' not in line(lines, 'count')
    assert '-1 to 2' in line(lines, 'image')
    assert place_of_mark(line(lines, 'action/arm')) == pytest.approx(-0.5, abs=0.03)


def test_every_number_is_shown_where_that_is_asked_for():
    lines = picture(streaming(), every=True)
    assert place_of_mark(line(lines, 'x left')) == pytest.approx(0.1, abs=0.03), 'half a standard deviation of five'
    assert '-0.5 σ' in line(lines, 'y left') and '+0.5 σ' in line(lines, 'y right')
    assert sum('count' in each for each in lines) == 2


def test_without_streams_the_diagnostics_say_how_far_a_term_lies_off():
    lines = picture(view())
    force = line(lines, 'force')
    assert '1.2 σ, largest 3.4' in force and place_of_mark(force) == pytest.approx(0.24, abs=0.03)


def test_a_robot_that_does_not_act_tells_nothing_of_its_terms():
    # its part of the batch is zeros
    held = streaming()
    held.numbers = held.numbers._replace(values={**NUMBERS, 'right/acting': 0.0})
    assert set(deviations(held)) == {'left/force/x', 'left/force/y'}
    assert 'left' in line(picture(held), 'force') and not any('right' in row.number for row in term_rows(held, True))
    held.numbers = held.numbers._replace(values={**NUMBERS, 'right/acting': 0.0, 'left/acting': 0.0})
    assert [row.text for row in term_rows(held)] == ['1.2 σ, largest 3.4']


def test_a_robot_may_have_no_name():
    unnamed = streaming()
    unnamed.description = {**unnamed.description, 'robots': ['']}
    values = {name.removeprefix('left/'): value for name, value in NUMBERS.items() if name.startswith('left/')}
    unnamed.numbers = unnamed.numbers._replace(values=values)
    assert set(deviations(unnamed)) == {'force/x', 'force/y'} and '+0.5 σ' in line(picture(unnamed), 'force')


def test_deviations_are_those_of_the_normaliser():
    found = deviations(streaming())
    assert set(found) == {'left/force/x', 'left/force/y', 'right/force/x', 'right/force/y'}
    assert found['right/force/x'] == pytest.approx(20.0 / math.sqrt(4.0 + 1e-5))
    assert term_rows(streaming())[0].place == pytest.approx(found['right/force/x'] / 5)


def test_the_last_faults_come_newest_first():
    node = view()
    node.faults.extend([fault(f'fault {number}', number) for number in range(7)] + [fault('two\nlines', 9, 'error')])
    shown = [each for each in picture(node) if ' warn ' in each or ' error ' in each]
    assert 'error two' in shown[0] and [each.split('fault ')[1][0] for each in shown[1:]] == ['6', '5', '4', '3']


def test_several_nodes_share_a_table():
    other = view('/left/policy_node', active=False, message='inactive', values={})
    held = view('/right/policy_node', {**VALUES, 'robot': 'latched'}, '1 of 1 robots on the fallback', 'warn')
    held.faults.append(fault('no message'))
    lines = picture(other, held)
    assert lines[0].split() == ['node', 'state', 'steps/s', 'p50', 'ms', 'p99', 'ms', 'missed']
    assert '/left/policy_node' in lines[1] and 'inactive' in lines[1]
    assert '1.200' in lines[2] and 'on the fallback' in lines[2]
    assert '/right/policy_node robot  latched' in lines[3] and '/right/policy_node: no message' in lines[4]


def test_nothing_there_is_said_with_the_domain():
    assert picture() == ['no policy node in DDS domain 7']


@pytest.mark.parametrize('width', [30, 40, 63, 64, 80, 120, 200])
@pytest.mark.parametrize('every', [False, True])
def test_it_fits_into_the_terminal(width, every):
    node = streaming()
    node.faults.append(fault('a long fault ' * 30))
    lines = picture(node, width=width, every=every)
    assert max(map(len, lines)) <= width
    if width != 63:  # where there is room depends on the terms
        assert any('━' in each for each in lines if 'force' in each) == (width > 63)
    assert not any('…' in each for each in lines if 'force' in each and 'fault' not in each) or width < 64
    several = picture(node, view('/a/very/long/namespace/of/a/robot/policy_node'), width=width)
    assert max(map(len, several)) <= width


def test_a_description_that_does_not_fit_is_no_end():
    odd = streaming()
    odd.numbers = odd.numbers._replace(values={'left/acting': 1.0, 'other/thing': 1.0})
    assert all('force' not in each for each in picture(odd))
