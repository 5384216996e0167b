# SPDX-License-Identifier: Apache-2.0
"""Sixteen robots at 100 Hz: one silent, one at 6 Hz, one that floods. What do they cost the thirteen others?

    python benchmarks/fleet.py --core
    python benchmarks/fleet.py --seconds 10

The sixteen are moved by one policy with trigger `observation`, twice: once the three behave so, once they do not speak
at all. The commands of the thirteen, keyed by the stamp of the observation that they answer, must be equal to the last
bit, and as many as there were observations, within 1 %. --core: a recurrent policy without ROS and without real time.
Otherwise a policy node and real robots' messages over DDS; there a feed-forward policy, since a message that a busy
machine loses must not change what comes after it. Ends with 1 where it is not so.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import heapq
from pathlib import Path
import sys
import tempfile
import threading
import time

import numpy as np

ROBOTS, SILENT, SLOW, FLOODING = 16, 3, 7, 11
OTHERS = tuple(row for row in range(ROBOTS) if row not in (SILENT, SLOW, FLOODING))
RATE, SLOWNESS, FLOOD = 100.0, 16, 20  # Hz; ticks between two messages of the slow one; messages in a tick
TICK = round(1e9 / RATE)  # ns
WARM = 100  # ticks in which everybody speaks
SETTLED = WARM + 300  # the first tick that counts: the slow one is held by then


def speakers(tick: int, odd: bool) -> Iterator[tuple[int, int]]:
    """Yield (robot, number of its message) of a tick."""
    for row in range(ROBOTS):
        if row in OTHERS or tick < WARM or odd and row == SLOW and tick % SLOWNESS == 0:
            yield row, 0
        elif odd and row == FLOODING:
            yield from ((row, number) for number in range(FLOOD))


def measured(row: int, tick: int, joints: int):
    """Return what a robot measures at a tick, (2, joints): positions and velocities."""
    return np.random.default_rng([row, tick]).uniform(-1.0, 1.0, (2, joints))


class Core:
    """The core alone, with a hand on its clock: messages come up to 2 ms after their tick, a step takes no time."""

    def __init__(self, folder: Path) -> None:
        from rl_policy_node.control.action_spec import action_spec
        from rl_policy_node.control.source_buffer import SourceBuffer
        from rl_policy_node.control.specs import control_spec, SourceSpec, term_spec
        from rl_policy_node.core import assemble, create_trigger
        from rl_policy_node.tools.bench.models import LSTM_JOINTS
        from rl_policy_node.tools.bench.probe import COMMANDED, JOINTS

        self.joints, spec = tuple(JOINTS), SourceSpec('joints', 'joint_states', '', max_age=0.5)
        terms = {
            name: term_spec(name, source='joints', field=name, joints=self.joints) for name in ('position', 'velocity')
        }
        arm = action_spec(
            'arm',
            'joint_position',
            'commands',
            '',
            source='joints',
            joints=tuple(COMMANDED),
            scale=(0.1,),
            max_velocity=(1.0,),
        )
        control = control_spec(
            tuple(f'robot_{row}' for row in range(ROBOTS)),
            RATE,
            'observation',
            1.0,
            {'joints': spec},
            terms,
            {'obs': tuple(terms)},
            (arm,),
            resume='automatic',
        )
        self.buffer = SourceBuffer(spec, {name: ((len(JOINTS),), np.float64) for name in terms}, ROBOTS)
        self.now, self.found = 0.0, {}
        self._trigger = create_trigger(control)
        policy = LSTM_JOINTS.load(folder, ROBOTS, 'eager', threads=1)
        self._cycle = assemble(control, policy, {'joints': self}, self._publish, self, self, trigger=self._trigger)

    def steady(self) -> float:
        return self.now

    def ros(self) -> int:
        return round(self.now * 1e9)

    def info(self, text: str, **_) -> None:
        """Say nothing: a Logger."""

    warning = error = info

    def play(self, ticks: int, odd: bool):
        """Return (robot, tick) → command."""
        random, cycle = np.random.default_rng(0), self._cycle
        late = random.uniform(0.0, 2e-3, (ticks, ROBOTS))  # s, the same with and without the three
        late[:, FLOODING] = 0.0  # its messages are closer together than that
        events = []
        for tick in range(1, ticks):
            for row, number in speakers(tick, odd):
                when = tick / RATE + late[tick, row] + number / FLOOD / RATE
                heapq.heappush(events, (when, row, tick, tick * TICK + number * TICK // FLOOD))
        started = False
        while events:
            when, row, tick, stamp = heapq.heappop(events)
            while self._trigger.alarm < when:
                self.now = self._trigger.alarm
                cycle.step()
            self.now = max(when, stamp * 1e-9)
            position, velocity = measured(row, tick, len(self.joints))
            cycle.inbox.write(
                'joints', slice(row, row + 1), {'position': position[None], 'velocity': velocity[None]}, stamp, self.now
            )
            if not started and np.isfinite(self.buffer.received).all():
                started = True
                cycle.start()
            if started and self._trigger.fires(cycle.inbox):
                cycle.step()
            elif not started:
                self._trigger.restart(self.now)
        return self.found

    def _publish(self, commands, stamps, rows) -> None:
        for row in OTHERS:
            tick, rest = divmod(int(stamps['arm'][row]), TICK)
            if rows[row] and not rest:
                self.found[row, tick] = commands['arm']['position'][row].copy()


def over_dds(folder: Path, ticks: int, odd: bool):
    """Return (robot, tick) → command of a policy node of its own."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.qos import QoSProfile
    from rclpy.serialization import deserialize_message
    from sensor_msgs.msg import JointState

    from rl_policy_node.tools.bench.models import MLP
    from rl_policy_node.tools.bench.probe import joint_parameters, JOINTS, policy_node, topics

    names, group = JOINTS[:18], 'odd' if odd else 'quiet'
    tree = joint_parameters(folder, MLP, group, RATE, ROBOTS, names)
    tree['sources']['joints']['max_age'] = 0.5
    rclpy.init()
    node, heard = rclpy.create_node(f'fleet_{group}'), [[] for _ in range(ROBOTS)]
    publishers = []
    for row in range(ROBOTS):
        place = topics(group, row, ROBOTS)
        publishers.append(node.create_publisher(JointState, place['observations'], 10))
        node.create_subscription(JointState, place['commands'], heard[row].append, QoSProfile(depth=100), raw=True)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    process = policy_node(folder, tree, group)
    prepared = {(row, tick): measured(row, tick, len(names)).tolist() for tick in range(ticks) for row in range(ROBOTS)}

    def say(row: int, tick: int, stamp: int) -> None:
        message = JointState(name=names, position=prepared[row, tick][0], velocity=prepared[row, tick][1])
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
        publishers[row].publish(message)

    try:
        began = time.monotonic()
        end, count = began + 90.0, 0
        while not all(heard):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f'the node never answered all robots:\n{process.tail()}')
            for row in range(ROBOTS):
                say(row, 0, time.time_ns())
            count += 1
            time.sleep(max(0.0, began + count / RATE - time.monotonic()))
        base, began = time.time_ns(), time.monotonic()
        for tick in range(ticks):
            time.sleep(max(0.0, began + tick / RATE - time.monotonic()))
            for row, number in speakers(tick, odd):
                say(row, tick, base + tick * TICK + number * TICK // FLOOD)
        time.sleep(0.5)
    finally:
        process.stop()
        executor.shutdown()
        thread.join(5.0)
        node.destroy_node()
        rclpy.try_shutdown()
    print('\n'.join(line for line in process.tail(1000).splitlines() if 'WARN' in line)[-1500:])
    found = {}
    for row in OTHERS:
        for payload in heard[row]:
            message = deserialize_message(bytes(payload), JointState)
            tick, rest = divmod(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec - base, TICK)
            if not rest and 0 <= tick < ticks:
                found[row, tick] = np.array(message.position)
    return found


def compare(wanted, found, ticks: int) -> bool:
    """Print how the commands of the thirteen differ; return whether they do not."""
    expected = (ticks - SETTLED) * len(OTHERS)
    shares = [len([key for key in each if key[1] >= SETTLED]) / expected for each in (wanted, found)]
    both = [key for key in wanted if key in found and key[1] >= SETTLED]
    different = sum(not np.array_equal(wanted[key], found[key]) for key in both)
    print(
        f'commands of the {len(OTHERS)} others, of {expected} observations: {shares[0]:.2%} without the three, '
        f'{shares[1]:.2%} with them\n{len(both)} are for the same stamp, {different} of them differ in any bit\n'
        f'rate {shares[0] * RATE:.2f} Hz without, {shares[1] * RATE:.2f} Hz with them'
    )
    return bool(both) and not different and abs(shares[1] - shares[0]) <= 0.01 and min(shares) >= 0.99


def main() -> None:
    """Play both runs and compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=10.0, help='that count')
    parser.add_argument('--core', action='store_true', help='without ROS and real time')
    options = parser.parse_args()
    ticks = SETTLED + round(options.seconds * RATE)
    with tempfile.TemporaryDirectory() as folder:
        if options.core:
            runs = [Core(Path(folder)).play(ticks, odd) for odd in (False, True)]
        else:
            from rl_policy_node.tools.process.processes import private_domain

            private_domain()
            runs = [over_dds(Path(folder), ticks, odd) for odd in (False, True)]
    sys.exit(0 if compare(*runs, ticks) else 1)


if __name__ == '__main__':
    main()
