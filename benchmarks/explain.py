# SPDX-License-Identifier: Apache-2.0
"""Plant fourteen faults into the messages of simulated robots, and see which one `rl_policy explain` names first.

    python benchmarks/explain.py --task insertion --seeds 11 12 --healthy 10

Each robot is the task's own simulator with another seed, other start poses and, for odd seeds, sensor noise of 2 % of
each field's spread; its policy acts on the fault. Recordings are kept in --folder: what was played is not played again.
Prints a line for each robot and a table, and writes results.json beside the recordings.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
import functools
import json
import logging
from pathlib import Path
import tempfile
import time
from typing import Any

from explain_faults import FaultyWire, Planted, planted, Robot, SIZES, terms_of

from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.unpaired import Account, explain, HEALTHY
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.tools.explain.explain_run import Simulated
from rl_policy_node.tools.explain.simulated_robot import SimulatedRobot
from rl_policy_node.tools.process.processes import private_domain

ROWS, STEPS, OURS = 6, 512, 16  # robots and steps of a recording; robots of the simulator's
NOISE = 0.02
RUNS = Path(__file__).parents[1] / 'test' / 'sim' / 'gymnasium_runs'
LEGS = (1, 2, 3, 4)
ANKLES = [f'{joint}_{leg}' for leg in LEGS for joint in ('hip', 'ankle')]
ACTUATORS = [f'{joint}_{leg}' for leg in (4, 1, 2, 3) for joint in ('hip', 'ankle')]
SIDES = [f'{side}_{joint}' for side in ('right', 'left') for joint in ('hip_x', 'hip_z', 'hip_y', 'knee')]
ARMS = [f'{side}_{joint}' for side in ('right', 'left') for joint in ('shoulder1', 'shoulder2', 'elbow')]
BODY = ['abdomen_z', 'abdomen_y', 'abdomen_x', *SIDES, *ARMS]
# N m for an action of 1, in the order of the actuators
GEARS = dict.fromkeys(['abdomen_y', 'abdomen_z', 'abdomen_x', *SIDES], 100.0) | dict.fromkeys(ARMS, 25.0)
GEARS |= {f'{side}_hip_y': 300.0 for side in ('right', 'left')} | {f'{side}_knee': 200.0 for side in ('right', 'left')}


def policy(run: str) -> dict[str, Any]:
    """Return the parameters of a run of the tests."""
    files = {'train_config': str(RUNS / run / 'train.yaml'), 'checkpoint': str(RUNS / run / 'policy.pth')}
    return {'policy': {**files, 'device': 'cpu', 'backend': 'eager'}, 'enable': 'none', 'robots': [run]}


def joints(names: list[str]) -> dict[str, Any]:
    """Return the terms of joints."""
    return {
        f'joint_{short}': {'source': 'joints', 'field': field, 'joints': names}
        for short, field in (('pos', 'position'), ('vel', 'velocity'))
    }


def legs(kind: str, message: str, **more: Any) -> dict[str, Any]:
    """Return the only action."""
    return {'terms': ['legs'], 'legs': {'kind': kind, 'topic': 'efforts', 'type': message, **more}}


# what drivers of the ant would measure
ANT = {
    **policy('ant'),
    'control_rate': 20.0,
    'sources': {
        'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'},
        'odometry': {'topic': 'odometry', 'type': 'nav_msgs/msg/Odometry'},
        'imu': {'topic': 'imu', 'type': 'sensor_msgs/msg/Imu'},
    },
    'inputs': {'obs': ['height', 'orientation', 'joint_pos', 'lin_vel', 'ang_vel', 'joint_vel']},
    'terms': {
        'height': {'source': 'odometry', 'field': 'position', 'elements': [2]},
        'orientation': {'source': 'imu', 'field': 'orientation', 'convention': 'wxyz'},
        'lin_vel': {'kind': 'rotate', 'source': 'odometry', 'field': 'linear_velocity', 'inverse': False},
        'ang_vel': {'source': 'imu', 'field': 'angular_velocity'},
        **joints(ANKLES),
    },
    'actions': legs('effort', 'std_msgs/msg/Float64MultiArray', joints=ACTUATORS, scale=[150.0], limits='none'),
    'sim': {
        'environment': 'gymnasium',
        'id': 'Ant-v5',
        'raw_state': True,
        'options': ['max_episode_steps=150', 'include_cfrc_ext_in_observation=false', 'reset_noise_scale=0.05'],
    },
}
HUMANOID = {
    **ANT,
    **policy('humanoid'),
    'control_rate': 1 / 0.015,
    'terms': {**ANT['terms'], **joints(BODY)},
    'actions': legs(
        'effort', 'std_msgs/msg/Float64MultiArray', joints=list(GEARS), scale=[*GEARS.values()], limits='none'
    ),
    'sim': {
        'environment': 'gymnasium',
        'id': 'Humanoid-v5',
        'raw_state': True,
        'options': [f'include_{each}_in_observation=false' for each in ('cinert', 'cvel', 'qfrc_actuator', 'cfrc_ext')],
    },
}


def insertion(seed: int, rows: int) -> Configuration:
    """Return the shipped insertion, whose episodes end one after another."""
    from rl_policy_node.resources import resolve

    file = resolve('package://rl_policy_node/config/insertion.yaml')
    settings = ['sim.stagger=true', 'policy.device=cpu', 'policy.backend=eager']
    return Simulated(file=file, rows=rows, seed=seed, settings=settings).configuration()


def of_tree(tree: dict[str, Any], seed: int, rows: int) -> Configuration:
    """Return the Configuration of a tree of parameters."""
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        # JSON is YAML without aliases, which ROS does not read
        json.dump({'/**': {'ros__parameters': tree}}, file)
        file.flush()
        return Simulated(file=file.name, rows=rows, seed=seed).configuration()


TASKS: dict[str, Callable[[int, int], Configuration]] = {
    'insertion': insertion,
    'ant': functools.partial(of_tree, ANT),
    'humanoid': functools.partial(of_tree, HUMANOID),
}


class Plays:
    """Recordings of a task, each played once. folder: of the files."""

    def __init__(self, task: str, folder: Path) -> None:
        self._make, self._folder = TASKS[task], folder
        folder.mkdir(parents=True, exist_ok=True)
        self.simulation = self._played('simulation', 100, OURS, None)
        self.robot = Robot.of(self.simulation)

    def healthy(self, seed: int) -> Recording:
        """Return the recording of a robot without a fault."""
        return self._played(f'healthy-{seed}', 1000 + seed, ROWS, self._wire(None, seed))

    def faulty(self, fault: Planted) -> Recording:
        """Return the recording of a robot with a fault."""
        return self._played(fault.name(), 2000 + fault.seed, ROWS, self._wire(fault, fault.seed))

    def _wire(self, fault: Planted | None, seed: int) -> FaultyWire:
        return FaultyWire(fault, self.robot, seed, NOISE * (seed % 2))

    def _played(self, name: str, seed: int, rows: int, wire: FaultyWire | None) -> Recording:
        path = self._folder / f'{name}.npz'
        if not path.exists():
            part = path.with_name(f'.{path.name}')
            SimulatedRobot(self._make(seed, rows), wire).play(STEPS + STEPS // 4 * (wire is None)).save(part)
            part.rename(path)
        return Recording.load(path)


def found(account: Account, fault: Planted, recording: Recording) -> bool:
    """Return whether the first finding is of the fault's kind, and of a term that it is in."""
    if not account.findings:
        return False
    first = account.findings[0]
    terms = terms_of(recording, fault.target)
    return first.kind == fault.kind and (not fault.target[0] or bool(set(first.where) & set(terms)))


def results(plays: Plays, seeds: list[int], healthy: int, kinds: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what was found of each robot."""
    ours = plays.simulation
    for seed in range(seeds[0], seeds[0] + healthy) if healthy else ():
        account = explain(plays.healthy(seed), ours)
        yield _result(f'healthy-{seed}', 'healthy', 0, '', account, account.verdict == HEALTHY)
    for seed in seeds:
        for kind in kinds:
            for size in range(3) if plays.robot.targets(kind) else ():
                fault = planted(kind, size, seed, plays.robot)
                account = explain(plays.faulty(fault), ours)
                good = found(account, fault, ours)
                yield _result(fault.name(), kind, size, '.'.join(filter(None, fault.target)), account, good)


def _result(name: str, kind: str, size: int, where: str, account: Account, good: bool) -> dict[str, Any]:
    first = [f'{each.kind}: {", ".join(each.where)}' for each in account.findings[:2]]
    return {'name': name, 'kind': kind, 'size': size, 'where': where, 'good': good, 'found': first}


def table(rows: list[dict[str, Any]]) -> str:
    """Return kind → right ones of all, by size."""
    lines = ['| fault | small | middle | large |', '|---|---|---|---|']
    for kind in dict.fromkeys(row['kind'] for row in rows):
        cells = []
        for size in range(3):
            some = [row['good'] for row in rows if row['kind'] == kind and row['size'] == size]
            cells.append(f'{sum(some)} of {len(some)}' if some else '')
        lines.append(f'| {kind} | {" | ".join(cells)} |')
    faults = [row['good'] for row in rows if row['kind'] != 'healthy']
    return '\n'.join([*lines, f'faults: {sum(faults)} of {len(faults)}'])


def main() -> None:
    """Play what is missing, compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--task', choices=TASKS, default='insertion')
    parser.add_argument('--seeds', type=int, nargs='+', default=[11])
    parser.add_argument('--healthy', type=int, default=10, help='robots without a fault')
    parser.add_argument('--kinds', nargs='+', choices=SIZES, default=list(SIZES))
    parser.add_argument('--folder', type=Path, default=Path('reports/explain'))
    options = parser.parse_args()
    private_domain(chosen=False)
    logging.disable(logging.WARNING)  # a loop that is slow on purpose says so every second
    began, rows = time.monotonic(), []
    folder = options.folder / options.task
    for row in results(Plays(options.task, folder), options.seeds, options.healthy, options.kinds):
        rows.append(row)
        mark = 'right' if row['good'] else 'WRONG'
        print(f'{time.monotonic() - began:6.0f} s  {mark}  {row["name"]} {row["where"]}  {row["found"]}', flush=True)
        (folder / 'results.json').write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == '__main__':
    main()
