"""What the middleware loses where much is sent at once, and what helps."""
from collections.abc import Mapping
import os

from rclpy.utilities import get_rmw_implementation_identifier

from rl_policy_node.nodes.protocols import Source
from rl_policy_node.resources import resolve

PROFILE = 'package://rl_policy_node/config/fastdds_large_messages.xml'
# of Fast DDS' shared memory, 512 kB by default, without what the headers take
ROOM = 450_000


def profiles_variable() -> str:
    """Return the name of the variable that names Fast DDS' profiles; it changed after Jazzy."""
    old = os.environ.get('ROS_DISTRO', '') in ('humble', 'iron', 'jazzy')
    return 'FASTRTPS_DEFAULT_PROFILES_FILE' if old else 'FASTDDS_DEFAULT_PROFILES_FILE'


def make_room() -> None:
    """Have the nodes that this process starts from now on use the profile, unless the user has chosen."""
    if not _chosen():
        os.environ[profiles_variable()] = resolve(PROFILE)


def _chosen() -> bool:
    return profiles_variable() in os.environ or 'FASTDDS_BUILTIN_TRANSPORTS' in os.environ


def advice(sources: Mapping[str, Source]) -> str:
    """Return what to say of sources (name → Source) whose messages of a step do not fit, or ''."""
    size = sum(value.nbytes for source in sources.values() for value in source.buffer.values.values())
    if size <= ROOM or _chosen() or 'fastrtps' not in get_rmw_implementation_identifier():
        return ''
    return (f'each step sends {size / 1e6:.1f} MB, and the shared memory of Fast DDS holds 0.5: what is lost is sent '
            f'again only after 3 s. What helps: {profiles_variable()}={resolve(PROFILE)}')
