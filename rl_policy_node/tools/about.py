# SPDX-License-Identifier: Apache-2.0
"""What figures are of: the policy and its checkpoint, the day, the machine, the versions, the command line."""

from __future__ import annotations

from datetime import datetime, timezone
import hashlib
from importlib import metadata
from pathlib import Path
import shlex
import sys

from rl_policy_node.nodes.interfaces import Summary
from rl_policy_node.nodes.parameters.configuration import PolicySpec
from rl_policy_node.tools.bench.machine import describe


def about(spec: PolicySpec) -> Summary:
    """Return what a run of a policy is of.

    Keys: policy, checkpoint, checkpoint_sha256, date, machine, versions, command. What is not known is left out.
    """
    described = describe('cpu')
    versions = {'rl_policy_node': metadata.version('rl_policy_node'), 'python': described['python']}
    cores, memory = f'{described["cores"]} cores', f'{described["memory_gb"]} GB'
    return {
        **_policy(spec),
        'date': datetime.now(timezone.utc).isoformat(' ', 'minutes').replace('+00:00', ' UTC'),
        'machine': ', '.join([described['processor'], cores, memory, described['system']]),
        'versions': {**versions, **described['versions']},
        'command': shlex.join(['rl_policy', *sys.argv[1:]]),
    }


def _policy(spec: PolicySpec) -> dict[str, str]:
    """Return the name of the policy, and path and checksum of its checkpoint."""
    from rl_policy_node.policy.run.trained_run import TrainedRun

    run = TrainedRun.read(spec.train_config, spec.checkpoint, spec.overrides)
    path = run.checkpoint_choice[0]
    if path is None:
        return {'policy': run.config.name}
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return {'policy': run.config.name, 'checkpoint': str(path), 'checkpoint_sha256': digest}
