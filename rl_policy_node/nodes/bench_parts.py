"""Where the time of a step goes inside the node: its own parts, called one after the other and timed."""
import logging
import time

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message

from rl_policy_node.nodes.bench_probe import serialised, stamped
from rl_policy_node.nodes.rehearsal import read_file, Rehearsal

PARTS = ('decode', 'assemble and limit', 'policy', 'encode')
FIRST = 5       # rounds that warm up and do not count


def parts(params_file, messages, rounds):
    """Return part → median of its time in a step, µs. messages: source → description, as of `serialised`.

    decode: from the bytes that arrive to the buffers. policy: Policy.act, the copy in and out included.
    encode: from the commands to the bytes that leave. assemble and limit: the rest of a step.
    """
    rehearsal = _Timed(read_file(params_file))
    sent = {source: serialised(description) for source, description in messages.items()}
    for number in range(FIRST + rounds):
        rehearsal.round({source: variants[number % len(variants)] for source, variants in sent.items()})
    return {part: float(np.median(rehearsal.taken[part][FIRST:])) * 1e6 for part in PARTS}


class _Timed(Rehearsal):
    """Takes bytes and gives bytes; taken: part → s of each round."""

    def __init__(self, configuration):
        super().__init__(configuration, _Log())
        self.taken, self._act = {part: [] for part in PARTS}, self.policy.act
        self.policy.act = self._timed_act

    def round(self, messages):
        """Step once on one message of each source."""
        self._now += 0.01
        self._decode({source: stamped(message, self.clock()) for source, message in messages.items()})
        if not self.taken['policy']:
            self._stepper.start()
        began = time.perf_counter()
        self._stepper.step()
        whole = time.perf_counter() - began
        self.taken['assemble and limit'].append(whole - self.taken['policy'][-1] - self.taken['encode'][-1])

    def _decode(self, messages):
        began = time.perf_counter()
        for name, message in messages.items():
            source = self.sources[name]
            given = message if source.raw else deserialize_message(message, source.adapter.message_type)
            source.take(0, given, self._now)
        self.taken['decode'].append(time.perf_counter() - began)

    def _timed_act(self, *arguments, **options):
        began = time.perf_counter()
        actions = self._act(*arguments, **options)
        self.taken['policy'].append(time.perf_counter() - began)
        return actions

    def _publish(self, commands, stamps, only):
        began = time.perf_counter()
        super()._publish(commands, stamps, only)
        for message in self.messages.values():
            serialize_message(message)
        self.taken['encode'].append(time.perf_counter() - began)


class _Log:
    """Raises what a node would only warn of: a step that holds is none to be timed."""

    def info(self, text, **_):
        logging.getLogger(__name__).info(text)

    def warning(self, text, **_):
        raise RuntimeError(text)

    error = warning
