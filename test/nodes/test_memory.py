# SPDX-License-Identifier: Apache-2.0
"""Memory that is freed and taken again costs no page faults once the process keeps it."""

import ctypes
import subprocess
import sys

import pytest

FAULTS = """
import resource
from rl_policy_node.nodes.process.memory import keep_memory
if {kept}:
    assert keep_memory()

def faults(count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        one, other = bytearray(900_000), bytearray(900_000)
        del one, other
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(3)
print(faults(100))
"""


def faults(kept):
    """Return the page faults of a fresh process that takes and frees two large blocks a hundred times."""
    program = FAULTS.format(kept=kept)
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'gnu_get_libc_version'), reason='mallopt is of glibc')
def test_large_blocks_are_not_fetched_from_the_kernel_again_and_again():
    assert faults(kept=True) < 100 <= faults(kept=False)
