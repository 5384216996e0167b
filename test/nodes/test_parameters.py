# SPDX-License-Identifier: Apache-2.0
"""Parameters become configuration, or an error that names them."""

from pathlib import Path
import re

from nodes.harness import parameters
from nodes.stepper_bench import flat
import pytest
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration, schema
from rl_policy_node.nodes.parameters.reference import markdown

REPOSITORY = Path(__file__).parents[2]


def refused(run, words, **changes):
    with pytest.raises(ConfigurationError) as caught:
        configuration(flat(parameters(run, **changes)))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_defaults_are_filled_in(run):
    made = configuration(flat(parameters(run)))
    assert made.control.robots == ('',) and made.control.timing.trigger == 'timer'
    assert made.control.terms['force'].clip == 20.0 and made.control.actions[0].options.scale == (0.5,)
    assert made.policy.deterministic is True and made.policy.computing.threads == 1


def test_one_number_stands_for_a_list_and_an_integer_for_a_double(run):
    made = configuration(flat(parameters(run, **{'actions.arm.scale': 2, 'control_rate': 50})))
    assert made.control.actions[0].options.scale == (2.0,) and made.control.timing.control_rate == 50.0


def test_an_empty_list_arrives_as_bytes(run):
    assert configuration(flat(parameters(run, **{'policy.overrides': []}))).policy.overrides == ()


@pytest.mark.parametrize(
    'words, changes',
    [
        (["'control_rte'", "did you mean 'control_rate'"], {'control_rte': 1.0}),
        (["'terms.force.scael'", "did you mean 'terms.force.scale'"], {'terms.force.scael': 1.0}),
        (["'control_rate'", '-1 Hz', '0 to 2000'], {'control_rate': -1.0}),
        (["'policy.deterministic'", "'yes'", 'expected bool'], {'policy.deterministic': 'yes'}),
        (["'guardian_timeout'", '0.01 s', '0.02 to 1 s'], {'guardian_timeout': 0.01}),
        (["'trigger'", "'clock'", 'lockstep, observation, timer'], {'trigger': 'clock'}),
        (['unknown source', "'imu'", 'joints, wrench'], {'terms.force.source': 'imu'}),
        (['unknown term', "'forces'", 'force, position, velocity'], {'inputs.obs': ['position', 'velocity', 'forces']}),
        (["'policy.train_config' is missing"], {'policy': {'checkpoint': 'x.pth'}}),
        (
            ['2 blanks (???)', 'control_rate, actions.arm.joints'],
            {'control_rate': '???', 'actions.arm.joints': ['a', '???']},
        ),
        (['actions.terms does not name', "['leg']"], {'actions.leg.kind': 'pose_delta'}),
        (['actions.arm.scale has 2 numbers', '1 or 3'], {'actions.arm.scale': [1.0, 2.0]}),
        (['robots is', 'different'], {'robots': ['a', 'a']}),
    ],
)
def test_what_does_not_fit_is_named(run, words, changes):
    refused(run, words, **changes)


def test_a_value_is_shown_as_far_as_one_reads(run):
    with pytest.raises(ConfigurationError) as caught:
        configuration({**dict(flat(parameters(run))), 'actions.arm.upper': 'a' * 4000})
    assert str(caught.value).startswith("parameter 'actions.arm.upper' is 'aaa") and len(str(caught.value)) < 400
    with pytest.raises(ConfigurationError) as caught:
        configuration({**dict(flat(parameters(run))), 'trigger': 'b' * 4000})
    assert len(str(caught.value)) < 400


def test_the_reference_is_current():
    """`rl_policy parameters > docs/reference/parameters.md` mends this."""
    assert (REPOSITORY / 'docs' / 'reference' / 'parameters.md').read_text() == markdown()


def test_every_parameter_is_in_the_reference_with_a_meaning():
    text = markdown()
    assert all(f'`{p.name}`' in text and p.description for p in schema.PARAMETERS)


def test_options_of_a_computed_term_are_read(run):
    tree = {
        'terms.force': {
            'kind': 'rotate',
            'source': 'wrench',
            'field': 'force',
            'frame_source': 'joints',
            'history': 3,
            'scale': [0.1],
            'yaw_only': True,
        }
    }
    term = configuration(flat(parameters(run, **tree))).control.terms['force']
    assert (term.kind, term.history, term.scale, term.options.yaw_only) == ('rotate', 3, (0.1,), True)


@pytest.mark.parametrize('file', sorted((REPOSITORY / 'config').glob('**/*.yaml')), ids=lambda file: file.name)
def test_the_files_that_ship_are_accepted(file):
    tree = yaml.safe_load(file.read_text())['/**']['ros__parameters']
    made = configuration(flat(tree))
    # examples name a run of their user's; what ships is there
    assert Path(made.policy.train_config).exists() == tree['policy']['train_config'].startswith('package://')


@pytest.mark.parametrize(
    'given, told',
    [
        ({}, 'enable.topic is missing'),
        ({'enable': 'none', 'enable.topic': 'enable'}, 'expected one of the two'),
        ({'enable': 'nobody'}, "unknown value 'nobody'"),
    ],
)
def test_consent_is_asked_for_or_spelled_out_as_none(run, given, told):
    values = {name: value for name, value in flat(parameters(run)).items() if not name.startswith('enable')}
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        configuration({**values, **given}).enable.check()
    for stated in ({'enable': 'none'}, {'enable.topic': 'enable'}):
        configuration({**values, **stated}).enable.check()
