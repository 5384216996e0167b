# SPDX-License-Identifier: Apache-2.0
"""Many robots on one node: the share of answered observations, the latency, and the CPU time of the node."""

from collections.abc import Sequence

import numpy as np

from rl_policy_node.tools.bench.models import MLP
from rl_policy_node.tools.bench.probe import COMMANDED, joint_parameters, JOINT_STATES, policy_node, Probe
from rl_policy_node.tools.bench.section import Bench, Done, Results
from rl_policy_node.tools.bench.statistics import medians, percentiles

CASES, QUICK_CASES = ((1, 100.0), (4, 100.0), (16, 100.0), (64, 100.0), (64, 50.0)), ((2, 50.0),)  # robots, Hz
# at once: by one clock, as in a simulator; staggered: evenly over the period
ARRIVALS = {'at once': False, 'staggered': True}


def measure(bench: Bench) -> Results:
    """Return {'cases': [{'robots', 'rate', 'arrival', figures of the latency in µs, shares, 'cpu'}]}."""
    cases, runs, seconds = (QUICK_CASES, 1, 1.0) if bench.quick else (CASES, min(bench.runs, 3), 3.0)
    found: list[Results] = []
    with bench.stage('robots', len(cases) * (1 + runs * len(ARRIVALS))) as done:
        for robots, rate in cases:
            found += _fleet(bench, robots, rate, runs, seconds, done)
    return {'model': MLP.words, 'cases': found}


def _fleet(bench: Bench, robots: int, rate: float, runs: int, seconds: float, done: Done) -> list[Results]:
    """Return the figures of one node with `robots` robots, for each of ARRIVALS."""
    name = f'fleet_{robots}_{rate:g}'
    tree = joint_parameters(bench.folder, MLP, name, rate, robots, COMMANDED)
    tree['terms']['last_action'] = {'kind': 'last_action'}
    tree['inputs']['obs'].append('last_action')
    with Probe(bench.folder) as probe:
        probe.open(name, robots, {**JOINT_STATES, 'joints': COMMANDED})
        node = policy_node(bench.folder, tree, name)
        try:
            probe.meet(name, node)
            done(f'{robots} at {rate:g} Hz, node started')
            turns: dict[str, list[Results]] = {arrival: [] for arrival in ARRIVALS}
            for _ in range(runs):
                for arrival, stagger in ARRIVALS.items():
                    turns[arrival].append(
                        probe.ask(
                            'measure', group=name, rate=rate, seconds=seconds, stagger=stagger, pid=node.process.pid
                        )
                    )
                    done(f'{robots} at {rate:g} Hz, {arrival}')
        finally:
            node.stop()
    return [
        {'robots': robots, 'rate': rate, 'arrival': arrival, **figures(each, rate)} for arrival, each in turns.items()
    ]


def figures(runs: Sequence[Results], rate: float) -> dict[str, float]:
    """Return the medians over runs: percentiles in µs, shares answered at all and within the period, CPU of a core."""
    each = []
    for run in runs:
        answers = [value for value in run['latencies'] if value is not None]
        within = np.mean([value is not None and value <= 1e6 / rate for value in run['latencies']])
        each.append(
            {
                **percentiles(answers or [np.nan]),
                'cpu': run['cpu'],
                'answered': len(answers) / len(run['latencies']),
                'in_time': float(within),
            }
        )
    return medians(each)
