# SPDX-License-Identifier: Apache-2.0
"""What the tests of backends share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Compute by one thread: networks this small only lose time by waiting for one another's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
