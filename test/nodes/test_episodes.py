# SPDX-License-Identifier: Apache-2.0
"""Episodes are counted row by row and written down one by one."""

import json

import numpy as np

from rl_policy_node.nodes.simulator.episodes import COLUMNS, Episodes, write_summary


def played(successes=(True, False)):
    """Two rows of one reward a step: row 1 ends after two steps, both after four."""
    episodes = Episodes(2)
    for step in range(4):
        dones = np.array([step == 3, step % 2 == 1])
        episodes.add(np.array([1.0, 0.1], dtype=np.float32), dones, successes and np.array(successes))
    return episodes


def test_columns_are_in_the_order_of_step_and_row():
    tenth = float(np.float32(0.1))
    assert played().columns() == {
        'row': [1, 0, 1],
        'index': [0, 0, 1],
        'return': [2 * tenth, 4.0, 2 * tenth],
        'length': [2, 4, 2],
        'success': [0, 1, 0],
    }
    assert played().columns(2)['row'] == [1, 0]
    assert played(successes=None).columns()['success'] == [None, None, None]
    assert Episodes(2).columns() == {name: [] for name in COLUMNS}


def test_a_summary_has_a_line_for_each_entry_and_null_for_what_is_no_number(tmp_path):
    write_summary(tmp_path / 'in' / 'summary.json', {'rate': float('nan'), 'played': played().columns(), 'n': 3})
    text = (tmp_path / 'in' / 'summary.json').read_text()
    assert text.count('\n') == 5
    assert json.loads(text) == {'rate': None, 'played': played().columns(), 'n': 3}
