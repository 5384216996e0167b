# SPDX-License-Identifier: Apache-2.0
"""Bytes that anyone may send never reach native code unless they can be a message; the node lives and acts."""

import contextlib
import platform
import random
import struct

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import WrenchStamped
from nodes.harness import parameters
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Header, Int64MultiArray

from rl_policy_node.adapters import ADAPTERS
from rl_policy_node.adapters.adapter import message_class
from rl_policy_node.nodes.topics.payload import Payload

# encapsulations without a body, cut, unknown, in parameter lists; padding without a body; a text beyond the end
HOSTILE = [
    '',
    '00',
    '0001',
    '00000001',
    '00010000',
    '00010003',
    '000600e5',
    '000300e500000000',
    '000700000000000000',
    'ffffffff',
    '0001000000000000ffffffff',
    '00010003000000000000000000',
    '000a' + '00' * 64,
]
# long enough, but with lengths beyond the end: native code would refuse these itself, with a line on stderr for each
BROKEN = ['00010000' + 'ff' * 64, '00000000' + 'ff' * 64]


LENGTHS = (0, 1, 7, 255, 2**20, 2**31 - 1, 2**31, 2**32 - 1)


def filled(message, chance):
    """Fill a message's texts and sequences, some of them with nothing, and return it."""
    for name, kind in message.get_fields_and_field_types().items():
        value = getattr(message, name)
        if hasattr(value, 'get_fields_and_field_types'):
            filled(value, chance)
        elif kind == 'string':
            setattr(message, name, 'x' * chance.randrange(9))
        elif kind == 'sequence<string>':
            setattr(message, name, ['a' * chance.randrange(6) for _ in range(chance.randrange(4))])
        elif kind.startswith('sequence<') and '/' in kind:
            element = message_class(kind[9:-1].replace('/', '/msg/'))
            setattr(message, name, [filled(element(), chance) for _ in range(chance.randrange(3))])
        elif kind.startswith('sequence<'):
            setattr(message, name, value.__class__(value.typecode, [3, 2, 1][: chance.randrange(4)]))
    return message


def taken_apart(type_name):
    """Return the message class of a type, or skip where its package is not installed."""
    try:
        return message_class(type_name)
    except ValueError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize('type_name', [*ADAPTERS, 'std_msgs/msg/Header'])
def test_what_is_no_message_is_refused_and_the_shortest_message_is_read(type_name):
    kind = taken_apart(type_name)
    payload = Payload(kind)
    for text in HOSTILE:
        if text.startswith('0001') and len(text) // 2 >= payload.least:
            continue  # for a single number it is one
        with pytest.raises(ValueError):
            payload.check(bytes.fromhex(text))
    empty = serialize_message(kind())
    assert payload.least <= len(empty) - (empty[3] & 3) < payload.least + 16
    assert payload.message(empty) is not None
    with pytest.raises(ValueError, match=f'at least {payload.least}'):
        payload.message(empty[: payload.least - 1])


def test_the_shortest_message_is_exact():
    assert Payload(Header).least == 4 + 8 + 4  # stamp, length of a text
    assert Payload(JointState).least == 16 + 4 * 4  # header, four lengths
    assert Payload(WrenchStamped).least == 4 + 16 + 6 * 8
    assert Payload(Int64MultiArray).least == 4 + 3 * 4


@pytest.mark.parametrize(
    'type_name',
    [
        *ADAPTERS,
        'std_msgs/msg/Header',
        'sensor_msgs/msg/Joy',
        'diagnostic_msgs/msg/DiagnosticArray',
        'sensor_msgs/msg/CameraInfo',
    ],
)
def test_lengths_are_walked_before_native_code_sees_them(type_name, capfd):
    kind, chance = taken_apart(type_name), random.Random(1)
    payload, refused = Payload(kind), 0
    for _ in range(100):
        sound = serialize_message(filled(kind(), chance))
        payload.check(sound)
        broken = bytearray(sound)
        for _ in range(chance.randint(1, 3)):
            struct.pack_into('<I', broken, 4 * chance.randrange(1, len(sound) // 4), chance.choice(LENGTHS))
        try:
            payload.check(bytes(broken))
        except ValueError as error:
            assert 'a field of it ends at' in str(error)
            refused += 1
        else:
            assert payload.message(bytes(broken)) is not None, 'what is let through can be read'
    of_fixed_size = len(sound) - payload.least in (0, 2, 3)  # filled up to a multiple of four
    assert refused or of_fixed_size
    assert not capfd.readouterr().err


@pytest.mark.parametrize('text', BROKEN)
def test_lengths_beyond_the_end_are_refused_in_either_byte_order(text, capfd):
    for kind in (JointState, WrenchStamped, Header):
        with pytest.raises(ValueError, match='a field of it ends at'):
            Payload(kind).message(bytes.fromhex(text))
    assert not capfd.readouterr().err


def test_a_live_node_refuses_and_counts_hostile_bytes_and_goes_on(arm, run):
    node = arm.start(parameters(run, episode_topic='episode'))
    assert arm.live_until(lambda: len(arm.commands) > 5 and arm.commands[-1] != arm.position, 40)
    topics = {
        'joints': (JointState, 'joint_states'),
        'wrench': (WrenchStamped, 'wrench'),
        'episode': (Header, 'episode'),
    }
    publishers = [arm.node.create_publisher(*topic, 10) for topic in topics.values()]
    estop = arm.node.create_publisher(Bool, 'policy_node/estop', 10)
    heard = []
    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', heard.append, 10)
    assert arm.live_until(lambda: all(each.get_subscription_count() for each in [*publishers, estop]), 10)

    def refused(name):
        values = [
            pair.value for array in heard[-1:] for pair in array.status[0].values if pair.key == f'rejected from {name}'
        ]
        return int(values[0].split()[0]) if values else 0

    for text in HOSTILE:
        with contextlib.suppress(RuntimeError):  # the publisher's own middleware may refuse it
            estop.publish(bytes.fromhex(text))  # none of them says true
    for text in [*HOSTILE, *BROKEN]:
        for publisher in publishers:
            publisher.publish(bytes.fromhex(text))
        arm.live(0.05)
    # on the best-effort topics some may be lost
    assert arm.live_until(lambda: all(refused(name) >= len(HOSTILE) // 2 for name in topics), 10), heard[-1:]
    assert heard[-1].status[0].hardware_id == platform.node()
    assert node.poll() is None
    before = len(arm.commands)
    assert arm.live_until(lambda: len(arm.commands) > before + 5 and arm.commands[-1] != arm.position, 10)
