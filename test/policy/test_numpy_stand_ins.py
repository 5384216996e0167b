# SPDX-License-Identifier: Apache-2.0
"""Numpy's values in files are data, whichever numpy wrote them, and numpy makes none of them."""

import numpy as np
from policy.checkpoints import change_pickle, MODEL, refusal, save
import pytest

from rl_policy_node.policy.checkpoint.checkpoint import load_checkpoint
from rl_policy_node.policy.checkpoint.checkpoint_file import read_file

SCALARS = [
    np.float16(1.5),
    np.float32(1.5),
    np.float64(-2.5),
    np.int8(-3),
    np.int64(3),
    np.uint16(9),
    np.bool_(True),
    np.complex64(1 + 2j),
    np.str_('abc'),
    np.dtype('>f4').type(2.5),
]
ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.zeros((0, 3), np.float32),
    np.array([True, False]),
    np.array(['a', 'bc']),
    np.array([1.5, 2.5], '>f8'),
    np.array(4, np.int16),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'policy.pth'


def written_under(path, module):
    """Name numpy's module as another numpy does."""

    def rename(content):
        assert b'core.multiarray\n' in content
        return content.replace(b'numpy._core.multiarray', b'numpy.core.multiarray').replace(
            b'numpy.core.multiarray', module
        )

    change_pickle(path, rename)


@pytest.mark.parametrize('scalar', SCALARS, ids=lambda scalar: type(scalar).__name__)
@pytest.mark.parametrize('module', [b'numpy._core.multiarray', b'numpy.core.multiarray'])
def test_scalar_is_the_number_it_was(path, scalar, module):
    save(path, env_state=[scalar, scalar])
    written_under(path, module)
    content = read_file(path)[0]
    assert content['env_state'] == [scalar, scalar]
    assert not isinstance(content['env_state'][0], np.generic)
    assert list(load_checkpoint(path).model) == list(MODEL)


@pytest.mark.parametrize('array', ARRAYS, ids=lambda array: f'{array.dtype}-{array.ndim}')
@pytest.mark.parametrize('module', [b'numpy._core.multiarray', b'numpy.core.multiarray'])
def test_array_is_the_array_it_was(path, array, module):
    save(path, env_state={'a': array})
    written_under(path, module)
    found = read_file(path)[0]['env_state']['a'].value
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    'value',
    [np.array([{}]), np.zeros(2, [('a', int)]), np.datetime64('2020-01-01'), np.zeros(2, 'V8')],
    ids=['objects', 'records', 'date', 'void'],
)
def test_what_is_more_than_numbers_is_refused(path, value):
    assert 'does not hold plain numbers' in refusal(save(path, env_state=value))


class Call:
    """Asks for a function to be called, and for a state to be given to what it returns."""

    def __init__(self, function, arguments, *state):
        self.asked = function, arguments, *state

    def __reduce__(self):
        return self.asked


def state(array, *changed):
    """Return something that rebuilds an array from a state that was tampered with."""
    return Call(*array.__reduce__()[:2], changed)


PLAIN = np.dtype('f8')
TAMPERED = {
    'size': state(np.ones(2), 1, (1000,), PLAIN, False, b'1234'),
    'list': state(np.ones(2), 1, (2,), PLAIN, False, []),
    'name': state(np.ones(2), 1, (2,), 'f8', False, bytes(16)),
    'bytes': Call(bytes, (10**9,)),
    'short': state(np.ones(2), 1),
    'dtype': Call(np.dtype, ('nonsense',)),
    'fields': Call(np.dtype, ([('a', 'f4')],)),
    'kind': Call(np.ones(2).__reduce__()[0], (dict,)),
}


@pytest.mark.parametrize('name', TAMPERED)
def test_tampered_arrays_are_refused(path, name):
    save(path, env_state=TAMPERED[name])
    refusal(path)
