# SPDX-License-Identifier: Apache-2.0
"""Fuzzed messages on everything that live policy nodes listen to."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
import contextlib
from pathlib import Path
import random
import time
from typing import Any

from chaos_bytes import KINDS, mutated
from chaos_rig import Bench, parameters, POSITION, SLACK, SOURCES, VELOCITY, write_run
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.serialization import serialize_message
from rich.progress import Progress

# share of the messages on what stops a robot, or holds it; on the rest they are shared out evenly
RARE = {'policy_node/estop': 0.004, 'episode': 0.05, 'enable': 0.03}
# messages come in bursts on some of the topics, after a while in which the robot can act
MOST_AT_ONCE, MOST_TOPICS, CALM = 400, 4, 0.4
KEPT = 20  # messages that are told where a node dies


class Victim:
    """A robot whose node is fuzzed.

    statuses: what its node says of itself last, key → value. resumed, activated: how often it had to be.
    """

    def __init__(self, bench: Bench, name: str, folder: Path, trigger: str, joy: bool) -> None:
        self.robot, self._bench = bench.robot(name, list(SOURCES), joy), bench
        enable = {'topic': 'enable', 'type': 'sensor_msgs/msg/Joy' if joy else 'std_msgs/msg/Bool'}
        tree = parameters(folder, list(SOURCES), POSITION, trigger=trigger, enable=enable, episode_topic='episode')
        self.process = self.robot.start(tree)
        self.status, self.state = dict[str, str](), ''
        self.resumed = self.activated = 0
        self.last = deque[bytes](maxlen=KEPT)
        self._last: dict[str, bytes] = {}
        self._pending: Any = None
        bench.node.create_subscription(DiagnosticArray, f'/{name}/policy_node/status', self._on_status, 10)

    def _on_status(self, array: DiagnosticArray) -> None:
        self.state, self.status = array.status[0].message, {each.key: each.value for each in array.status[0].values}

    def refused(self) -> dict[str, str]:
        """Return topic → how many messages the node refused, and why the last one."""
        return {
            key.removeprefix('rejected from '): value
            for key, value in self.status.items()
            if key.startswith('rejected from ')
        }

    def fuzz(self, chance: random.Random, topics: Sequence[str]) -> tuple[str, str]:
        """Publish one mutation; return the type of the message and the kind of mutation."""
        rare = chance.random()
        topic = chance.choice(topics)
        for name, share in RARE.items():
            rare -= share
            if rare < 0:
                topic = name
                break
        publisher, message_type = self.robot.topics[topic]
        kind = chance.choice(KINDS)
        if kind == 'duplicate' and topic in self._last:
            payload = self._last[topic]
        else:
            payload = mutated(chance, kind, serialize_message(self.robot.sound(topic)), message_type)
        self._last[topic] = payload
        self.last.append(payload)
        with contextlib.suppress(RuntimeError):  # the publisher's own middleware may refuse it
            publisher.publish(payload)
        return message_type.__name__, kind

    def keep_going(self) -> None:
        """Ask the node to go on, or activate it again where it stopped for good."""
        if self.state.startswith('inactive'):
            self.activated += 1
            request = ChangeState.Request()
            request.transition.id = Transition.TRANSITION_ACTIVATE
            self._bench.call(ChangeState, f'/{self.robot.name}/policy_node/change_state', request)
        else:
            self.resumed += 1
            self._bench.resume(self.robot)


def run(options: Any, folder: Path, progress: Progress) -> dict[str, Any]:
    """Fuzz two nodes with `number` messages; return what was seen."""
    chance, sent, kinds = random.Random(options.seed), Counter[str](), Counter[str]()
    write_run(folder, list(SOURCES))
    with Bench(folder) as bench:
        victims = [
            Victim(bench, 'first', folder, 'timer', joy=False),
            Victim(bench, 'second', folder, 'observation', joy=True),
        ]
        for victim in victims:
            if not bench.acts(victim.robot):
                raise SystemExit(f'{victim.robot.name} does not act:\n{victim.process.tail()}')
        task = progress.add_task('messages', total=options.number)
        began = time.monotonic()
        while sum(sent.values()) < options.number:
            for victim in victims:
                if victim.process.poll() is None:
                    victim.keep_going()
            bench.live(CALM)
            burst = min(chance.randint(1, MOST_AT_ONCE), options.number - sum(sent.values()))
            topics = chance.sample(list(SOURCES), chance.randint(1, MOST_TOPICS))
            start = time.monotonic()
            for index in range(burst):
                kind, mutation = chance.choice(victims).fuzz(chance, topics)
                sent[kind] += 1
                kinds[mutation] += 1
                bench.live_once(0.0)
                while time.monotonic() < start + (index + 1) / options.rate:
                    bench.live_once(0.0005)
            progress.update(task, completed=sum(sent.values()))
        return {
            'messages': sum(sent.values()),
            'types': dict(sent),
            'mutations': dict(kinds),
            'seconds': round(time.monotonic() - began, 1),
            'slack': f'{VELOCITY * SLACK:g} rad: {SLACK:g} s at the velocity limit',
            'nodes': {victim.robot.name: _ending(victim, bench) for victim in victims},
        }


def _ending(victim: Victim, bench: Bench) -> dict[str, Any]:
    """Return how a node came out of it: whether it lives, and acts once it may."""
    robot = victim.robot
    bench.live(2.0)
    died = victim.process.poll()
    acting = False
    for _ in range(5):
        if died is None and not acting:
            victim.keep_going()
            acting = bench.acts(robot, 5.0)
    log = Path(victim.process.log).read_text(errors='replace')
    return {
        'exit_code': died,
        'acts_at_the_end': acting,
        **robot.watch.figures(),
        'resumed': victim.resumed,
        'activated_again': victim.activated,
        'refused': victim.refused(),
        'state': victim.state,
        'tracebacks': log.count('Traceback'),
        'log_lines': log.count('\n'),
        'broken': died is not None or not acting or robot.watch.broken or 'Traceback' in log,
        'log_end': victim.process.tail(5) if died is not None or not acting or 'Traceback' in log else '',
        'last_messages': [payload.hex() for payload in victim.last] if died is not None else [],
    }


def broken(found: dict[str, Any]) -> bool:
    """Whether a node died, does not act any more, or sent what it must not."""
    return any(node['broken'] for node in found['nodes'].values())
