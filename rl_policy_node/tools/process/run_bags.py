# SPDX-License-Identifier: Apache-2.0
"""The bags that the two nodes leave in the output folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from rl_policy_node.nodes.policy.record.record_options import missing_libraries

BAGS: Final = 'bags'


class RunBags(NamedTuple):
    """Where the bags of a run go. reason: why there are none, '': there are.

    bridge, policy: the parameters of each node that ask for its bag.
    """

    folder: Path
    reason: str
    bridge: dict[str, object]
    policy: dict[str, object]

    def __str__(self) -> str:
        told = '; `rl_policy replay` takes that of policy_node' if self.policy else ''
        return f'none: {self.reason}' if self.reason else f'{self.folder}{told}'


def run_bags(output: Path, bridge: bool = True, policy: bool = True) -> RunBags:
    """Return the RunBags of an output folder, which then has no bags of an earlier run any more.

    bridge, policy: whether its bag is wanted.
    """
    folder, missing = output / BAGS, missing_libraries()
    if missing:
        reason = f"they need {', '.join(missing)}; `pip install 'rl_policy_node[record]'`"
        return RunBags(folder, reason, {}, {})
    if folder.is_dir():
        from rl_policy_node.nodes.policy.record.bag_budget import make_room

        make_room(folder, folder, 0, 0)
    path = str(folder.resolve())
    asked: dict[str, object] = {'record.directory': path} if policy else {}
    return RunBags(folder, '' if bridge or policy else 'not asked for', {'sim.record': path} if bridge else {}, asked)
