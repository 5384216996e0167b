# SPDX-License-Identifier: Apache-2.0
"""What a step takes in one process: all that two nodes do between policy and environment, but the way between them."""

import logging
import time

import numpy as np
from rich.progress import track

from rl_policy_node.core import assemble, create_trigger
from rl_policy_node.core.assemble import build_managers
from rl_policy_node.core.mirror import Mirror
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.diagnostics import TimedPolicy
from rl_policy_node.nodes.policy.loading import completed, load_policy
from rl_policy_node.nodes.simulator.hosting import open_environment
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.policy import set_threads

STEPS, FIRST = 60, 10  # steps that are measured, and those before them that are not


class _Log:
    def info(self, text, **_):
        logging.getLogger(__name__).info(text)

    warning = error = info


class _Clock:
    def steady(self):
        return time.monotonic()

    def ros(self):
        return 0


class Stopwatch:
    """Seconds spent under each name."""

    def __init__(self):
        self.seconds, self._last = {}, time.perf_counter()

    def start(self):
        """Begin to count."""
        self._last = time.perf_counter()

    def lap(self, name):
        """Count the time since the last lap under a name."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now

    def median_ms(self, laps):
        """Return name → median of several stopwatches, ms."""
        return {name: float(np.median([lap.seconds[name] for lap in laps])) * 1e3 for name in self.seconds}


class Halves:
    """Bridge and policy node in one process, their messages handed over by hand."""

    def __init__(self, made):
        self.policy, self.environment = load_policy(made), open_environment(made)
        self.control = completed(made.control, self.policy.facts, lambda text: None)
        shapes = self.policy.spaces.inputs
        self._shown, self._seen = (
            {name: Source(spec, self.control, shapes) for name, spec in self.control.sources.items()} for _ in range(2)
        )
        self._sinks = {action.name: Sink(action, self.control) for action in self.control.actions}
        self._received = {name: sink.buffer(self.control.rows) for name, sink in self._sinks.items()}
        self._mirror = Mirror(
            build_managers(self.control, self._shown, shapes, self.environment.actions, self.environment.num_actions)
        )
        self._timed = TimedPolicy(self.policy)
        self._cycle = assemble(
            self.control, self._timed, self._seen, self._publish, _Clock(), _Log(), trigger=create_trigger(self.control)
        )
        self._began = False

    def _publish(self, commands, stamps, rows):
        self._sent = commands, stamps, rows

    def step(self, observations, watch):
        """Make one step, each part of it under its own name; return what is then observed."""
        everyone = slice(0, self.control.rows)
        watch.start()
        self._mirror.measure(observations)
        watch.lap('maths')
        messages = {name: source.message(source.buffer.values, everyone, 0) for name, source in self._shown.items()}
        watch.lap('encode')
        for name, message in messages.items():
            self._cycle.inbox.write(name, everyone, *self._seen[name].read(everyone, message), time.monotonic())
        watch.lap('decode')
        self._act(watch)
        commands, stamps, rows = self._sent
        messages = {
            name: next(sink.messages(commands[name], stamps[name], rows))[1] for name, sink in self._sinks.items()
        }
        watch.lap('encode')
        for name, message in messages.items():
            self._received[name].write(everyone, self._sinks[name].read(0, message), 0, time.monotonic())
        watch.lap('decode')
        actions = self._mirror.actions({name: buffer.values for name, buffer in self._received.items()})
        watch.lap('maths')
        observations, _, dones, _ = self.environment.step(actions)
        watch.start()
        if dones.any():
            self._cycle.inbox.request_reset(dones)
        return observations

    def _act(self, watch):
        if not self._began:
            self._began = True
            self._cycle.start()
        self._cycle.step()
        watch.lap('maths')
        watch.seconds['maths'] -= self._timed.seconds[-1]


def measure(tree, console):
    """Return (part → ms, ms of a step of policy and environment alone), medians."""
    made = configuration(_flat(tree))
    set_threads(made.policy.threads)
    halves, watches = Halves(made), []
    observations = halves.environment.reset()
    for _ in track(range(STEPS), 'parts in one process', console=console):
        watches.append(Stopwatch())
        observations = halves.step(observations, watches[-1])
    return watches[0].median_ms(watches[FIRST:]), _alone(halves)


def _alone(halves):
    """Return the median of a step without ROS and without the package between policy and environment, ms."""
    policy, environment, times = halves.policy, halves.environment, []
    observations = environment.reset()
    for _ in range(STEPS):
        start = time.perf_counter()
        actions = policy.act(observations if policy.spaces.is_dict else observations['obs'])
        observations, _, dones, _ = environment.step(actions)
        if dones.any():
            policy.reset(dones)
        times.append(time.perf_counter() - start)
    return float(np.median(times[FIRST:])) * 1e3


def _flat(tree, prefix=''):
    leaves = {}
    for name, value in tree.items():
        leaves.update(_flat(value, f'{prefix}{name}.') if isinstance(value, dict) else {prefix + name: value})
    return leaves
