# SPDX-License-Identifier: Apache-2.0
"""The picture of an evaluation is drawn for whatever was played."""

import numpy as np
import pytest

pytest.importorskip('matplotlib')
from rl_policy_node.tools.evaluate.compare import Side
from rl_policy_node.tools.evaluate.picture import draw


def side(name, returns, lengths, success=None):
    count = len(returns)
    return Side(
        name,
        {
            'row': [0] * count,
            'index': list(range(count)),
            'return': list(returns),
            'length': list(lengths),
            'success': success or [None] * count,
        },
    )


RANDOM = np.random.default_rng(0)
PLAYED = {
    'one side': [side('two nodes', RANDOM.normal(size=40), RANDOM.integers(3, 9, 40), [1] * 40)],
    'no success': [side(name, RANDOM.normal(size=40), RANDOM.integers(1, 900, 40)) for name in 'ab'],
    'one episode': [side(name, [2.0], [7], [0]) for name in 'ab'],
    'all alike': [side(name, [200.0] * 9, [200] * 9) for name in 'ab'],
}


@pytest.mark.parametrize('played', PLAYED)
def test_whatever_was_played_is_drawn(tmp_path, played):
    from PIL import Image

    draw(tmp_path / 'picture.png', PLAYED[played], 'what came of it')
    with Image.open(tmp_path / 'picture.png') as picture:
        assert picture.size == (1560, 525)
        colours = {colour[:3] for _, colour in picture.convert('RGB').getcolors(1 << 20)}
    assert (47, 111, 159) in colours, 'the first side'
    assert ((217, 130, 43) in colours) == (len(PLAYED[played]) == 2), 'the second one, where there is one'
