# SPDX-License-Identifier: Apache-2.0
"""A process that loads a policy, steps it, and prints the memory that it takes.

python -m rl_policy_node.tools.bench.memory_probe FOLDER MODEL ROWS DEVICE
"""

import gc
import json
from pathlib import Path
import sys

import torch

from rl_policy_node.policy import set_threads
from rl_policy_node.tools.bench.machine import memory_mb
from rl_policy_node.tools.bench.models import STEPPED

STEPS = 5


def main() -> None:
    """Print {'resident', 'device', 'state_kb'} in kB."""
    folder, name, rows, device = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    set_threads(1)
    model = next(model for model in STEPPED if model.name == name)
    policy = model.load(folder, rows, 'auto', device, 1)
    observations = model.observations(rows)
    for _ in range(STEPS):
        policy.act(observations)
    gc.collect()
    states = getattr(policy.player, 'states', None) or []
    print(
        json.dumps(
            {
                'resident': memory_mb() * 1024,
                'state_kb': sum(state.nbytes for state in states) / 1024,
                'device': torch.cuda.memory_reserved(device) / 1024 if device.startswith('cuda') else 0.0,
            }
        )
    )


if __name__ == '__main__':
    main()
