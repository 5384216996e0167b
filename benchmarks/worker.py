# SPDX-License-Identifier: Apache-2.0
"""What an environment in another Python costs over the same one in this process, step by step in turn.

    python benchmarks/worker.py --python .workers/3.8/bin/python --rows 64 --size 64 --steps 5000

The environment does nothing (still.py). Besides a word there and back, the worker writes what it shows into
shared memory, and this process copies that out; the copy into the caller's own arrays both of them make.
"""

import argparse
from pathlib import Path
import time

import numpy as np

from rl_policy_node.sim import create_environment
from rl_policy_node.sim.environment_specs import EnvironmentSpec, PythonSpec

STILL = Path(__file__).with_name('still.py')


def created(options, python=''):
    """Return the environment, in this process or in a worker's."""
    return create_environment(
        EnvironmentSpec(f'{STILL}:Still', options.rows, python=PythonSpec(python), options=(f'size={options.size}',))
    )


def measure(environments, actions, steps):
    """Return ms (steps, environments) of every step; the environments take turns, which one is first too."""
    taken = np.zeros((steps, len(environments)))
    for step in range(steps):
        for index in range(len(environments)) if step % 2 else reversed(range(len(environments))):
            begun = time.perf_counter()
            environments[index].step(actions)
            taken[step, index] = time.perf_counter() - begun
    return 1e3 * taken


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--python', nargs='+', required=True, help='interpreters of workers')
    for name, default in (('rows', 64), ('size', 64), ('steps', 5000)):
        parser.add_argument(f'--{name}', type=int, default=default)
    options = parser.parse_args()
    actions = np.zeros((options.rows, 6), np.float32)
    here = created(options)
    print(f'{options.rows} rows, images {options.size}x{options.size}x3, {options.steps} steps; ms')
    print(f'{"worker":40} {"p50":>7} {"mean":>7} {"p99":>7} | over this process {"p50":>7} {"mean":>7}')
    for python in options.python:
        there = created(options, python)
        measure((here, there), actions, 200)
        alone, remote = measure((here, there), actions, options.steps).T
        there.close()
        more = remote - alone
        print(
            f'{python:40} {np.median(remote):7.3f} {remote.mean():7.3f} {np.percentile(remote, 99):7.3f} | '
            f'{"":17} {np.median(more):7.3f} {more.mean():7.3f}'
        )
    copy = [np.empty((options.rows, options.size, options.size, 3), np.uint8) for _ in range(2)]
    begun = time.perf_counter()
    for _ in range(1000):
        np.copyto(*copy)
    print(f'one copy of the images: {time.perf_counter() - begun:.3f} ms')


if __name__ == '__main__':
    main()
