# SPDX-License-Identifier: Apache-2.0
"""Where the core of a node logs to when a tool runs it."""

import logging


class ToLogging:
    """A core Logger that sends to `logging`, which does not throttle."""

    _log = logging.getLogger(__name__)

    def info(self, text: str, **_: object) -> None:
        """Log a line."""
        self._log.info(text)

    def warning(self, text: str, **_: object) -> None:
        """Log a warning."""
        self._log.warning(text)

    def error(self, text: str, **_: object) -> None:
        """Log an error."""
        self._log.error(text)
