# SPDX-License-Identifier: Apache-2.0
"""Resolves file parameters: plain paths, or `package://rl_policy_node/…`."""

from pathlib import Path
import sys

PREFIX = 'package://rl_policy_node/'


def resolve(path: str) -> str:
    """Return the path of a file parameter; a relative path starts at the working directory."""
    if not path.startswith(PREFIX):
        return str(Path(path).expanduser()) if path else ''
    inside = path[len(PREFIX) :]
    candidates = [root / inside for root in _roots()]
    return str(next((path for path in candidates if path.exists()), candidates[0]))


def _roots() -> list[Path]:
    """The package itself (models), an installed share folder (config, launch), a checkout."""
    package = Path(__file__).resolve().parent
    return [
        package,
        Path(sys.prefix) / 'share' / 'rl_policy_node',
        package.parent,
        # colcon: <prefix>/lib/python3.X/site-packages/rl_policy_node
        *(parent / 'share' / 'rl_policy_node' for parent in list(package.parents)[2:6]),
    ]
