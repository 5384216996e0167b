# SPDX-License-Identifier: Apache-2.0
"""Ask a run's simulator what its scene has: start it once, read the description, end it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import sys
import threading
import time
from typing import TextIO

import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.conversion import Value
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.simulator.hosting import open_environment
from rl_policy_node.policy.layouts import read_scene
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.tools.init.draft_simulator import Asked

SOURCE = 'the simulator'
_NAMES = {'isaaclab': 'Isaac Lab', 'isaacgym': 'Isaac Gym', 'gymnasium': 'Gymnasium'}
_ARRAY = 'std_msgs/msg/Float32MultiArray'
# the smallest file with a policy's row: none of it counts for the simulator
_ROW: dict[str, Value] = {
    'robots': [''],
    'inputs.obs': ['state'],
    'sources.state.topic': 'state',
    'sources.state.type': _ARRAY,
    'terms.state.source': 'state',
    'terms.state.field': 'data',
    'actions.terms': ['action'],
    'actions.action.kind': 'raw',
    'actions.action.size': 1,
    'actions.action.topic': 'action',
    'actions.action.type': _ARRAY,
    'actions.action.fallback_value': [0.0],
}


def ask(
    run: str,
    overrides: Sequence[str] = (),
    simulator: str = '',
    id: str = '',
    python: str = '',
    settings: Sequence[str] = (),
    out: TextIO | None = None,
) -> Asked:
    """Start the simulator of a run with one row, and return what it says; `out` (stderr) shows how long it takes.

    simulator: name of the environment, '' for that of the run. id, python: as sim.id and sim.python. settings:
    name=value each, more parameters of `sim`. Raises ConfigurationError for a run that names no simulator, for one that
    does not describe its scene, and as the simulator itself does; SimulationError where its process fails.
    """
    config = TrainedRun.read(run, None, overrides).config
    named = simulator or ('isaaclab' if config.environment else 'isaacgym' if config.task else '')
    if not named:
        raise ConfigurationError(
            f'--ask: {config.path} names no simulator; --simulator gymnasium --id ENVIRONMENT, or --simulator '
            'package.module:factory, does'
        )
    sim = {'environment': named, **{key: value for key, value in (('id', id), ('python', python)) if value}}
    for setting in settings:
        name, equals, value = setting.partition('=')
        if not equals or not name.startswith('sim.'):
            raise ConfigurationError(f"--set '{setting}'; expected sim.name=value, such as sim.device=cpu")
        sim[name.removeprefix('sim.')] = yaml.safe_load(value)
    stated = {f'sim.{name}': value for name, value in sim.items()}
    whole = configuration(
        {**_ROW, **stated, 'policy.train_config': str(config.path), 'policy.overrides': list(overrides)}
    )
    with _progress(f'starting {_NAMES.get(named, named)}', out or sys.stderr):
        environment = open_environment(whole)
        try:
            scene = environment.scene
        finally:
            environment.close()
    if scene is None:
        raise ConfigurationError(f"--ask: '{named}' ran and does not describe its scene; leave --ask out")
    return Asked(read_scene(scene, SOURCE), sim)


@contextmanager
def _progress(doing: str, out: TextIO) -> Iterator[None]:
    """Show on `out` what takes long, and for how many seconds: a line that counts on a terminal, else two lines."""
    start, done = time.monotonic(), threading.Event()

    def count() -> None:
        while not done.wait(1.0):
            print(f'\r{doing} … {time.monotonic() - start:.0f} s', end='', file=out, flush=True)

    print(f'{doing} …', end='' if out.isatty() else '\n', file=out, flush=True)
    counter = threading.Thread(target=count, name='progress', daemon=True)
    if out.isatty():
        counter.start()
    try:
        yield
    finally:
        done.set()
        if counter.is_alive():
            counter.join()
        print(f'\r{doing} … ended after {time.monotonic() - start:.1f} s', file=out, flush=True)
