# SPDX-License-Identifier: Apache-2.0
"""A log of the core for commands that print their own results."""

import logging


class SilentLog:
    """Sends the log to `logging`, which does not throttle."""

    _log = logging.getLogger(__name__)

    def info(self, text: str, **_: object) -> None:
        """Log a text."""
        self._log.info(text)

    def warning(self, text: str, **_: object) -> None:
        """Log a warning."""
        self._log.warning(text)

    def error(self, text: str, **_: object) -> None:
        """Log an error."""
        self._log.error(text)
