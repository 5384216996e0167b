# SPDX-License-Identifier: Apache-2.0
"""YAML files as plain data: libyaml and Python's parser read the same, and what is wrong is said in one way."""

from pathlib import Path

from policy.golden_set import SET
import pytest
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.run.yaml_file import read_yaml

REPOSITORY = Path(__file__).parents[2]
FILES = [path for room in ('config', 'test/policy', 'rl_policy_node') for path in (REPOSITORY / room).rglob('*.yaml')]
VALUES = """
numbers: [5e-4, 1_000, 0x10, 1:30, .5, .inf, 010, 1.0e+3]
words: [yes, no, null, ~, '5e-4', 2001-12-14, a:b]
tuple: !!python/tuple [1, 2]
slice: !!python/object/apply:builtins.slice [0, 3, null]
class: !!python/name:package.module.Class ''
task: ${resolve_default:Ant,${..name}}
twice: 1
twice: 2
base: &base {a: 1, b: [2]}
more: {<<: *base, a: 3}
"""


def by_python(path):
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr(yaml, 'CSafeLoader')
        return read_yaml(path, 'file')


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / 'file.yaml'
        path.write_text(text)
        return path

    return write


def test_both_parsers_read_the_same_values(write):
    path = write(VALUES)
    came = read_yaml(path, 'file')
    assert repr(came) == repr(by_python(path))  # the types, too
    assert came['numbers'][:2] == [0.0005, 1000]
    assert came['words'][5] == '2001-12-14'
    assert came['tuple'] == [1, 2]
    assert came['class'] == 'package.module.Class'
    assert came['twice'] == 2
    assert came['more'] == {'a': 3, 'b': [2]}


@pytest.mark.parametrize('path', FILES, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_both_parsers_read_the_same_files(path):
    assert repr(read_yaml(path, 'file')) == repr(by_python(path))


@pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')
def test_both_parsers_read_the_same_published_files():
    paths = sorted(SET.rglob('*.yaml'))[::4]
    assert len(paths) > 50
    for path in paths:
        assert repr(read_yaml(path, 'file')) == repr(by_python(path)), path


@pytest.mark.parametrize('text', ['a: [1, 2', 'a: b: c', '\ta: 1', 'a: "b', 'a: *b', '[1]', '', 'a: 2001-13-99'])
def test_what_is_wrong_is_said_in_the_same_words(write, text):
    path = write(text)
    said = []
    for read in (lambda path: read_yaml(path, 'file'), by_python):
        try:
            said.append(read(path))
        except ConfigurationError as error:
            said.append(str(error))
    assert said[0] == said[1]


def test_deep_nesting_is_refused_at_once(write):
    """libyaml would take 22 GB for it."""
    with pytest.raises(ConfigurationError, match='not a YAML file'):
        read_yaml(write('a: ' + '[' * 200_000), 'file')
