# SPDX-License-Identifier: Apache-2.0
"""Frames as sources: what is looked up, for whom, and what is said where tf2_ros is not installed."""

from geometry_msgs.msg import TransformStamped
import pytest
import rclpy

from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.transforms import Transforms


class Tree:
    """What of tf2_ros is used: a buffer of transforms that a listener would fill."""

    class TransformException(Exception):
        """A transform that is not there."""

    def __init__(self):
        self.known, self.listening = {}, 0

    def Buffer(self):
        return self

    def TransformListener(self, _buffer, _node):
        self.listening += 1
        return self

    def unregister(self):
        self.listening -= 1

    def lookup_transform(self, target, source, _time):
        if (target, source) not in self.known:
            raise self.TransformException(f'{target} and {source} are not connected')
        return self.known[target, source]

    def set(self, target, source, stamp):
        message = TransformStamped(child_frame_id=source)
        message.header.frame_id, message.header.stamp.sec = target, stamp
        self.known[target, source] = message


class Source:
    """A source of which only the spec is looked at."""

    def __init__(self, **frames):
        self.spec = SourceSpec('tool', '', 'tf2', **frames)


class Control:
    robots, rate = ('left', 'right'), 50.0


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('transforms', context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_each_robot_gets_its_own_frames_once_each(node):
    tree, heard = Tree(), []
    transforms = Transforms(
        node,
        Control,
        [Source(target_frame='{robot}/base', source_frame='{robot}/tool')],
        lambda source, rows, message: heard.append((rows.start, message.header.stamp.sec)),
        tree,
    )
    transforms.poll()
    assert heard == []
    tree.set('left/base', 'left/tool', 5)
    transforms.poll()
    transforms.poll()
    tree.set('right/base', 'right/tool', 6)
    tree.set('left/base', 'left/tool', 7)
    transforms.poll()
    assert heard == [(0, 5), (0, 7), (1, 6)]
    transforms.close()
    assert tree.listening == 0


def test_a_static_transform_is_measured_whenever_it_is_looked_up(node):
    tree, heard = Tree(), []
    transforms = Transforms(
        node,
        Control,
        [Source(target_frame='map', source_frame='socket')],
        lambda source, rows, message: heard.append(rows.start),
        tree,
    )
    tree.set('map', 'socket', 0)
    transforms.poll()
    transforms.poll()
    assert heard == [0, 1, 0, 1]
    transforms.close()


def test_what_is_missing_is_named(node):
    with pytest.raises(ConfigurationError, match='sources.tool: type tf2 needs target_frame and source_frame'):
        Source(target_frame='base')
    try:
        import tf2_ros  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigurationError, match='need tf2_ros, which is not installed here'):
            Transforms(node, Control, [Source(target_frame='a', source_frame='b')], print)
