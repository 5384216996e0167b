# SPDX-License-Identifier: Apache-2.0
"""Events survive their way into bytes and back, bit for bit."""

import hashlib
from types import MappingProxyType

import msgpack
from nodes.recorded_events import Events, same
import numpy as np
import pytest

from rl_policy_node.core import recording
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.record.event_codec import Checksum, FIELDS, packed, refuse_others, unpacked


@pytest.mark.parametrize('seed', range(5))
def test_random_events_come_back_bit_for_bit(seed):
    events = Events(seed).some(100)
    assert {type(event) for event in events} >= {recording.Message, recording.Step, recording.Snapshot}
    found = unpacked(packed(events, {}), pytest.fail)
    assert len(found) == len(events) and all(map(same, events, found))


def test_a_mapping_of_any_kind_comes_back_as_a_dict():
    step = Events(1).look()
    step = step._replace(frame=step.frame._replace(robot_states=MappingProxyType(step.frame.robot_states)))
    (found,) = unpacked(packed([step], {}), pytest.fail)
    assert same(found, step) and type(found.frame.robot_states) is dict


def test_comparison_notices_a_bit():
    one, other = Events(1).step(), Events(1).step()
    assert same(one, other)
    other.outcome.actions[1, 2] = np.nextafter(other.outcome.actions[1, 2], np.float32(9))
    assert not same(one, other)


def test_payloads_that_lie_elsewhere_are_fetched_from_there():
    made = Events(2)
    events = [made.message(), made.command(), made.refused()]
    data = packed(events, {0: 7, 1: 8})
    assert events[0].payload not in data and events[1].payload not in data and events[2].payload in data
    found = unpacked(data, {7: events[0].payload, 8: events[1].payload}.__getitem__)
    assert all(map(same, events, found))


def test_a_large_input_is_kept_as_its_checksum():
    step = Events(3, inputs=10_000).step()
    (found,) = unpacked(packed([step], {}), pytest.fail)
    whole = step.outcome.inputs['obs']
    assert found.outcome.inputs['obs'] == Checksum.of(whole) != Checksum.of(whole + 1)
    assert found.outcome.inputs['obs'].digest == hashlib.blake2b(whole.tobytes(), digest_size=16).digest()
    assert same(found._replace(outcome=None), step._replace(outcome=None))


def test_arrays_do_not_share_the_memory_of_the_bytes_and_do_not_change():
    (found,) = unpacked(packed([Events(4).step()], {}), pytest.fail)
    array = found.outcome.actions
    assert array.flags.aligned and array.flags.owndata and not array.flags.writeable


def test_what_is_no_event_is_refused():
    with pytest.raises(TypeError, match='cannot hold a list'):
        packed([recording.Ended(['a list'])], {})


@pytest.mark.parametrize('data', [b'', b'\xc1', b'junk', msgpack.packb([99, []])])
def test_bytes_that_are_no_record_are_named(data):
    with pytest.raises(ConfigurationError, match='record'):
        unpacked(data, pytest.fail)


def test_fields_of_another_version_are_named():
    refuse_others(FIELDS)
    with pytest.raises(ConfigurationError, match="'Step' has the fields.*'later'"):
        refuse_others({**FIELDS, 'Step': (*FIELDS['Step'], 'later')})
    with pytest.raises(ConfigurationError, match='another rl_policy_node'):
        refuse_others({})
