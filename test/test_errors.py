# SPDX-License-Identifier: Apache-2.0
"""Errors for users: what they carry, and how they are phrased."""

import ast
import re

from imports import python_files, ROOT
import pytest

from rl_policy_node.errors import ConfigurationError, miscounted, shown, unfit, unknown

PACKAGE = ROOT / 'rl_policy_node'
ERRORS = {'ConfigurationError', 'ContractError', 'SimulationError', 'Unavailable', 'Unfit'}
# phrases that say less than they seem to, or that a reader has to turn round
BANNED = re.compile(r'\b(is told|nobody|asked of|is meant|do not do|as it were|the like|please|invalid|illegal|oops)\b')


def texts():
    """Yield (place, text) of each error that the package raises, `…` for what is filled in."""
    for file in python_files(PACKAGE):
        for node in ast.walk(ast.parse(file.read_text('utf-8'))):
            if isinstance(node, ast.Call) and getattr(node.func, 'id', '') in ERRORS and node.args:
                text = _text(node.args[0])
                if text:
                    yield f'{file.relative_to(ROOT)}:{node.lineno}', text


def _text(node):
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ''
    if isinstance(node, ast.JoinedStr):
        return ''.join(each.value if isinstance(each, ast.Constant) else '…' for each in node.values)
    return ''


def test_there_are_errors():
    assert len(list(texts())) > 100


def test_an_error_is_one_sentence_without_a_full_stop():
    odd = [f'{place}: {text}' for place, text in texts() if text.endswith(('.', '!')) or '\n' in text or '  ' in text]
    assert odd == []


def test_an_error_says_it_plainly():
    assert [f'{place}: {text}' for place, text in texts() if BANNED.search(text)] == []


def test_an_error_begins_with_the_thing_that_it_names():
    # a name, a place, or a word in lower case; a proper noun keeps its capital
    odd = [
        f'{place}: {text}'
        for place, text in texts()
        if re.match(r'[A-Z][a-z]', text) and not re.match(r'(Isaac|Python|Hydra|PyYAML|MuJoCo|Gymnasium)', text)
    ]
    assert odd == []


@pytest.mark.parametrize(
    'error, text, parts',
    [
        (
            unknown('trigger', 'timr', ('timer', 'lockstep'), 'control'),
            "unknown trigger 'timr' in control; valid: lockstep, timer",
            ('control', 'timr', 'trigger', ('lockstep', 'timer')),
        ),
        (
            unknown('trigger', 'timr', ['timer']),
            "unknown trigger 'timr'; valid: timer",
            ('trigger', 'timr', 'trigger', ('timer',)),
        ),
        (unfit('blend', 1.5, '0 to 1'), 'blend is 1.5; expected 0 to 1', ('blend', '1.5', '0 to 1', ())),
        (
            miscounted('actions.arm.scale', 3, '1 or 2'),
            'actions.arm.scale has 3 numbers; expected 1 or 2',
            ('actions.arm.scale', '3 numbers', '1 or 2', ()),
        ),
        (ConfigurationError('two nodes command /arm'), 'two nodes command /arm', ('', '', '', ())),
    ],
)
def test_an_error_carries_its_parts(error, text, parts):
    assert str(error) == text and (error.where, error.got, error.expected, error.choices) == parts


def test_a_value_is_shown_as_far_as_one_reads():
    assert len(shown('a' * 4000)) < 300 and shown('a' * 4000).endswith('(4002 characters)')
