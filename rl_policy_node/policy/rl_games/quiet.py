# SPDX-License-Identifier: Apache-2.0
"""Send what rl_games prints to the log."""

from collections.abc import Iterator
import contextlib
import io
import logging

_log = logging.getLogger(__name__)


class _LogWriter(io.TextIOBase):
    def write(self, text: str) -> int:
        if text.strip():
            _log.debug(text.rstrip())
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what Python code prints within the block to the debug log instead of stdout."""
    with contextlib.redirect_stdout(_LogWriter()):
        yield
