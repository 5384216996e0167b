# SPDX-License-Identifier: Apache-2.0
"""docs/reference/safety.md: each row names a test that exists."""

from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / 'docs' / 'reference' / 'safety.md').read_text('utf-8')
ROWS = [
    line
    for line in TEXT.splitlines()
    if line.startswith('| ') and line.count(' | ') == 3 and not line.startswith('| event')
]


@pytest.mark.parametrize('row', ROWS, ids=range(len(ROWS)))
def test_each_row_names_a_test_that_exists(row):
    ((name, path),) = re.findall(r'\[([^]]+)\]\(\.\./\.\./(test/[^)]+)\)', row.rsplit(' | ', 1)[1])
    file = ROOT / path
    assert file.is_file()
    if name.startswith('test_'):
        assert re.search(rf'^def {name}\(', file.read_text('utf-8'), re.MULTILINE)


def test_no_row_got_lost():
    assert len(ROWS) > 45
