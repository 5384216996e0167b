"""geometry_msgs: poses (m; quaternions x, y, z, w) and wrenches (N, N·m)."""
from geometry_msgs.msg import PoseStamped, WrenchStamped
import numpy as np

from rl_policy_node.adapters.base import Adapter


class PoseStampedAdapter(Adapter):
    """`position` (3,) m and `orientation` (4,) xyzw, in the header's frame."""

    type_name = 'geometry_msgs/msg/PoseStamped'
    message_type = PoseStamped
    fields = {'position': (3,), 'orientation': (4,)}
    has_header = True

    def to_arrays(self, message):
        p, q = message.pose.position, message.pose.orientation
        orientation = np.array([q.x, q.y, q.z, q.w])
        if abs(orientation @ orientation - 1.0) > 1e-3:
            raise ValueError(f'orientation {orientation.tolist()} is not a unit quaternion (x, y, z, w)')
        return {'position': np.array([p.x, p.y, p.z]), 'orientation': orientation}

    def to_message(self, arrays, stamp, names=()):
        message = self._stamped(stamp)
        p, q = message.pose.position, message.pose.orientation
        p.x, p.y, p.z = map(float, arrays['position'])
        q.x, q.y, q.z, q.w = map(float, arrays['orientation'])
        return message


class WrenchStampedAdapter(Adapter):
    """`force` (3,) N and `torque` (3,) N·m, in the header's frame."""

    type_name = 'geometry_msgs/msg/WrenchStamped'
    message_type = WrenchStamped
    fields = {'force': (3,), 'torque': (3,)}
    has_header = True

    def to_arrays(self, message):
        f, t = message.wrench.force, message.wrench.torque
        return {'force': np.array([f.x, f.y, f.z]), 'torque': np.array([t.x, t.y, t.z])}

    def to_message(self, arrays, stamp, names=()):
        message = self._stamped(stamp)
        f, t = message.wrench.force, message.wrench.torque
        f.x, f.y, f.z = map(float, arrays['force'])
        t.x, t.y, t.z = map(float, arrays['torque'])
        return message
