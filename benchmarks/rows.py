# SPDX-License-Identifier: Apache-2.0
"""Thousands of rows in lockstep over DDS, one message of all rows for each source: what do the messages cost?

    python benchmarks/rows.py --rows 4096 --observations 48 --actions 12 --steps 1000

A simulator bridge that hosts springs.py and a policy node, each a process of its own. The policy is an MLP
(512-256-128), with --lstm an LSTM (2×256) before one of 256-128-64; its weights are random. What policy and
environment take the nodes say themselves; the smaller parts are measured in one process, and what is then
missing to a step is transport and waiting. Fast DDS gets the package's profile for large messages, unless its
variable is set, or --default-transport.
"""

import argparse
import json
from pathlib import Path
import sys
import tempfile
import time

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rows_parts import measure
import torch
from train_config import write_train_config

from rl_policy_node.nodes.simulator.monitor import BridgeMonitor
from rl_policy_node.nodes.topics.transport import make_room
from rl_policy_node.policy import Policy
from rl_policy_node.tools.process.processes import NodeProcess, private_domain

SPRINGS = Path(__file__).with_name('springs.py')
FLOATS = 'std_msgs/msg/Float32MultiArray'
LSTM = [
    '+params.network.rnn={name:lstm,units:256,layers:2,before_mlp:True,layer_norm:False}',
    'params.network.mlp.units=[256,128,64]',
]
MESSAGES = ('encode', 'decode', 'transport')


def parameters(folder, options):
    """Write a policy and return the parameters of both nodes."""
    write_train_config(folder, 'rows', (512, 256, 128))
    overrides = LSTM if options.lstm else []
    policy = Policy.load(
        folder / 'train.yaml',
        device='cpu',
        overrides=overrides,
        spaces={'observation': [options.observations], 'action': options.actions},
    )
    torch.save({'model': policy.player.model.state_dict()}, folder / 'rows.pth')
    return {
        'policy': {
            'train_config': str(folder / 'train.yaml'),
            'checkpoint': str(folder / 'rows.pth'),
            'device': options.device,
            'threads': options.threads,
            **({'overrides': overrides} if overrides else {}),
        },
        'control_rate': 50.0,
        'trigger': 'lockstep',
        'autostart': True,
        'enable': 'none',
        'rows': options.rows,
        'episode_topic': 'episode',
        'sources': {'state': {'topic': 'state', 'type': FLOATS, 'rows': True}},
        'inputs': {'obs': ['state']},
        'terms': {'state': {'source': 'state', 'field': 'data'}},
        'actions': {
            'terms': ['push'],
            'push': {
                'kind': 'raw',
                'size': options.actions,
                'fallback_value': [0.0],
                'rows': True,
                'topic': 'push',
                'type': FLOATS,
            },
        },
        'sim': {
            'environment': f'{SPRINGS}:create',
            'mode': 'lockstep',
            'steps': options.steps,
            'options': [f'observations={options.observations}', f'actions={options.actions}'],
        },
    }


def play(file, folder, options, console):
    """Run both nodes until the bridge has made its steps.

    Returns rows of (s, steps, MB of policy, MB of bridge), and part → ms as the nodes say.
    """
    policy = NodeProcess('policy_node', file, {}, folder / 'policy.log')
    bridge = NodeProcess('sim_bridge_node', file, {}, folder / 'bridge.log')
    seen, thought = [], 0.0
    try:
        with BridgeMonitor('sim_bridge_node', 'policy_node') as monitor, Progress(console=console) as bar:
            task = bar.add_task('steps over DDS', total=options.steps)
            while bridge.poll() is None and policy.poll() is None:
                monitor.poll(0.5)
                steps = int(monitor.status.get('steps', 0))
                thought = monitor.of('policy_node').get('policy p50 [ms]', thought)
                if steps and (not seen or steps != seen[-1][1]) and bridge.poll() is None:
                    seen.append((time.monotonic(), steps, memory_mb(policy), memory_mb(bridge)))
                    bar.update(task, completed=steps)
            parts = {'environment': float(monitor.status['environment_p50_ms']), 'policy': float(thought)}
    finally:
        codes = policy.stop(), bridge.stop()
    if any(codes) or len(seen) < 3:
        raise SystemExit(f'the nodes ended with {codes}:\n{policy.tail()}\n{bridge.tail()}')
    told = [
        line
        for node in (policy, bridge)
        for line in node.tail(10_000).splitlines()
        if 'WARN' in line or 'ERROR' in line
    ]
    console.print('\n'.join(told[:5]) or 'no warnings')
    return np.array(seen), parts


def memory_mb(node):
    """Return the resident memory of a node's process, MB."""
    status = Path(f'/proc/{node.process.pid}/status')
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith('VmRSS')), float('nan'))


def result(options, seen, parts, alone):
    """Return the figures as a dict of plain numbers."""
    # the first status may be older than the nodes' warmest
    (start, first, *_), (end, last, *_) = seen[1], seen[-1]
    step = (end - start) / (last - first) * 1e3
    parts = {**parts, 'transport': step - sum(parts.values())}
    memory = {
        name: [round(value, 1) for value in np.interp(np.linspace(seen[0, 1], last, 6), seen[:, 1], seen[:, at])]
        for name, at in (('policy', 2), ('bridge', 3))
    }
    return {
        'rows': options.rows,
        'observations': options.observations,
        'actions': options.actions,
        'policy': 'LSTM' if options.lstm else 'MLP',
        'threads': options.threads,
        'device': options.device,
        'steps': int(last),
        'steps_per_second': 1e3 / step,
        'rows_per_second': options.rows * 1e3 / step,
        'step_ms': step,
        'in_one_process_ms': alone,
        'parts_ms': parts,
        'share_of_messages': sum(parts[name] for name in MESSAGES) / step,
        'memory_mb': memory,
    }


def show(found, console):
    """Print where the time goes, the memory along the way, and a line for a table."""
    for name, value in found['parts_ms'].items():
        console.print(f'{name:>12} {value:8.3f} ms {value / found["step_ms"]:6.1%}', highlight=False)
    console.print(
        f'{"a step":>12} {found["step_ms"]:8.3f} ms; in one process without ROS {found["in_one_process_ms"]:.3f} ms',
        highlight=False,
    )
    for name, values in found['memory_mb'].items():
        console.print(f'memory of {name}: {" → ".join(f"{value:.0f}" for value in values)} MB', highlight=False)
    console.print(
        '| policy | rows × observations | steps/s | rows/s | in one process, steps/s | in messages |\n'
        f'|---|---|---|---|---|---|\n| {found["policy"]} | {found["rows"]:,} × {found["observations"]} | '
        f'{found["steps_per_second"]:.1f} | {found["rows_per_second"]:,.0f} | '
        f'{1e3 / found["in_one_process_ms"]:.1f} | {found["share_of_messages"]:.0%} |',
        highlight=False,
    )


def main():
    """Run the benchmark, print what it found, and write it as JSON where asked."""
    options, console = _options(), Console(soft_wrap=True)
    private_domain()
    if not options.default_transport:
        make_room()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        file = folder / 'rows.yaml'
        tree = parameters(folder, options)
        file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
        small, alone = measure(tree, console)
        seen, large = play(file, folder, options, console)
    found = result(options, seen, {**large, **small}, alone)
    show(found, console)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=2) + '\n')


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rows', type=int, default=4096)
    parser.add_argument('--observations', type=int, default=48)
    parser.add_argument('--actions', type=int, default=12)
    parser.add_argument('--steps', type=int, default=1000)
    parser.add_argument('--lstm', action='store_true')
    parser.add_argument('--threads', type=int, default=1, help="CPU threads of the policy's torch")
    parser.add_argument('--device', default='cpu', help='torch device of the policy')
    parser.add_argument('--default-transport', action='store_true', help='leave Fast DDS as it is')
    parser.add_argument('--json', help='file for the figures')
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
