# SPDX-License-Identifier: Apache-2.0
"""The bags that the two nodes leave in the output folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from rl_policy_node.nodes.policy.record.record_options import missing_libraries

BAGS: Final = 'bags'


class RunBags(NamedTuple):
    """Where the bags of a run go. folder: of both. reason: why there are none, '': there are.

    bridge, policy: the parameters of each node that ask for them.
    """

    folder: Path
    reason: str
    bridge: dict[str, object]
    policy: dict[str, object]

    def __str__(self) -> str:
        return f'none: {self.reason}' if self.reason else f'{self.folder}; `rl_policy replay` takes that of the policy'


def run_bags(output: Path, wanted: bool = True) -> RunBags:
    """Return the RunBags of an output folder, which has no bags of an earlier run any more."""
    folder, missing = output / BAGS, missing_libraries()
    if missing:
        reason = f"they need {', '.join(missing)}; `pip install 'rl_policy_node[record]'`"
        return RunBags(folder, reason, {}, {})
    if folder.is_dir():
        from rl_policy_node.nodes.policy.record.bag_budget import make_room

        make_room(folder, folder, 0, 0)
    if not wanted:
        return RunBags(folder, 'none are wanted', {}, {})
    path = str(folder.resolve())
    return RunBags(folder, '', {'sim.record': path}, {'record.directory': path})
