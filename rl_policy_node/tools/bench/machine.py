# SPDX-License-Identifier: Apache-2.0
"""The machine of the figures, and the memory of its processes."""

import contextlib
from datetime import date
from importlib import metadata
import os
from pathlib import Path
import platform

import torch

from rl_policy_node.tools.bench.section import Results

PACKAGES = ('torch', 'rl-games', 'numpy', 'onnxruntime', 'onnxruntime-gpu', 'ros-rclpy', 'ros-rmw-fastrtps-cpp')


def describe(device: str) -> Results:
    """Return the conditions of the figures: processor, cores, device, versions, day; no host name and no path."""
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    found = {
        'processor': _processor(),
        'cores': cores(),
        'memory_gb': round(memory / 2**30, 1),
        'system': f'{platform.system()} {platform.release().partition("-")[0]}',
        'python': platform.python_version(),
        'ros': os.environ.get('ROS_DISTRO', ''),
        'date': date.today().isoformat(),
        'device': device,
        'versions': versions,
    }
    if device.startswith('cuda'):
        found |= {'gpu': torch.cuda.get_device_name(device), 'cuda': torch.version.cuda}
    return found


def _processor() -> str:
    """Return the processor's name as the system gives it."""
    file = Path('/proc/cpuinfo')
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith(('model name', 'Model'))]
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def memory_mb(pid: int | str = 'self') -> float:
    """Return the resident memory of a process, MB."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith('VmRSS'))
