# SPDX-License-Identifier: Apache-2.0
"""Recordings of other episodes: planted faults are named, and robots without one are healthy."""

import dataclasses

from mismatch.linear_robot import changed, COLUMNS, Late, of_rate, recorded, Smoothed
import numpy as np
import pytest
import yaml

from rl_policy_node import geometry
from rl_policy_node.control.terms.quaternions import CONVENTIONS
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.mismatch.unpaired import explain, EXPLAINED, HEALTHY, UNEXPLAINED
from rl_policy_node.mismatch.unpaired.account_wording import words
from rl_policy_node.mismatch.unpaired.fault import Undoing
from rl_policy_node.mismatch.unpaired.view import View

TIP, TURN, GOAL, JOINTS = COLUMNS.values()
RANDOM = np.random.default_rng(5)
BY = np.tile(geometry.quaternion_from_rotation_vector(np.array([[0.0, 0.0, 0.8]])), (8, 1))


@pytest.fixture(scope='module')
def simulation():
    return recorded(1, rows=12)


@pytest.mark.slow
@pytest.mark.parametrize('seed', range(20, 24))
def test_a_healthy_robot_is_healthy(simulation, seed):
    account = explain(recorded(seed), simulation)
    assert (account.verdict, account.findings) == (HEALTHY, ())
    assert {term.name for term in account.terms} == set(COLUMNS)


def turned(values, begins):
    """Return what is seen of the tip from a frame that is turned about z."""
    values[:, TIP], values[:, TURN] = geometry.rotate(BY, values[:, TIP]), geometry.multiply(BY, values[:, TURN])
    return values


def noisy(values, begins):
    values[:, TIP] += RANDOM.normal(0, 0.03, (len(values), 3))
    return values


def halted(values, begins, last=[None, 0]):  # noqa: B006 - it remembers
    """Return joints that stand still in ten of forty steps."""
    last[1] += 1
    if last[0] is None or last[1] % 40 < 30:
        last[0] = values[:, JOINTS].copy()
    values[:, JOINTS] = last[0]
    return values


FAULTS = {
    'scale': ('goal', changed(GOAL, lambda v: 2 * v), 'terms.goal.scale: 0.5'),
    'sign': ('joints', changed(JOINTS, lambda v: v * [1, -1, 1]), 'terms.joints.scale: [1, -1, 1]'),
    'offset': ('tip', changed(TIP, lambda v: v + [0.0, 0.2, 0.0]), 'terms.tip.offset: [0, 0.1'),
    'joint order': ('joints', changed(JOINTS, lambda v: v[:, [2, 1, 0]]), 'joints: [ankle, knee, hip]'),
    'frame': ('tip', turned, 'static transform'),
    'quaternion order': (
        'tip_turn',
        changed(TURN, lambda v: v[:, [3, 0, 1, 2]]),
        'terms.tip_turn.elements: [1, 2, 3, 0]',
    ),
    'quaternion sign': ('tip_turn', changed(TURN, lambda v: -v), 'terms.tip_turn.unique_sign'),
    'delay': ('joints', Late(JOINTS, 4), 'sources.joint_states'),
    'filter': ('joints', Smoothed(JOINTS, 0.25), 'sources.joint_states'),
    'noise': ('tip', noisy, 'train with as much noise on tip'),
    'frozen': ('joints', halted, 'frozen_after'),
    'saturated': ('joints', changed(JOINTS, lambda v: np.minimum(v, [0.3, -0.75, 0.45])), 'terms.joints.clip'),
}


@pytest.mark.parametrize('kind', FAULTS)
def test_a_planted_fault_is_named_first(simulation, kind):
    term, fault, remedy = FAULTS[kind]
    account = explain(recorded(30, fault), simulation)
    assert account.verdict == EXPLAINED
    first = account.findings[0]
    assert first.kind == kind and term in first.where and remedy in first.remedy


def with_spec(recording, name, **spec):
    """Return a recording whose file has further options of a term."""
    track = recording.terms[name]
    track = dataclasses.replace(track, spec={**track.spec, **spec})
    return dataclasses.replace(recording, terms={**recording.terms, name: track})


@pytest.mark.parametrize('order', [(1, 2, 3, 0), (3, 0, 1, 2)])
@pytest.mark.parametrize('elements', [(0, 1, 2, 3), (1, 2, 3, 0)])
@pytest.mark.parametrize('convention', CONVENTIONS)
def test_the_line_that_is_told_mends_the_order_of_a_quaternion(convention, elements, order):
    """What the new line makes of a message is what the correction makes of the numbers."""
    view = View.of(with_spec(recorded(30, steps=20), 'tip_turn', convention=convention, elements=list(elements)))
    found = Undoing('quaternion order', ('tip_turn',), 1.0, ('this', 'that', order))
    line = words(found, view).remedy.removeprefix('terms.tip_turn.').partition(', or')[0]
    new = {'convention': convention, 'elements': list(elements), **yaml.safe_load(line)}
    message = np.array([10, 11, 12, 13])
    came, mended = (
        message[list(picked)][list(CONVENTIONS[form])]
        for picked, form in ((elements, convention), (new['elements'], new['convention']))
    )
    assert mended.tolist() == came[list(order)].tolist()


def test_steps_of_a_lattice_are_seen(simulation):
    account = explain(recorded(30, changed(JOINTS, lambda v: np.round(v / 0.1) * 0.1)), simulation)
    assert account.findings[0].kind == 'frozen' and 'in steps of' in account.findings[0].sentence


def test_another_rate_is_seen(simulation):
    (first, *_) = explain(of_rate(recorded(30), 25.0), simulation).findings
    assert first.kind == 'rate' and '25 Hz' in first.sentence and first.remedy.startswith('control_rate: 50')


def test_missing_resets_are_counted(simulation):
    (first, *_) = explain(recorded(30, forget=0.4), simulation).findings
    assert first.kind == 'reset' and 'without a reset' in first.sentence


@pytest.mark.slow
def test_resets_do_not_matter_to_a_policy_without_memory(simulation):
    robot = dataclasses.replace(recorded(30, forget=0.4), about={'memory': False})
    assert all(finding.kind != 'reset' for finding in explain(robot, simulation).findings)


def test_commands_that_come_late_are_told(simulation):
    robot = recorded(30)
    late = {
        action: {field: np.roll(v, -3, axis=0) for field, v in part.items()} for action, part in robot.commands.items()
    }
    first, *rest = explain(dataclasses.replace(robot, commands=late), simulation).findings
    # all sources may be late, or the commands: without stamps nobody can tell
    assert first.kind == 'delay' and len(first.where) == 4 and 'late command' in first.rivals
    assert next(each for each in rest if each.kind == 'late command').sentence.count('60 ms') == 1


def test_delays_of_the_only_moving_source_may_be_those_of_the_commands(simulation):
    first = explain(recorded(30, Late(slice(0, 7), 4)), simulation).findings[0]
    assert first.kind == 'delay' and 'tip' in first.where


def test_what_no_fault_explains_is_told(simulation):
    random = np.random.default_rng(3)
    mixed = np.linalg.qr(random.normal(size=(13, 13)))[0]
    account = explain(recorded(30, lambda v, _: np.tanh(3 * v @ mixed)), simulation)
    assert account.verdict != HEALTHY and account.difference > 4 * account.usual
    assert account.verdict in (EXPLAINED, UNEXPLAINED)


def test_other_terms_are_refused(simulation):
    robot = recorded(30)
    fewer = {name: track for name, track in robot.terms.items() if name != 'goal'}
    with pytest.raises(ConfigurationError, match='the robot recorded the terms'):
        explain(dataclasses.replace(robot, terms=fewer), simulation)


def test_a_robot_that_never_acted_is_refused(simulation):
    robot = recorded(30)
    with pytest.raises(ConfigurationError, match='no two steps'):
        explain(dataclasses.replace(robot, acted=np.zeros_like(robot.acted)), simulation)


def test_figures_of_the_robot_and_of_its_commands(simulation):
    account = explain(recorded(30, changed(GOAL, lambda v: 2 * v)), simulation)
    goal = next(term for term in account.terms if term.name == 'goal')
    assert (
        goal.robot.spread.high > goal.simulation.spread.high and goal.odd > 3 and goal.robot.gap == pytest.approx(1.0)
    )
    (command,) = account.commands
    assert command.name == 'arm.position' and command.robot.error > 0 and 0 < command.simulation.gain < 1
