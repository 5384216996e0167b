# SPDX-License-Identifier: Apache-2.0
"""Profiles of the middleware for large messages, which it loses by default."""

from collections.abc import Mapping
from importlib import metadata
import os

from rclpy.utilities import get_rmw_implementation_identifier

from rl_policy_node.core.protocols import Source
from rl_policy_node.resources import resolve

# bytes of Fast DDS' shared memory, 512 kB by default, without the headers
ROOM = 450_000


def profile() -> tuple[str, str]:
    """Return the environment variable for Fast DDS' profiles, and the path of ours; from Fast DDS 3 both differ."""
    name = 'fastrtps' if _is_fast_dds_2() else 'fastdds'
    path = resolve(f'package://rl_policy_node/config/{name}_large_messages.xml')
    return f'{name.upper()}_DEFAULT_PROFILES_FILE', path


def make_room() -> None:
    """Let the nodes that this process starts from now on use the profile, unless the user has chosen another."""
    variable, path = profile()
    if not _has_chosen(variable):
        os.environ[variable] = path


def _is_fast_dds_2() -> bool:
    if os.environ.get('ROS_DISTRO'):
        return os.environ['ROS_DISTRO'] in ('humble', 'iron', 'jazzy')
    try:
        metadata.version('ros-fastrtps')  # the wheel of Fast DDS 2; no wheel sets ROS_DISTRO
    except metadata.PackageNotFoundError:
        return False
    return True


def _has_chosen(variable: str) -> bool:
    return variable in os.environ or 'FASTDDS_BUILTIN_TRANSPORTS' in os.environ


def advice(sources: Mapping[str, Source]) -> str:
    """Return a warning if the messages of a step do not fit into shared memory, '' if they do. sources: by name."""
    size = sum(value.nbytes for source in sources.values() for value in source.buffer.values.values())
    variable, path = profile()
    if size <= ROOM or _has_chosen(variable) or 'fastrtps' not in get_rmw_implementation_identifier():
        return ''
    return (
        f'each step sends {size / 1e6:.1f} MB, and the shared memory of Fast DDS holds 0.5: what is lost is sent '
        f'again only after 3 s. What helps: {variable}={path}'
    )
