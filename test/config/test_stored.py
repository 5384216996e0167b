# SPDX-License-Identifier: Apache-2.0
"""The parameter files that ship mean what they meant: parsed, they equal what is stored."""

import json

from config.stored import files, parsed, STORED
import pytest

EXPECTED = json.loads(STORED.read_text('utf-8'))


def test_every_file_is_stored():
    assert sorted(EXPECTED) == sorted(file.name for file in files())


@pytest.mark.parametrize('file', files(), ids=lambda file: file.name)
def test_a_file_means_what_it_meant(file):
    assert parsed(file) == EXPECTED[file.name]
