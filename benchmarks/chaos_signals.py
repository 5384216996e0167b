# SPDX-License-Identifier: Apache-2.0
"""Signals at random moments: how long until the fallback is on the command topic, and does anything come after it?"""

from __future__ import annotations

import os
from pathlib import Path
import random
import signal
import time
from typing import Any

from chaos_rig import Bench, parameters, RATE, Robot, SPEED, write_run
import numpy as np
from rich.progress import Progress
from std_msgs.msg import Float64MultiArray

from rl_policy_node.tools.process.processes import ToolProcess

SOURCES = ['joints', 'wrench']
SIGNALS = ('TERM', 'INT', 'HUP', 'KILL', 'STOP')
WATCHED = ('KILL', 'STOP')  # where the guardian answers in the node's stead
PATIENCE = 0.1  # s, guardian_timeout
# s until the fallback: of the guardian; of the node itself, which first ends what it is at
PROMISED = {name: PATIENCE + 2 / RATE + 0.05 if name in WATCHED else 0.25 for name in SIGNALS}
LOOK = 1.5  # s in which nothing but the fallback may come
STARTING = 0.1  # share of the signals that come while the node starts: it must not speak at all
END = 20.0  # s within which the process has to end


class Ear:
    """Keeps the commands of a topic: (s of receipt, whether all of it is zero)."""

    def __init__(self, bench: Bench, robot: Robot) -> None:
        self.heard: list[tuple[float, bool]] = []
        bench.node.create_subscription(Float64MultiArray, f'{robot.name}/commands', self._on, 50)

    def _on(self, message: Float64MultiArray) -> None:
        self.heard.append((time.monotonic(), not any(message.data)))

    def acts(self) -> bool:
        """Whether the last ten commands move."""
        return len(self.heard) >= 10 and not any(zero for _, zero in self.heard[-10:])


def run(options: Any, folder: Path, progress: Progress) -> dict[str, Any]:
    """Send `number` signals, each to a node of its own; return the times until the fallback."""
    chance = random.Random(options.seed)
    for name in SIGNALS[:3]:  # nodes inherit what nohup and a shell's & ignore, and keep it
        number = getattr(signal, f'SIG{name}')
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    write_run(folder, SOURCES)
    tree = parameters(folder, SOURCES, SPEED, guardian_timeout=PATIENCE, blend_in=0.0)
    found: dict[str, list[float]] = {name: [] for name in SIGNALS}
    faults, starting, task = list[str](), 0, progress.add_task('signals', total=options.number)
    with Bench(folder) as bench:
        robots = [bench.robot(f'robot{index}', SOURCES) for index in range(2)]
        ears = [Ear(bench, robot) for robot in robots]
        started = time.monotonic()
        processes = [robots[0].start(tree), None]
        for index in range(options.number):
            # in turns: what the one before may still say is not taken for this one's
            this, other = index % 2, (index + 1) % 2
            ear, process = ears[this], processes[this]
            name = chance.choice(SIGNALS)
            ear.heard.clear()
            if chance.random() < STARTING:
                starting += 1
                fault = _while_starting(bench, ear, process, name, max(started + chance.uniform(0, 4.0), 0.0))
            elif not bench.live_until(ear.acts, 60.0):
                fault = f'{name}: the node did not act: {process.complaint()}'
            else:
                bench.live(chance.uniform(0.0, 0.3))
                taken, fault = _while_acting(bench, ear, process, name)
                if taken is not None:
                    found[name].append(taken)
            if fault:
                faults.append(fault)
            process.stop()
            bench.live(0.1)
            if index + 1 < options.number:
                started = time.monotonic()
                processes[other] = robots[other].start(tree)
            progress.update(task, completed=index + 1)
    return {
        'signals': options.number,
        'while_starting': starting,
        'to_the_fallback_ms': {
            f'{name} (promised {PROMISED[name] * 1e3:.0f})': _percentiles(times)
            for name, times in found.items()
            if times
        },
        'late': sum(taken > PROMISED[name] for name, times in found.items() for taken in times),
        'faults': faults,
    }


def _while_acting(bench: Bench, ear: Ear, process: ToolProcess, name: str) -> tuple[float | None, str]:
    """Send a signal to a node that acts; return s until the fallback, None where there was none, and a fault."""
    ear.heard.clear()
    sent = time.monotonic()
    os.kill(process.process.pid, getattr(signal, f'SIG{name}'))
    bench.live(LOOK)
    if name == 'STOP':
        os.kill(process.process.pid, signal.SIGCONT)
        bench.live(LOOK)
    else:
        bench.live_until(lambda: process.poll() is not None, END)
    taken, fault = _last_word(ear, name, sent)
    if not fault and name != 'STOP' and process.poll() is None:
        fault = f'{name}: the process still runs after {END:g} s'
    return taken, fault


def _last_word(ear: Ear, name: str, sent: float) -> tuple[float | None, str]:
    """Return s from a signal until the fallback, None where there was none, and a fault."""
    zeros = [at for at, zero in ear.heard if zero and at >= sent]
    if not zeros:
        return None, f'{name}: no fallback within {LOOK:g} s'
    if any(not zero and at > zeros[0] for at, zero in ear.heard):
        return zeros[0] - sent, f'{name}: a command came after the fallback'
    return zeros[0] - sent, ''


def _while_starting(bench: Bench, ear: Ear, process: ToolProcess, name: str, moment: float) -> str:
    """Send a signal to a node that starts; return a fault."""
    bench.live_until(lambda: time.monotonic() >= moment, 10.0)
    if ear.heard:  # it was faster
        return _while_acting(bench, ear, process, name)[1]
    sent = time.monotonic()
    os.kill(process.process.pid, getattr(signal, f'SIG{name}'))
    if name == 'STOP':
        bench.live(0.5)
        os.kill(process.process.pid, signal.SIGCONT)
        return '' if bench.live_until(ear.acts, 60.0) else 'STOP while starting: it never acts'
    if not bench.live_until(lambda: process.poll() is not None, END):
        return f'{name} while starting: the process still runs after {END:g} s'
    bench.live(LOOK)
    if all(zero for _, zero in ear.heard):
        return ''
    taken, fault = _last_word(ear, name, sent)  # it began to act just then
    late = taken is not None and taken > PROMISED[name]
    return fault or (f'{name} while starting: the fallback came after {taken:.3f} s' if late else '')


def _percentiles(times: list[float]) -> dict[str, float]:
    return {'count': len(times)} | {
        which: round(float(number) * 1e3, 1)
        for which, number in zip(('p50', 'p99', 'max'), np.percentile(times, [50, 99, 100]))
    }


def broken(found: dict[str, Any]) -> bool:
    """Whether a fallback is missing or late, or was not the last word."""
    return bool(found['faults'] or found['late'])
