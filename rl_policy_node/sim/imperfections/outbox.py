# SPDX-License-Identifier: Apache-2.0
"""A thread that sends every message when it is due."""

from collections.abc import Callable
import heapq
import itertools
import threading
import time
from typing import Any, TypeAlias

# a message of any type
Message: TypeAlias = Any
# takes a message and publishes it
Publish: TypeAlias = Callable[[Message], object]


class Outbox:
    """Delays messages: `put` adds one, and the outbox's own thread publishes it when it is due.

    Messages that are due at the same time are sent in the order in which they came. If publishing raises an error, the
    next `put` raises it again.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        # due time (s), number, publish function, message
        self._waiting: list[tuple[float, int, Publish, Message]] = []
        self._number = itertools.count()
        self._error: Exception | None = None
        self._open = True
        self._thread = threading.Thread(target=self._run, name='outbox', daemon=True)
        self._thread.start()

    def put(self, delay: float, publish: Publish, message: Message) -> None:
        """Call publish(message) in `delay` seconds."""
        with self._condition:
            if self._error is not None:
                raise self._error
            heapq.heappush(self._waiting, (time.monotonic() + delay, next(self._number), publish, message))
            self._condition.notify()

    def close(self) -> None:
        """End the thread; messages that are not due yet are never sent."""
        with self._condition:
            self._open = False
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                due = self._next()
                if due is None:
                    return
                publish, message = due
                publish(message)
        except Exception as error:  # noqa: BLE001 - put() raises it in the bridge's thread
            self._error = error

    def _next(self) -> tuple[Publish, Message] | None:
        """Wait for the next message that is due; None once closed."""
        with self._condition:
            while self._open:
                left = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    _, _, publish, message = heapq.heappop(self._waiting)
                    return publish, message
                self._condition.wait(left)
        return None
