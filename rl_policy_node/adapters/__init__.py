"""One two-way adapter per message type, found by the type's name."""
from rl_policy_node.adapters.base import Adapter, MessageError
from rl_policy_node.adapters.geometry import PoseStampedAdapter, WrenchStampedAdapter
from rl_policy_node.adapters.multi_array import Float32MultiArrayAdapter, Float64MultiArrayAdapter
from rl_policy_node.adapters.sensor import ImageAdapter, JointStateAdapter
from rl_policy_node.errors import unknown

ADAPTERS = {adapter.type_name: adapter for adapter in (
    Float32MultiArrayAdapter, Float64MultiArrayAdapter, ImageAdapter, JointStateAdapter,
    PoseStampedAdapter, WrenchStampedAdapter)}


def create_adapter(type_name, where, **options):
    """Return the adapter for `package/msg/Type`; options are the source's own (encoding, frame_id)."""
    if type_name not in ADAPTERS:
        raise unknown('message type', type_name, ADAPTERS, where)
    return ADAPTERS[type_name](**options)


__all__ = ['ADAPTERS', 'Adapter', 'MessageError', 'create_adapter']
