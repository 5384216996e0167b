# SPDX-License-Identifier: Apache-2.0
"""The log of the node's parts where no node is."""

import logging


class PlainLog:
    """Sends the log of the node's parts to `logging`, which does not throttle."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def info(self, text: str, **_: object) -> None:
        """Log what happened."""
        self._log.info(text)

    def warning(self, text: str, **_: object) -> None:
        """Log what may be wrong."""
        self._log.warning(text)

    def error(self, text: str, **_: object) -> None:
        """Log what is wrong."""
        self._log.error(text)
