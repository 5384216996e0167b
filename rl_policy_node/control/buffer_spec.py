# SPDX-License-Identifier: Apache-2.0
"""The options of a source that its buffer needs."""

from typing import Protocol


class BufferSpec(Protocol):
    """The options of a source that its buffer needs; see SourceSpec."""

    @property
    def topic(self) -> str: ...

    @property
    def max_age(self) -> float: ...

    @property
    def use_header_stamp(self) -> bool: ...

    @property
    def frozen_after(self) -> float | None: ...

    @property
    def future_tolerance(self) -> float | None: ...

    @property
    def rows(self) -> bool: ...

    @property
    def stale(self) -> str: ...
