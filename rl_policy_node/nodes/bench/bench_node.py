# SPDX-License-Identifier: Apache-2.0
"""The policy node itself, which also notes the times of its start and steps.

    python -m rl_policy_node.nodes.bench.bench_node RECORD.json --ros-args --params-file FILE

It runs as usual; at its end it writes {'moments': name → steady time in ns, 'steps': ns of each step's start,
'seconds': step of loading the policy → s} into the file.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
import json
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

    from rl_policy_node.core import Frame, Outcome
    from rl_policy_node.nodes.parameters.configuration import Configuration
    from rl_policy_node.nodes.policy.policy_node import PolicyNode
    from rl_policy_node.policy import Policy

MOMENTS: dict[str, int] = {'started': time.monotonic_ns()}
STEPS, SECONDS = array('q'), dict[str, float]()


def note(moment: str) -> None:
    """Note the time at which a moment is first reached."""
    MOMENTS.setdefault(moment, time.monotonic_ns())


def main() -> None:
    """Run the node, then write the notes."""
    record = Path(sys.argv.pop(1))
    from rl_policy_node.nodes.policy import policy_node
    from rl_policy_node.nodes.policy.loading import load_policy
    from rl_policy_node.nodes.process.runtime import run

    note('imported')

    def load(configuration: Configuration) -> Policy:
        note('read')
        policy = load_policy(configuration)
        note('loaded')
        SECONDS.update(policy.seconds)
        return policy

    setattr(policy_node, 'load_policy', load)  # noqa: B010 - replaced where it is called from
    code = run(_noting_node(policy_node.PolicyNode))
    record.write_text(json.dumps({'moments': MOMENTS, 'steps': STEPS.tolist(), 'seconds': SECONDS}))
    sys.exit(code)


class Starts:
    """A StepObserver that notes the time at which each step began."""

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Note a step."""
        if outcome.stepped:
            STEPS.append(round(frame.steady * 1e9))
            note('acted')


def _noting_node(node: type[PolicyNode]) -> Callable[[], PolicyNode]:
    """Return a PolicyNode that notes its lifecycle transitions."""

    class NotingNode(node):  # type: ignore[valid-type, misc]  # the class is handed in: importing it is timed
        def __init__(self) -> None:
            super().__init__([Starts()])
            note('created')

        def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
            note('configuring')
            result = super().on_configure(state)
            note('configured')
            return result

        def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
            note('activating')
            return super().on_activate(state)

    return NotingNode


if __name__ == '__main__':
    main()
