# SPDX-License-Identifier: Apache-2.0
"""Transports of Fast DDS: shared memory can block a node, and with its defaults large messages are lost."""

from collections.abc import Mapping, Sequence
import contextlib
from importlib import metadata
import os

from rclpy.utilities import get_rmw_implementation_identifier
import yaml

from rl_policy_node.core.protocols import Source
from rl_policy_node.nodes.parameters.parameter_files import content, named_files
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


def keep_off_shared_memory(arguments: Sequence[str]) -> None:
    """Let the nodes that this process starts from now on use UDP alone, unless their messages are large.

    arguments: of the process, in which ROS arguments and parameter files name the types of the messages.
    """
    if not _name_large_messages(arguments):
        os.environ.update(without_shared_memory())


def without_shared_memory() -> dict[str, str]:
    """Return the environment of a process that shall use UDP alone; {} if the user has chosen the transports.

    While a subscriber appears, Fast DDS may check a port in shared memory for 333 ms, and hold every publisher of the
    process meanwhile (eProsima/Fast-DDS#6535). The port of a killed process can delay a message for longer.
    """
    return {} if _has_chosen(profile()[0]) else {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}


def _name_large_messages(arguments: Sequence[str]) -> bool:
    """Return whether images, messages of many rows or types of plug-ins are named: UDP may lose large messages."""
    if any('Image' in argument or argument.endswith('rows:=true') for argument in arguments):
        return True
    with contextlib.suppress(OSError, yaml.YAMLError):  # rcl says what is wrong with the file
        return any(_is_large(name, value) for path in named_files(arguments) for name, value in content(path))
    return False


def _is_large(parameter: str, value: object) -> bool:
    name = parameter.rpartition('.')[2]
    if name == 'type' and isinstance(value, str):
        return 'Image' in value or ':' in value
    return name == 'rows' and value is True


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
