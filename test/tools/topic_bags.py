# SPDX-License-Identifier: Apache-2.0
"""Bags of topics as others record them, in memory."""

from typing import NamedTuple

from nodes.replay_bench import Recorded

from rl_policy_node.core.recording import Command, Message

TOPICS = {'joints': 'joint_states', 'wrench': 'wrench'}


class Recording(NamedTuple):
    """A message in a bag."""

    topic: str
    log_time: int
    payload: bytes


class TopicBag:
    """The topics of a run, as `ros2 bag record` would have them."""

    def __init__(self, bench, namespace=''):
        self.kept, stepped = [], {step.sending: step.frame for step in bench.journal.steps}
        for event in bench.journal.events:
            if isinstance(event, Message):
                topic = f'{namespace}/{bench.robots[event.start]}/{TOPICS[event.source]}'
                self.kept.append(Recording(topic, event.ros, event.payload))
            if isinstance(event, Command) and event.sending in stepped:
                topic = f'{namespace}/{bench.robots[event.topic]}/commands'
                self.kept.append(Recording(topic, stepped[event.sending].ros + 10**6, event.payload))

    def messages(self):
        return iter(self.kept)


def live(run, steps, **changes):
    """Return a bench that lived; its first step follows the activation at once, as in a control loop."""
    bench = Recorded(run, lockstep_timeout=10.0, **changes).begin()
    bench.step()
    return bench.live(steps)
