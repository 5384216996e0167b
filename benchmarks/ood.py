# SPDX-License-Identifier: Apache-2.0
"""Break the observations of the shipped insertion, and see which breaks are noticed, how soon, and what else is.

    python benchmarks/ood.py --episodes 256

The shipped policy plays the shipped simulator in this process, in lockstep, with the terms and the limits of
config/insertion.yaml. First ordinary episodes: each alarm in them is a false one. Then each fault, which the policy
acts on as well, from a moment within the episode on. Prints alarms per hour of a robot, and of each fault the share of
robots that were noticed within a second, and after how long.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
import time

import numpy as np

from rl_policy_node.control.distribution import Distribution, Moments
from rl_policy_node.core.assemble import build_managers
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.dry_run import read_values
from rl_policy_node.nodes.policy.loading import load_policy
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.resources import resolve
from rl_policy_node.sim.insertion.environment import InsertionEnv
from rl_policy_node.tools.process.processes import private_domain

FILE, PERIOD, LENGTH = 'package://rl_policy_node/config/insertion.yaml', 1 / 60, 256
LEFT, RIGHT = 'tactile_force_field_left', 'tactile_force_field_right'

Inputs = dict[str, np.ndarray]


class Fault:
    """Something that is wrong with the inputs (input → (rows, ...)), which it changes in place, from step `at` on."""

    def __init__(self, name: str, at: int, change: Callable[[Inputs, Inputs], None]) -> None:
        self.name, self.at, self._change = name, at, change
        self._first: Inputs = {}

    def apply(self, inputs: Inputs, step: int) -> None:
        """Change the inputs of a step of the episode."""
        if step < self.at:
            return
        if step == self.at:
            self._first = {name: value.copy() for name, value in inputs.items()}
        self._change(inputs, self._first)


# each returns what changes the inputs: (inputs, what they were when it began)
def swap(name: str, order: list[int]) -> Callable[[Inputs, Inputs], None]:
    def change(inputs: Inputs, _first: Inputs) -> None:
        inputs[name][:] = inputs[name][:, order]

    return change


def scale(name: str, factor: float, place: object = ...) -> Callable[[Inputs, Inputs], None]:
    def change(inputs: Inputs, _first: Inputs) -> None:
        inputs[name][(slice(None), *place) if isinstance(place, tuple) else place] *= factor

    return change


def freeze(name: str, *place: int) -> Callable[[Inputs, Inputs], None]:
    def change(inputs: Inputs, first: Inputs) -> None:
        inputs[name][(slice(None), *place)] = first[name][(slice(None), *place)]

    return change


def other_pads(inputs: Inputs, _first: Inputs) -> None:
    inputs[LEFT][:], inputs[RIGHT][:] = inputs[RIGHT].copy(), inputs[LEFT].copy()


def faults() -> list[Fault]:
    """Return every fault."""
    return [
        Fault('ee_pos: x and y swapped', 20, swap('ee_pos', [1, 0, 2])),
        Fault('ee_quat: w, x, y, z', 20, swap('ee_quat', [3, 0, 1, 2])),
        Fault('the two pads swapped', 20, other_pads),
        Fault('ee_pos: sign of x', 20, scale('ee_pos', -1.0, (0,))),
        Fault('ee_pos: sign of y (a few mm about 0)', 20, scale('ee_pos', -1.0, (1,))),
        Fault('ee_quat: sign', 20, scale('ee_quat', -1.0)),
        Fault('tactile left: sign of the normal forces', 20, scale(LEFT, -1.0, (..., 0))),
        Fault('ee_pos: ×10', 20, scale('ee_pos', 10.0)),
        Fault('ee_quat: ×10', 20, scale('ee_quat', 10.0)),
        Fault('socket_pos: ×10', 20, scale('socket_pos', 10.0)),
        Fault('tactile left: ×10', 20, scale(LEFT, 10.0)),
        *(Fault(f'frozen taxel (1, 2), normal, from step {at}', at, freeze(LEFT, 1, 2, 0)) for at in (5, 20, 40, 90)),
        Fault('frozen taxel (1, 2), shear, from step 5', 5, freeze(LEFT, 1, 2, 1)),
    ]


class Play:
    """The shipped policy on `rows` robots of the shipped simulator, with what watches its inputs."""

    def __init__(self, rows: int, seed: int, backend: str = 'onnx') -> None:
        private_domain()  # ROS reads the file
        values = {**read_values(resolve(FILE)), 'robots': [f'arm_{row}' for row in range(rows)]}
        made = configuration({**values, 'policy.backend': backend})
        control = made.control
        self.policy, self._environment = load_policy(made), InsertionEnv(rows, seed=seed, threads=1)
        spaces = self.policy.spaces
        sources = {name: Source(spec, control, spaces.inputs) for name, spec in control.sources.items()}
        managers = build_managers(control, sources, spaces.inputs, spaces.action, spaces.num_actions)
        moments = {name: Moments(*each) for name, each in self.policy.moments().items()}
        self._watch = lambda: Distribution(control.ood, managers.observations.pieces(), moments, rows, PERIOD)
        self._rows, self.seconds = np.ones(rows, dtype=bool), list[float]()

    def episodes(self, count: int, fault: Fault | None = None, steps: int = LENGTH) -> list[list[dict[int, str]]]:
        """Return, for `count` episodes of each robot, what was told in each step: row → reason."""
        told = list[list[dict[int, str]]]()
        for _ in range(count):
            watch, told_now = self._watch(), list[dict[int, str]]()
            observed = self._environment.reset()['obs']
            self.policy.reset()
            for step in range(steps):
                inputs = {name: value.numpy().copy() for name, value in observed.items()}
                if fault is not None:
                    fault.apply(inputs, step)
                began = time.perf_counter()
                watch.update(inputs, self._rows, step * PERIOD)
                self.seconds.append(time.perf_counter() - began)
                told_now.append(dict(watch.reasons))
                observed = self._environment.step(self.policy.act(inputs))[0]['obs']
            told.append(told_now)
        return told


def first(told: list[dict[int, str]]) -> Mapping[int, tuple[int, str]]:
    """Return row → (step, reason) of the first time that it was told."""
    found: dict[int, tuple[int, str]] = {}
    for step, reasons in enumerate(told):
        for row, reason in reasons.items():
            found.setdefault(row, (step, reason))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--episodes', type=int, default=256, help='ordinary ones, at the least')
    parser.add_argument('--rows', type=int, default=32)
    parser.add_argument('--seed', type=int, default=11)
    options = parser.parse_args()
    play, rows = Play(options.rows, options.seed), options.rows
    rounds = -(-options.episodes // rows)
    told = play.episodes(rounds)
    begun = [
        (row, reasons[row])
        for episode in told
        for before, reasons in zip([{}, *episode], episode)
        for row in reasons
        if row not in before
    ]
    hours = rounds * rows * LENGTH * PERIOD / 3600
    print(
        f'ordinary: {rounds * rows} episodes, {hours:.2f} h of a robot: {len(begun)} alarms, '
        f'{len(begun) / hours:.1f} per hour'
    )
    for row, reason in begun[:5]:
        print(f'    row {row}: {reason}')
    print(f'{"fault":48s} noticed within 1 s   after: median, longest   by')
    for fault in faults():
        found = first(play.episodes(1, fault, fault.at + 60)[0])
        after = [(step - fault.at) * PERIOD for step, _ in found.values()]
        times = f'{np.median(after):5.2f} s {max(after):5.2f} s' if after else ''
        by = next(iter(found.values()))[1][:70] if found else ''
        print(f'{fault.name:48s} {len(found):3d} of {rows:3d}          {times:24s} {by}')
    cost = np.array(play.seconds) * 1e6
    print(f'a look at {rows} robots: p50 {np.median(cost):.1f} µs, p99 {np.percentile(cost, 99):.1f} µs')


if __name__ == '__main__':
    main()
