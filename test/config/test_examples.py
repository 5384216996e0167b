# SPDX-License-Identifier: Apache-2.0
"""Every example in config/: it fits its family, runs on a stream, keeps its limits and falls back."""

import dataclasses
import re

from config.families import FAMILIES, run_of
from config.rehearsal import CONFIG, dry_run_of
from config.streams import Stream
import numpy as np
import pytest
from tools.runs import parameters
import yaml

from rl_policy_node.options import value_of
from rl_policy_node.tools.process.processes import private_domain

EXAMPLES = sorted(CONFIG.glob('*.yaml'))
NAMES = [file.stem for file in EXAMPLES]


@pytest.fixture(scope='module', autouse=True)
def domain():
    private_domain()


@pytest.fixture(scope='module')
def rehearse(tmp_path_factory):
    """Return the function that rehearses an example on a small run of its family."""
    runs = {}

    def rehearse(name, **more):
        if name not in runs:
            runs[name] = run_of(name, tmp_path_factory.mktemp(name) / 'run')
        return dry_run_of(name, *runs[name], **more)

    return rehearse


def numbers(dry_run):
    """Return (action, row) → field → numbers of what the last step published."""
    return {
        (name, row): {field: value[row].copy() for field, value in dry_run.commands[name].items()}
        for name, row in dry_run.messages
    }


def assert_within_limits(action, command, last, period):
    value = command.get('position', command.get('data'))
    assert all(np.isfinite(part).all() for part in command.values())
    # the stream may begin beyond the limits: commands come back then, within their speed
    beyond = value if last is None else last.get('position', last.get('data'))
    lower, upper, fastest = (value_of(action.options, name, ()) for name in ('lower', 'upper', 'max_velocity'))
    assert not len(lower) or (value >= np.minimum(lower, beyond) - 1e-9).all()
    assert not len(upper) or (value <= np.maximum(upper, beyond) + 1e-9).all()
    if last is not None and len(fastest):
        moved = value - last.get('position', last.get('data'))
        moved = np.linalg.norm(moved) if action.kind == 'pose_delta' else np.abs(moved)
        assert (moved <= np.array(fastest) * period * (1 + 1e-6)).all()


def test_every_example_has_a_family():
    assert set(FAMILIES) == set(NAMES) - {'insertion'}


@pytest.mark.parametrize('name', NAMES)
def test_example_passes_the_check(name, rehearse):
    dry_run = rehearse(name)
    dry_run.step()
    assert not [text for text in dry_run.told if 'the run was trained with' in text]


@pytest.mark.parametrize('name', NAMES)
def test_example_commands_every_robot_within_its_limits(name, rehearse):
    dry_run = rehearse(name)
    stream, last, seen = Stream(dry_run), {}, []
    actions = {action.name: action for action in dry_run.control.actions}
    for healthy in dry_run.play(stream.steps(60)):
        commands = numbers(dry_run)
        assert healthy.all() and len(commands) == len(actions) * dry_run.control.rows
        for (term, row), command in commands.items():
            assert_within_limits(actions[term], command, last.get((term, row)), stream.period)
            kind = type(dry_run.messages[term, row])
            assert f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}' == actions[term].type
        last = commands
        seen.append(np.concatenate([part for _, command in sorted(commands.items()) for part in command.values()]))
    assert np.ptp(seen, axis=0).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_silent_sensor_leads_to_the_fallback_and_back(name, rehearse):
    dry_run = rehearse(name)
    stream = Stream(dry_run)
    actions = {action.name: action for action in dry_run.control.actions}
    run = dry_run.play(stream.steps(10**6))
    for silent in dry_run.sources:
        for _ in range(5):
            assert next(run).all()
        stream.silent = {silent}
        before = numbers(dry_run)
        while next(run).all():
            before |= numbers(dry_run)  # triggered by observations, a row without news is sent nothing
        for (term, row), command in numbers(dry_run).items():
            assert_rests(actions[term], command, before[term, row], stream.period)
        held = numbers(dry_run)
        for _ in range(5):
            assert not next(run).any()
            last, held = held, held | numbers(dry_run)
            for (term, row), command in held.items():
                assert_rests(actions[term], command, last[term, row], stream.period)
        stream.silent = set()
        wait_for_consent(dry_run, run, stream.period)


def wait_for_consent(dry_run, run, period, healthy=()):
    """See robots act after `resume_after` of good data: those that are latched by then on request alone.

    fit: rows that act meanwhile.
    """
    steps, latch = round(dry_run.control.recovery.resume_after / period), dry_run.cycle.stepper.latch
    automatic = dry_run.control.recovery.resume == 'automatic'
    for _ in range(steps - 2):
        assert np.nonzero(next(run))[0].tolist() == list(healthy)
    assert automatic or latch.reasons
    acts = [next(run).all() for _ in range(5)][-1]
    often = any('fell out 4 times' in reason for reason in latch.reasons.values())
    assert acts == (automatic and not often)
    if not acts:
        dry_run.cycle.resume(slice(None))
        assert next(run).all()


def assert_rests(action, command, before, period):
    if action.fallback == 'keep':
        np.testing.assert_equal(command, before)
    elif action.fallback == 'value':
        np.testing.assert_equal(command['data'], np.broadcast_to(action.options.fallback_value, action.options.size))
    else:
        assert_within_limits(action, command, before, period)


@pytest.mark.parametrize('name, source', [('franka_tacsl_tactile', 'tactile_left'), ('allegro_hand', 'object')])
def test_frozen_sensor_leads_to_the_fallback(name, source, rehearse):
    dry_run = rehearse(name)
    stream = Stream(dry_run)
    for index, healthy in enumerate(dry_run.play(stream.steps(100))):  # noqa: B007 - the last one counts
        if index == 5:
            stream.frozen = {source}
    assert not healthy.any()


def with_tare(control):
    """Do what franka_tacsl_tactile.yaml says of use_diff_tactile_img."""
    terms = dict(control.terms)
    for name, term in terms.items():
        if value_of(term.options, 'field', '') == 'image':
            tare = dataclasses.replace(term.options.tare, difference_to_tare=True)
            terms[name] = dataclasses.replace(term, options=dataclasses.replace(term.options, tare=tare))
    return dataclasses.replace(control, terms=terms)


def test_tactile_images_may_be_differences_to_a_tare(rehearse):
    dry_run = rehearse('franka_tacsl_tactile', change=with_tare)
    healthy = [healthy.copy().all() for healthy in dry_run.play(Stream(dry_run).steps(30))]
    assert not healthy[0] and all(healthy[12:])


def test_second_arm_joins_later_and_outlives_the_first(rehearse):
    dry_run = rehearse('two_arms')
    stream = Stream(dry_run, rows=[0])
    run = dry_run.play(stream.steps(10**6))
    for _ in range(10):
        assert next(run).tolist() == [True, False]
        assert set(dry_run.messages) == {('arm', 0)}
    stream.rows = [0, 1]
    wait_for_consent(dry_run, run, stream.period, healthy=[0])
    assert set(dry_run.messages) == {('arm', 0), ('arm', 1)}
    stream.rows = [1]
    assert [next(run).tolist() for _ in range(5)][-1] == [False, True]


@pytest.mark.parametrize('name', FAMILIES)
def test_every_parameter_has_a_comment(name):
    text = (CONFIG / f'{name}.yaml').read_text()
    lines = text.splitlines()
    for key, first, last in entries(yaml.compose(text)):
        above = lines[first - 1].lstrip().startswith('#')
        assert above or any('#' in line for line in lines[first : last + 1]), f'{key} has no comment'


def entries(tree):
    """Yield key, first and last line of everything that is written on lines of its own, sections aside."""
    for key, value in tree.value:
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield from entries(value)
        else:
            yield key.value, key.start_mark.line, value.end_mark.line


@pytest.mark.parametrize('file', EXAMPLES, ids=NAMES)
def test_nothing_is_left_blank_and_no_machine_is_meant(file):
    text = file.read_text()
    assert '???' not in text and not re.search(r'/(home|work|tmp|Users|mnt)/', text)
    train_config = parameters(file)['policy']['train_config']
    assert train_config.startswith(('/runs/', 'package://'))
    assert train_config.startswith('package://') or 'Replace train_config and checkpoint' in text.split('/**:')[0]
