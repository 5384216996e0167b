# SPDX-License-Identifier: Apache-2.0
"""Nodes as a watcher sees them, by hand."""

import numpy as np
from rich.console import Console

from rl_policy_node.nodes.watch.node_view import Fault, NodeView, Numbers
from rl_policy_node.tools.watch.dashboard import Dashboard

NOW = 1000.0
VALUES = {
    'steps': '1200',
    'recurrent resets': '4',
    'missed deadlines': '2',
    'age of the last step [s]': '0.010',
    'latency p50 [ms]': '1.200',
    'latency p99 [ms]': '4.500',
    'latency max [ms]': '9.000',
    'policy p50 [ms]': '0.300',
    'late start p99 [ms]': '0.400',
    'rate of joints [Hz]': '99.8 to 100.1',
    'rejected from wrench': '3 (last: not finite)',
    '|z| of force': 'largest 3.4, smoothed 1.2',
    'tracking error of actions.arm': '0.0100 (wrist, left)',
    'guardian': 'watches, timeout 0.1 s',
}
DESCRIPTION = {
    'robots': ['left', 'right'],
    'terms': [
        {'called': 'force', 'input': 'obs', 'start': 0, 'labels': ['x', 'y']},
        {'called': 'count', 'input': 'other', 'start': 0, 'labels': ['']},
        {'called': 'image', 'input': 'obs', 'start': 2, 'labels': ['0', '1', '2', '3']},
    ],
    'actions': [{'called': 'action/arm', 'start': 0, 'labels': ['wrist']}],
    'moments': {'obs': {'mean': [1.0, 0.0] + [0.0] * 4, 'variance': [4.0, 1.0] + [1.0] * 4}},
}
NUMBERS = {
    'left/acting': 1.0,
    'left/force/x': 2.0,
    'left/force/y': -0.5,
    'left/count': 7.0,
    'left/action/arm/wrist': 0.25,
    'right/acting': 1.0,
    'right/force/x': 21.0,
    'right/force/y': 0.5,
    'right/count': 8.0,
    'right/image/least': -1.0,
    'right/image/mean': 0.0,
    'right/image/greatest': 2.0,
    'right/action/arm/wrist': -0.5,
}


def view(name='/policy_node', values=VALUES, message='acting for 2 robots', level='ok', active=True, **more):
    """Return a node that reported 0.2 s ago."""
    made = NodeView(name, present=True, active=active, **more)
    made.report(level, message, values, NOW - 0.2)
    return made


def streaming(**more):
    """Return a node that shows its numbers."""
    streams = ('/policy_node/policy/terms',)
    return view(streams=streams, description=DESCRIPTION, numbers=Numbers(1, NUMBERS), **more)


def picture(*views, width=100, every=False):
    """Return the lines of a picture."""
    console = Console(width=width, record=True, file=open('/dev/null', 'w'), force_terminal=False)  # noqa: SIM115
    console.print(Dashboard(views, NOW, every, '7'))
    return console.export_text().splitlines()


def fault(text, seconds=0.0, level='warn'):
    return Fault(seconds, level, text)


def place_of_mark(line):
    """Return where the mark of a bar stands, −1 to 1."""
    bar = next(part for part in line.split() if '━' in part)
    return np.interp(next(index for index, sign in enumerate(bar) if sign in '●◀▶'), [0, len(bar) - 1], [-1, 1])
