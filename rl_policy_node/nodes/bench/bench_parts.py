# SPDX-License-Identifier: Apache-2.0
"""Measures the time of a step inside the node: times its parts, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
import logging
import time
from typing import Any

import numpy as np
from rclpy.serialization import serialize_message

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.nodes.bench.bench_probe import Json, serialised, stamped
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.dry_run import DryRun, read_file

PARTS = ('decode', 'assemble and limit', 'policy', 'encode')
FIRST = 5  # rounds that warm up and do not count


def parts(params_file: str, messages: Mapping[str, Json], rounds: int) -> dict[str, float]:
    """Return part → median of its time in a step, µs. messages: source → description, as of `serialised`.

    decode: from received bytes to the buffers. policy: Policy.act, with its copies in and out.
    encode: from the commands to the bytes to send. assemble and limit: the rest of a step.
    """
    timed = _Timed(read_file(params_file))
    sent = {source: serialised(description) for source, description in messages.items()}
    for number in range(FIRST + rounds):
        timed.round({source: variants[number % len(variants)] for source, variants in sent.items()})
    return {part: float(np.median(timed.taken[part][FIRST:])) * 1e6 for part in PARTS}


class _Timed(DryRun):
    """A DryRun on serialized messages. taken: part → s of each round."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration, _Log())
        self.taken: dict[str, list[float]] = {part: [] for part in PARTS}
        self._act = self.policy.act
        setattr(self.policy, 'act', self._timed_act)  # noqa: B010 - a method of this one policy

    def round(self, messages: Mapping[str, bytes]) -> None:
        """Step once on one message of each source."""
        self.clock.now += 0.01
        arrived = {(source, 0): stamped(message, self.clock.ros()) for source, message in messages.items()}
        began = time.perf_counter()
        self.feed(arrived)
        self.taken['decode'].append(time.perf_counter() - began)
        if not self.taken['policy']:
            self.cycle.start()
        began = time.perf_counter()
        self.cycle.step()
        whole = time.perf_counter() - began
        self.taken['assemble and limit'].append(whole - self.taken['policy'][-1] - self.taken['encode'][-1])

    def _timed_act(self, *arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        actions = self._act(*arguments, **options)
        self.taken['policy'].append(time.perf_counter() - began)
        return actions

    def publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        """Encode the messages that the node would send."""
        began = time.perf_counter()
        super().publish(commands, stamps, rows)
        for message in self.messages.values():
            serialize_message(message)
        self.taken['encode'].append(time.perf_counter() - began)


class _Log:
    """Raises each warning of the node as an error: a step on the fallback must not be timed."""

    def info(self, text: str, *, throttle_duration_sec: float = 0.0) -> None:
        logging.getLogger(__name__).info(text)

    def warning(self, text: str, *, throttle_duration_sec: float = 0.0) -> None:
        raise RuntimeError(text)

    error = warning
