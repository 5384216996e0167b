# SPDX-License-Identifier: Apache-2.0
"""Keeps freed memory in the process, for the next messages."""

import ctypes

# of glibc's mallopt
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# bytes; no version of glibc refuses that much
LARGEST = 32 << 20
KEPT = 128 << 20


def keep_memory() -> bool:
    """Have malloc keep freed memory, up to 128 MiB; return whether it does.

    By default glibc gives blocks of 128 kB and more back to the kernel and fetches them again, page by page:
    140 page faults for each camera image, half a millisecond during which no other thread has the interpreter.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST) and mallopt(_TRIM_THRESHOLD, KEPT))
