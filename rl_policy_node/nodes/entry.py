# SPDX-License-Identifier: Apache-2.0
"""The entry points of the nodes' processes: importing torch takes seconds, and signals may come meanwhile."""

import contextlib
import importlib
import os
import sys

from rl_policy_node.nodes.process.console import Console
from rl_policy_node.nodes.process.signals import on_ending

_MODULES = {
    'policy_node': 'rl_policy_node.nodes.policy.policy_node',
    'sim_bridge_node': 'rl_policy_node.nodes.simulator.sim_bridge_node',
}


def policy_node() -> None:
    """Run the policy node."""
    _run('policy_node')


def sim_bridge_node() -> None:
    """Run the simulator bridge."""
    _run('sim_bridge_node')


def _run(name: str) -> None:
    # nothing moves yet, so the end needs no last message
    on_ending(lambda number, _frame: sys.exit(128 + number))
    try:
        with Console():
            importlib.import_module(_MODULES[name]).main()
    except SystemExit as ending:
        if isinstance(ending.code, int):
            _end(ending.code)
        raise
    _end(0)


def _end(code: int) -> None:
    """End the process without finalizing the interpreter, in which nodes of Kilted crashed after the last message."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == '__main__':
    _run(sys.argv.pop(1))
