# SPDX-License-Identifier: Apache-2.0
"""Sensors as fast as this machine gives them, in random sizes: does a node's memory grow, or its descriptors?"""

from __future__ import annotations

import array
import json
import os
from pathlib import Path
import random
import time
from typing import Any

from chaos_rig import Bench, JOINTS, parameters, POSITION, Robot, SOURCES, write_run
import numpy as np
from rclpy.serialization import serialize_message
from rich.progress import Progress

from rl_policy_node.tools.bench.machine import memory_mb

FLAT = 1.0  # % by which memory and descriptors may grow
WARM = 60.0  # s, at most a fifth of the time, in which a node still takes what it keeps
PREPARED = 300  # different messages of each source
PUBLISHED = 100  # messages between two looks around


def flood_message(chance: random.Random, name: str, robot: Robot) -> bytes:
    """Return a source's message of a random size: what it should be, more, less, or something else."""
    message = robot.sound(name)
    size = int(2 ** chance.uniform(0, 10))
    if name == 'joints':
        others = [f'joint_{chance.randrange(10**6)}' for _ in range(size)] if chance.random() < 0.5 else []
        message.name = JOINTS + others
        message.position = message.velocity = array.array('d', [chance.uniform(-0.5, 0.5)] * len(message.name))
        message.effort = array.array('d')
    elif name == 'numbers':
        message.data = array.array('d', [chance.random()] * chance.choice((4, 4, size)))
        message.layout.dim = []
    elif name == 'image':
        height, width = (2, 3) if chance.random() < 0.5 else (chance.randint(1, 200), chance.randint(1, 200))
        message.height, message.width, message.step = height, width, 3 * width
        message.data = array.array('B', bytes(3 * height * width))
    else:
        message.header.frame_id = 'x' * chance.choice((0, size))
    return serialize_message(message)


class Samples:
    """What was measured, kept in a file: one segment for each run that was gone on with.

    Each: elapsed s of the flood, memory_mb and descriptors of the node, memory_mb of its children, messages sent.
    """

    def __init__(self, file: str | None, resume: bool) -> None:
        self._file = Path(file) if file else None
        old = json.loads(self._file.read_text()) if resume and self._file and self._file.exists() else {}
        self.segments: list[list[dict[str, float]]] = [*old.get('samples', []), []]

    @property
    def elapsed(self) -> float:
        """How long (s) the flood has lasted, all segments together."""
        return sum(segment[-1]['elapsed'] for segment in self.segments if segment)

    def add(self, elapsed: float, pid: int, messages: int) -> None:
        """Measure a process and write all there is."""
        self.segments[-1].append(
            {
                'elapsed': round(elapsed, 1),
                'memory_mb': round(memory_mb(pid), 2),
                'messages': messages,
                'descriptors': len(os.listdir(f'/proc/{pid}/fd')),
                'children_mb': round(sum(memory_mb(child) for child in children(pid)), 2),
            }
        )
        if self._file:
            # whole or not at all: whoever goes on from it may have been killed while it was written
            new = self._file.with_suffix('.new')
            new.write_text(json.dumps({'samples': self.segments}) + '\n')
            new.replace(self._file)


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    found = []
    for file in Path(f'/proc/{pid}/task').glob('*/children'):
        found += [int(child) for child in file.read_text().split()]
    return found


def growth(segments: list[list[dict[str, float]]], name: str) -> dict[str, float]:
    """Return by how much a figure grew after the warm-up: from the first to the last tenth, %; its slope per hour.

    Each segment is a process of its own: what each grew by counts together.
    """
    grown, slopes, base = 0.0, [], 0.0
    for segment in segments:
        warm = min(WARM, segment[-1]['elapsed'] / 5) if segment else 0.0
        kept = [each for each in segment if each['elapsed'] >= warm]
        if len(kept) < 3:
            continue
        tenth = max(len(kept) // 10, 1)
        values, times = (np.array([each[key] for each in kept]) for key in (name, 'elapsed'))
        first = values[:tenth].mean()
        grown += values[-tenth:].mean() - first
        base = base or first
        slopes.append((np.polyfit(times, values, 1)[0] * 3600, times[-1] - times[0]))
    if not slopes:
        return {'change_percent': float('nan'), 'slope_per_hour': float('nan')}
    slope = np.average([each[0] for each in slopes], weights=[each[1] for each in slopes])
    return {'change_percent': round(float(100 * grown / base), 3), 'slope_per_hour': round(float(slope), 3)}


def run(options: Any, folder: Path, progress: Progress) -> dict[str, Any]:
    """Flood a node for `number` s, less those of an earlier run; return how its memory went."""
    chance, samples, sources = random.Random(options.seed), Samples(options.output, options.resume), list(SOURCES)
    write_run(folder, sources)
    before, messages = samples.elapsed, 0
    task = progress.add_task('seconds', total=options.number, completed=before)
    with Bench(folder) as bench:
        robot = bench.robot('flooded', sources)
        process = robot.start(parameters(folder, sources, POSITION, executor=options.executor))
        if not bench.acts(robot):
            raise SystemExit(f'the node does not act:\n{process.tail()}')
        flood = [
            (robot.topics[name][0], [flood_message(chance, name, robot) for _ in range(PREPARED)]) for name in sources
        ]
        began = sampled = time.monotonic()
        samples.add(0.0, process.process.pid, 0)
        while process.poll() is None and before + time.monotonic() - began < options.number:
            for _ in range(PUBLISHED):
                publisher, payloads = chance.choice(flood)
                publisher.publish(chance.choice(payloads))
            messages += PUBLISHED
            bench.live_once(0.0)
            now = time.monotonic()
            if now - sampled >= options.sample:
                sampled = now
                samples.add(now - began, process.process.pid, messages)
                progress.update(task, completed=before + now - began)
        died = process.poll()
        robot.watch.last = None  # its last command is old
        ended = time.monotonic()
        answers = died is None and any(bench.resume(robot) is not None for _ in range(6))
        waited = time.monotonic() - ended
        alive = answers and _goes_on(bench, robot)
        return {
            'executor': options.executor,
            'answer_after_the_flood_s': round(waited, 2),
            'seconds': round(ended - began + before),
            'messages': messages,
            'exit_code': died,
            'acts_at_the_end': alive,
            **robot.watch.figures(),
            'watch_broken': robot.watch.broken,
            'memory_mb': growth(samples.segments, 'memory_mb'),
            'descriptors': growth(samples.segments, 'descriptors'),
            'children_mb': growth(samples.segments, 'children_mb'),
            'last': samples.segments[-1][-1],
            'samples': samples.segments,
        }


def _goes_on(bench: Bench, robot: Robot) -> bool:
    bench.live(2.0)
    return any(bench.resume(robot) is not None and bench.acts(robot, 5.0) for _ in range(3))


def broken(found: dict[str, Any]) -> bool:
    """Whether the node grew, died, does not act any more, or sent what it must not."""
    grew = any(not found[name]['change_percent'] < FLAT for name in ('memory_mb', 'descriptors', 'children_mb'))
    return grew or found['watch_broken'] or not found['acts_at_the_end']
