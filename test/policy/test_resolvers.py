# SPDX-License-Identifier: Apache-2.0
"""Resolvers of IsaacGymEnvs' configurations: what theirs answer, and no Python run for it."""

from omegaconf import OmegaConf
import pytest

from rl_policy_node.policy.run.compose import resolve
from rl_policy_node.policy.run.resolvers import registered, RESOLVERS


@pytest.mark.parametrize(
    'text, value',
    [
        ("${eq:GPU,'gpu'}", True),
        ('${eq:a,b}', False),
        ("${contains:cuda,'cuda:0'}", True),
        ('${contains:cuda,cpu}', False),
        ('${if:true,1,2}', 1),
        ("${if:'',1,2}", 2),
        ("${resolve_default:7,''}", 7),
        ('${resolve_default:7,8}', 8),
        ("${eval:'${.yes} + ${.no}'}", 1),
        ("${eval:'2 * (3 + 0.5)'}", 7.0),
        ("${eval:'not ${.no} and 3 > 2'}", True),
    ],
)
def test_resolver_answers_as_the_training_script_does(text, value):
    with registered():
        assert OmegaConf.create({'yes': True, 'no': False, 'it': text}).it == value


@pytest.mark.parametrize(
    'text',
    [
        '__import__("os").getcwd()',
        'open("x")',
        '"a" * 9',
        '[1]',
        'a',
        '2 ** 99999999',
        '(lambda: 1)()',
        '1 if 1 else 2',
        '().__class__',
        '1 / 0',
        '',
        '1 +',
        '1 < 2 < 3',
        '-' * 9000 + '1',
    ],
)
def test_what_is_not_arithmetic_is_not_evaluated(text):
    with pytest.raises(ValueError, match='is not arithmetic'):
        RESOLVERS['eval'](text)


def test_an_interpolation_that_leads_nowhere_costs_only_itself():
    plain, failed = resolve(OmegaConf.create({'a': {'b': '${nowhere}', 'c': 1}, 'd': ['${a.c}', '${a.b}'], 'e': '???'}))
    assert plain == {'a': {'c': 1}, 'd': [1]}
    assert set(failed) == {'a.b', 'd[1]', 'e'}
    assert all('\n' not in why for why in failed.values())


def test_resolvers_are_there_only_within_the_block():
    with registered():
        assert OmegaConf.has_resolver('eval')
    assert not OmegaConf.has_resolver('eval')
