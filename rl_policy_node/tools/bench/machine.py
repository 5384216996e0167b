# SPDX-License-Identifier: Apache-2.0
"""The machine that figures are of, and what its processes take of it."""
from datetime import date
from importlib import metadata
import os
from pathlib import Path
import platform

import torch

PACKAGES = ('torch', 'rl-games', 'numpy', 'onnxruntime', 'onnxruntime-gpu', 'ros-rclpy', 'ros-rmw-fastrtps-cpp')


def describe(device):
    """Return what figures depend on: processor, cores, device, versions, the day. No name and no path."""
    found = {'processor': processor(), 'cores': cores(), 'memory_gb': round(_memory_gb(), 1),
             'system': f'{platform.system()} {platform.release().partition("-")[0]}',
             'python': platform.python_version(), 'ros': os.environ.get('ROS_DISTRO', ''),
             'date': date.today().isoformat(), 'device': device,
             'versions': {name: version for name in PACKAGES for version in [_version(name)] if version}}
    if device.startswith('cuda'):
        found |= {'gpu': torch.cuda.get_device_name(device), 'cuda': torch.version.cuda}
    return found


def processor():
    """Return the processor's name as the system tells it."""
    file = Path('/proc/cpuinfo')
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith(('model name', 'Model'))]
    return names[0] if names else platform.processor() or platform.machine()


def cores():
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


def memory_mb(pid='self'):
    """Return the resident memory of a process, MB."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith('VmRSS'))


def _memory_gb():
    return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2 ** 30


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ''
