# SPDX-License-Identifier: Apache-2.0
"""Record the insertion with a bad network in real time, and replay it: is every step the same, to the last bit?

    python benchmarks/replay.py [--minutes 60] [--latency 0.02] [--drop 0.02] [--folder DIR]

Four arms with touch at 60 Hz, policy node and simulator over DDS on this machine. Each episode resets its arm, and lost
messages put arms on their fallback; a count of both is printed, so that a run without them is seen. Then
`rl_policy replay` recomputes the bag without ROS. Exits with 1 if a step differs. --folder keeps the bag.
"""

import argparse
from collections import Counter
import json
from pathlib import Path
import sys
import tempfile

from rich.console import Console

from rl_policy_node.core.recording import Event, Fallback, Gap, Message, Step
from rl_policy_node.resources import resolve
from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.command import INSERTION
from rl_policy_node.tools.process.processes import private_domain
from rl_policy_node.tools.process.two_nodes import play_through_nodes
from rl_policy_node.tools.replay.recorded_configuration import Changes
from rl_policy_node.tools.replay.replay_bag import Files, replay

EPISODE, ARMS = 256 / 60, 4  # s of an episode; number of arms


def main() -> int:
    """Record, replay, print what was in it; return 0 if all is equal."""
    options = _options()
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        private_domain()
        record(folder, options, console)
        (bag,) = sorted(path for path in (folder / 'bags').iterdir() if path.is_dir())
        size = sum(file.stat().st_size for file in bag.iterdir()) / 1e6
        console.print(f'{len(list(bag.glob("*.mcap")))} files, {size:.0f} MB', highlight=False)
        equal = replay(open_bag(bag), Changes(), Files(json=str(folder / 'verdict.json')), console)
        found = Counter(kind for event in open_bag(bag).events() for kind in kinds_of(event))
        console.print(json.dumps(found), highlight=False)
    return 0 if equal else 1


def record(folder: Path, options: argparse.Namespace, console: Console) -> None:
    """Play the insertion in real time; the policy node records into `folder`/bags."""
    names = [f'arm_{row}' for row in range(ARMS)]
    bridge = {
        'sim.mode': 'real_time',
        'sim.latency': options.latency,
        'sim.drop': options.drop,
        'sim.seed': options.seed,
        'sim.episodes': max(round(options.minutes * 60 / EPISODE * ARMS), 1),
        'sim.stagger': True,
        'robots': names,
    }
    policy = {
        'autostart': True,
        'use_sim_time': True,
        'robots': names,
        'record.directory': str((folder / 'bags').resolve()),
    }
    episodes = int(bridge['sim.episodes'])
    play_through_nodes(console, resolve(INSERTION), bridge, policy, episodes, folder)


def kinds_of(event: Event) -> list[str]:
    """Return what an event is, and for a step what was in it, for a count of each."""
    kinds = [type(event).__name__]
    if isinstance(event, Message) and event.refusal:
        kinds.append('refused messages')
    elif isinstance(event, Gap):
        kinds += ['dropped events'] * event.events
    elif isinstance(event, Fallback) and event.sent is not None:
        kinds.append('fallbacks in place of a step')
    elif isinstance(event, Step) and event.outcome is not None:
        kinds += ['rows that began anew'] * int(event.outcome.reset.sum())
        kinds += ['rows on their fallback'] * len(event.outcome.reasons)
    return kinds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=60.0)
    parser.add_argument('--latency', type=float, default=0.02, help='s')
    parser.add_argument('--drop', type=float, default=0.02, help='share of the messages that are lost')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--folder', help='keep bag, logs and verdict there')
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
