# SPDX-License-Identifier: Apache-2.0
"""What machine it is: a process of its own, which tells at once where torch sees no such device.

python -m gpu_check_parts.machine DEVICE FILE
"""

import json
from pathlib import Path
import sys

import torch

from rl_policy_node.tools.bench.machine import describe


def main():
    """Write what figures depend on; exit with a line where the device is not there."""
    device, file = sys.argv[1], Path(sys.argv[2])
    if device != 'cpu' and not device.startswith('cuda'):
        sys.exit(f"gpu_check: device '{device}'; valid: cpu, cuda:0, …")
    if device != 'cpu' and not torch.cuda.is_available():
        sys.exit(f"gpu_check: device '{device}': torch {torch.__version__} sees no CUDA device; valid: cpu")
    found = describe(device)
    if device != 'cpu':
        properties = torch.cuda.get_device_properties(device)
        found |= {
            'capability': f'{properties.major}.{properties.minor}',
            'cudnn': torch.backends.cudnn.version(),
            'gpu_memory_gb': round(properties.total_memory / 2**30, 1),
        }
    file.write_text(json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
    main()
