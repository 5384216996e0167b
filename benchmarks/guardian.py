# SPDX-License-Identifier: Apache-2.0
"""How soon the guardian speaks when the node cannot, and whether a second voice is ever heard.

    python benchmarks/guardian.py --count 50 --output guardian.json

A three-joint arm under velocity commands, through DDS, with every process on this machine. For each of

    kill        SIGKILL of the node
    stop        SIGSTOP of the node for two seconds, then SIGCONT
    interpreter a term of the policy calls into C for two seconds and keeps the interpreter
    stderr      nobody reads the node's standard error any more, and its log fills the pipe (without the process that
                drains it, `nodes.console`: with it nothing freezes)
    subscriber  SIGSTOP of one reliable subscriber of the commands; then SIGKILL of the node

it prints the time from the event to the first zero on the command topic, p50, p99 and the greatest, against what is
promised: guardian_timeout + two periods + 50 ms; and how often a command that was not zero came after that. Ends with 1
where a promise is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import threading
import time

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / 'test')]

from loopback import stay_on_loopback  # noqa: E402 - found by the line above
from nodes.guarded import VELOCITY  # noqa: E402
from nodes.harness import Arm, parameters, tiny_run  # noqa: E402
import numpy as np  # noqa: E402
from nursery import Child, ENTRY, Nursery  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402
from sensor_msgs.msg import JointState  # noqa: E402

PERIOD, TIMEOUT, MARGIN = 0.02, 0.1, 0.05  # s
HELD = 2.0  # s that a node is stopped, or its interpreter held
HEARD_OUT = 1.0  # s in which a second voice would be heard after it has woken
EVENTS = ('kill', 'stop', 'interpreter', 'stderr', 'subscriber')
TERM = """
import ctypes
from pathlib import Path
import time

ASKED = Path(__file__).with_name('asked')


def force(arrays, context):
    if ASKED.exists():
        ASKED.unlink()
        Path(__file__).with_name('began').write_text(repr(time.monotonic()))
        ctypes.PyDLL(None).usleep({microseconds})       # PyDLL: it keeps the interpreter
    return arrays['wrench.force']
"""
LISTENER = """
import time
import rclpy
from sensor_msgs.msg import JointState
rclpy.init()
node = rclpy.create_node('listener')
heard = []
node.create_subscription(JointState, 'velocities', heard.append, 1)
while True:
    rclpy.spin_once(node, timeout_sec=1.0)
    if heard:
        print('heard', flush=True)
        heard = []
"""


class Trial:
    """One node, one event, and what was heard of it. A thread speaks and listens, so that nothing waits for it."""

    def __init__(self, arm: Arm, run: Path, folder: Path) -> None:
        self._arm, self._run, self._folder = arm, run, folder
        self.heard: list[tuple[float, bool]] = []  # (when, whether anything moved)
        arm.node.create_subscription(JointState, 'velocities', self._on, QoSProfile(depth=50))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self._thread.join()

    def until(self, condition, seconds: float = 40.0) -> bool:
        """Return whether a condition comes true in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.001)
        return True

    def first_zero(self, event: float) -> float:
        """Return how long (s) after an event the first zero came; infinite where none did."""
        self.until(lambda: any(at > event and not moves for at, moves in self.heard), 2.0)
        return min((at - event for at, moves in self.heard if at > event and not moves), default=float('inf'))

    def second_voices(self, since: float) -> int:
        """Return how many commands moved something after a moment."""
        return sum(moves for at, moves in self.heard if at > since)

    def _on(self, message: JointState) -> None:
        self.heard.append((time.monotonic(), any(message.velocity)))

    def _live(self) -> None:
        while not self._over.is_set():
            self._arm.live(0.02)


def tree(run: Path) -> dict:
    """Return parameters of an arm under velocity commands, whose term `force` can be told to hold the interpreter."""
    changes = {
        'guardian': True,
        'terms.force': {'kind': 'function', 'function': 'holding:force', 'source': 'wrench', 'field': 'force'},
        **VELOCITY,
    }
    return parameters(run, **changes)


def end_with_parent() -> None:
    """Leave no node behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start(nursery: Nursery, folder: Path, run: Path, bare: bool) -> subprocess.Popen | Child:
    """Start a node that acts by itself, where it can by a fork. bare: without the process that drains its log."""
    file = folder / 'node.yaml'
    file.write_text(json.dumps({'/**': {'ros__parameters': tree(run)}}))
    os.environ['PYTHONPATH'] = os.pathsep.join([str(REPOSITORY), str(folder)])
    arguments = ['--ros-args', '--params-file', str(file)]
    if bare:
        code = 'from rl_policy_node.nodes.policy.policy_node import main; main()'
        return subprocess.Popen(
            [sys.executable, '-c', code, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    with open(folder / 'node.log', 'w') as log:
        return nursery.spawn([sys.executable, *ENTRY, 'policy_node', *arguments], log, log, start_new_session=True)


def fill(node: subprocess.Popen) -> None:
    """Fill a pipe that nobody reads from now on, through another descriptor of the same pipe; the next line blocks."""
    end = os.open(f'/proc/{node.pid}/fd/2', os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(end, b'.' * 512)
    except BlockingIOError:
        pass
    finally:
        os.close(end)


def refused(arm: Arm) -> None:
    """Have the node log a line: publish something that its source refuses."""
    arm.names = ['shoulder', 'shoulder', 'wrist']


def trials_of(
    nursery: Nursery, event: str, count: int, run: Path, random: np.random.Generator
) -> list[dict[str, float]]:
    """Return what came of each trial; a node that was fenced before, on a machine that is too busy, is not one."""
    done: list[dict[str, float]] = []
    for _ in range(3 * count):
        made = trial(nursery, event, run, random)
        if made is None:
            print(f'{event}: a node did not act, or was fenced before; once more', file=sys.stderr, flush=True)
        else:
            done.append(made)
        if len(done) == count:
            return done
    raise RuntimeError(f'{event}: nodes do not act')


def trial(nursery: Nursery, event: str, run: Path, random: np.random.Generator) -> dict[str, float] | None:
    """Return 'seconds' to the first zero, and how many 'second' voices came, of one event; None where nothing acts."""
    with tempfile.TemporaryDirectory() as name, Arm(name) as arm:
        folder = Path(name)
        (folder / 'holding.py').write_text(TERM.format(microseconds=int(HELD * 1e6)))
        listener = (
            subprocess.Popen([sys.executable, '-c', LISTENER], stdout=subprocess.PIPE, preexec_fn=end_with_parent)
            if event == 'subscriber'
            else None
        )
        node, heard = start(nursery, folder, run, event == 'stderr'), Trial(arm, run, folder)
        try:
            if not heard.until(lambda: len(heard.heard) > 25):
                return None
            if listener is not None:
                listener.stdout.readline()
            time.sleep(0.3 + random.uniform(0, 5 * PERIOD))
            last, moves = heard.heard[-1]
            if not moves or time.monotonic() - last > TIMEOUT / 2:
                return None
            at = provoke(event, node, heard, folder, arm, listener)
            if at is None:
                return None
            seconds = heard.first_zero(at)
            if event == 'stop':
                time.sleep(max(at + HELD - time.monotonic(), 0.0))
                node.send_signal(signal.SIGCONT)
            if event == 'interpreter':
                time.sleep(max(at + HELD - time.monotonic(), 0.0))
            if event == 'stderr':
                drain = threading.Thread(target=node.stderr.read, daemon=True)
                drain.start()
            time.sleep(HEARD_OUT)
            return {'seconds': seconds, 'second': heard.second_voices(at + seconds)}
        finally:
            node.kill()
            node.wait()
            if listener is not None:
                listener.kill()
                listener.wait()
            heard.close()
            time.sleep(2.0)  # the guardian outlives it for a while


def provoke(
    event: str, node: subprocess.Popen, heard: Trial, folder: Path, arm: Arm, listener: subprocess.Popen | None
) -> float | None:
    """Make an event happen; return when it did, s, steady; None where the node was fenced before."""
    if event == 'interpreter':
        (folder / 'asked').touch()
        heard.until((folder / 'began').exists, 5.0)
        time.sleep(0.01)
        return float((folder / 'began').read_text())
    if event == 'stderr':
        fill(node)
        count = len(heard.heard)
        refused(arm)
        # it freezes with the first line that it has to say; until then it acts
        heard.until(lambda: time.monotonic() - heard.heard[-1][0] > 2 * PERIOD and len(heard.heard) >= count, 5.0)
        return heard.heard[-1][0]
    if listener is not None:
        listener.send_signal(signal.SIGSTOP)
        before = time.monotonic()
        time.sleep(1.0)
        gaps = np.diff([at for at, _ in heard.heard if at > before])
        if not all(moves for at, moves in heard.heard if at > before):
            return None
        assert gaps.size > 30 and gaps.max() < TIMEOUT, 'a stopped subscriber held the node up'
    moment = time.monotonic()
    node.send_signal(signal.SIGSTOP if event == 'stop' else signal.SIGKILL)
    return moment


def main() -> int:
    """Run the trials; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=50, help='trials of each event (default: 50)')
    parser.add_argument('--events', nargs='+', choices=EVENTS, default=EVENTS, help='which (default: all)')
    parser.add_argument('--seed', type=int, default=0, help='of the moments (default: 0)')
    parser.add_argument('--output', type=Path, help='file for the figures (JSON)')
    options = parser.parse_args()
    random, promised = np.random.default_rng(options.seed), TIMEOUT + 2 * PERIOD + MARGIN
    figures: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Nursery()) as nursery:
        stay_on_loopback(Path(folder))
        run = tiny_run(Path(folder))
        for event in options.events:
            trials = trials_of(nursery, event, options.count, run, random)
            seconds = np.array([each['seconds'] for each in trials])
            p50, p99 = np.percentile(seconds, [50, 99])
            figures[event] = {
                'trials': len(trials),
                'p50': p50,
                'p99': p99,
                'max': seconds.max(),
                'in_time': int((seconds <= promised).sum()),
                'promised': promised,
                'second_voices': int(sum(each['second'] for each in trials)),
                'seconds': seconds.tolist(),
            }
            print(
                f'{event:12} p50 {p50 * 1e3:6.1f} ms, p99 {p99 * 1e3:6.1f} ms, max {seconds.max() * 1e3:6.1f} ms; '
                f'{figures[event]["in_time"]} of {len(trials)} within {promised * 1e3:.0f} ms; '
                f'{figures[event]["second_voices"]} second voices',
                flush=True,
            )
    if options.output:
        options.output.write_text(json.dumps(figures, indent=1))
    broken = any(each['in_time'] != each['trials'] or each['second_voices'] for each in figures.values())
    return int(broken)


if __name__ == '__main__':
    sys.exit(main())
