# SPDX-License-Identifier: Apache-2.0
"""Commands as messages: each kind on each of its types, there and back; and choices through a whole step."""

from dataclasses import replace
import types

from control.action_bench import spec
from hypothesis import given
from hypothesis import strategies as st
from nodes.harness import parameters
from nodes.stepper_bench import Bench, flat
import numpy as np
import pytest
from rclpy.serialization import deserialize_message

from rl_policy_node.adapters.standard import MultiArrayAdapter
from rl_policy_node.control.action_terms import command_shapes, KINDS
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.topics.serialized import template
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.policy import Policy

TRAJECTORY = 'trajectory_msgs/msg/JointTrajectory'
NUMBER = 'std_msgs/msg/Float64'
PAIRS = [(kind, name) for kind in KINDS for name in KINDS[kind].message_types]


def control(period, lockstep=False):
    """Return what a sink takes of a ControlSpec."""
    return types.SimpleNamespace(robots=('', ''), rows=2, rate=1.0 / period, lockstep=lockstep)


def message_of(sink, command, row):
    """Return the message of a robot's command, stamped 1 s."""
    ((_, message),) = sink.messages(command, np.full(2, 10**9), np.arange(2) == row)
    return message


def typed(kind, name, **options):
    """Return the spec of a kind whose command fits the message type."""
    if name == NUMBER and kind in ('raw', 'discrete'):
        options.update({'raw': {'size': 1}, 'discrete': {'table_columns': 1}}[kind])
    return replace(spec(kind, **options), type=name)


@pytest.mark.parametrize('kind, name', PAIRS)
def test_command_comes_back_from_its_message(kind, name):
    sink = Sink(typed(kind, name), control(0.02))
    random = np.random.default_rng(0)
    command = {
        field: random.uniform(-1, 1, (2, *shape)).astype(np.float32).astype(np.float64)
        for field, shape in command_shapes(sink.spec).items()
    }
    if 'orientation' in command:
        command['orientation'] /= np.linalg.norm(command['orientation'], axis=1, keepdims=True)
    buffer = sink.buffer(2)
    for row in range(2):
        buffer.write(slice(row, row + 1), sink.read(row, message_of(sink, command, row)), 0, 0.0)
    for field, value in command.items():
        np.testing.assert_array_equal(buffer.values[field], value)


def all_rows(kind):
    """Return specs of a kind, of types of arrays, whose one message carries all rows."""
    arrays = [name for name in KINDS[kind].message_types if name.endswith('MultiArray')]
    return [replace(spec(kind), type=name, rows=True) for name in arrays]


@pytest.mark.parametrize(
    'each',
    [typed(*pair) for pair in PAIRS] + all_rows('raw') + all_rows('joint_position'),
    ids=lambda each: f'{each.kind}-{each.type.split("/")[-1]}{"-rows" * each.rows}',
)
@given(seed=st.integers(0, 2**32 - 1), only=st.lists(st.booleans(), min_size=2, max_size=2))
def test_what_is_published_is_what_the_messages_say(each, seed, only):
    """Serialized beforehand or made field by field: the same messages of the same rows, step after step."""
    sink, random = Sink(each, control(0.02)), np.random.default_rng(seed)
    assert None not in sink._templates
    for _ in range(2):
        command = {
            field: random.normal(0.0, 10.0 ** random.integers(-40, 19), (2, *shape))
            for field, shape in command_shapes(each).items()
        }
        stamps = random.integers(0, 2**31 * 10**9, 2)
        made = [*sink.messages(command, stamps, np.array(only))]
        sent = [*sink.outgoing(command, stamps, np.array(only))]
        assert len(made) == (any(only) if each.rows else sum(only))
        assert [(row, deserialize_message(message, sink.adapter.message_type)) for row, message in sent] == made
        assert all(isinstance(message, bytes) for _, message in sent)


def test_a_number_without_room_in_the_message_is_not_published():
    sink = Sink(typed('raw', 'std_msgs/msg/Float32MultiArray'), control(0.02))
    for way in (sink.messages, sink.outgoing):
        with pytest.raises(ValueError, match='data has the value 1e[+]39, for which float32 has no room'):
            list(way({'data': np.full((2, 2), 1e39)}, np.zeros(2, np.int64), np.ones(2, bool)))


class Rounding(MultiArrayAdapter):
    """An adapter of a user's own, whose numbers lie in the message as others than were given."""

    type_name, code, dtype = 'std_msgs/msg/Float64MultiArray', 'd', np.float64

    def to_message(self, arrays, stamp, names=()):
        return super().to_message({field: value.round(1) for field, value in arrays.items()}, stamp, names)


def test_what_cannot_be_serialized_beforehand_is_published_as_a_message():
    shapes = {'data': (2,)}
    assert template(Rounding().to_message, shapes, np.float64) is None
    sink = Sink(typed('raw', f'{__name__}:Rounding'), control(0.02))
    ((row, message),) = sink.outgoing({'data': np.full((2, 2), 0.26)}, np.zeros(2, np.int64), np.array([False, True]))
    assert row == 1 and list(message.data) == [0.3, 0.3]


def test_every_kind_has_messages():
    assert all(kind.message_types for kind in KINDS.values())


@pytest.mark.parametrize(
    'kind, field', [('joint_delta', 'position'), ('joint_velocity', 'velocity'), ('effort', 'effort')]
)
def test_joint_state_carries_its_field_by_name_and_no_other(kind, field):
    sink = Sink(typed(kind, 'sensor_msgs/msg/JointState'), control(0.02))
    message = message_of(sink, {field: np.array([[1.0, 2.0, 3.0]])}, 0)
    assert list(message.name) == ['hip', 'knee', 'ankle'] and list(getattr(message, field)) == [1, 2, 3]
    assert sum(len(getattr(message, each)) for each in ('position', 'velocity', 'effort')) == 3


@pytest.mark.parametrize(
    'start, trigger, stated, milliseconds, stamp',
    [
        ('now', 'timer', 0.0, 20, 0),
        ('now', 'timer', 0.5, 500, 0),
        ('observation', 'timer', 0.0, 40, 1),
        ('observation', 'timer', 0.5, 500, 1),
        ('now', 'lockstep', 0.0, 40, 1),
    ],
)
def test_trajectory_starts_now_or_at_the_observation(start, trigger, stated, milliseconds, stamp):
    sink = Sink(
        typed('joint_position', TRAJECTORY, time_from_start=stated, trajectory_start=start),
        control(0.02, trigger == 'lockstep'),
    )
    message = message_of(sink, {'position': np.zeros((1, 3))}, 0)
    point = message.points[0]
    assert (point.time_from_start.sec, point.time_from_start.nanosec) == (0, milliseconds * 10**6)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (stamp, 0)


@pytest.mark.parametrize(
    'each, told',
    [
        (typed('effort', TRAJECTORY), r'unknown message type .*actions\.it\.type \(kind effort\); valid: sensor_msgs'),
        (replace(spec('raw'), type=NUMBER), r'actions\.it: std_msgs/msg/Float64 carries 1 number'),
        (
            replace(spec('gripper', source='', joints=(), fallback='value', fallback_value=(0.0,)), type=TRAJECTORY),
            r'actions\.it: trajectory_msgs/msg/JointTrajectory needs joints',
        ),
        (
            replace(spec('twist', time_from_start=0.1), type='geometry_msgs/msg/Twist'),
            r'actions\.it\.time_from_start means nothing to geometry_msgs/msg/Twist',
        ),
        (
            replace(spec('twist', trajectory_start='observation'), type='geometry_msgs/msg/Twist'),
            r'actions\.it\.trajectory_start means nothing to geometry_msgs/msg/Twist',
        ),
    ],
)
def test_message_that_cannot_carry_the_command_is_refused(each, told):
    with pytest.raises(ConfigurationError, match=told):
        Sink(each, control(0.02))


def test_every_parameter_of_an_action_reaches_its_term(run):
    made = configuration(
        flat(
            parameters(
                run,
                **{
                    'blend_in': 1.5,
                    'blend': 0.5,
                    'actions.terms': ['arm', 'base'],
                    'actions.arm.max_velocity': [1.0, 2.0, 3.0],
                    'actions.base': {
                        'kind': 'twist',
                        'topic': 'cmd_vel',
                        'type': 'geometry_msgs/msg/Twist',
                        'axes': ['x', 'yaw'],
                        'max_velocity': 1.0,
                        'max_angular_velocity': 2.0,
                        'smoothing': 0.5,
                    },
                },
            )
        )
    ).control
    arm, base = made.actions
    assert (made.blending.blend_in, made.blending.blend) == (1.5, 0.5)
    assert (arm.options.max_velocity, arm.fallback) == ((1.0, 2.0, 3.0), 'hold')
    assert (base.options.axes, base.options.max_velocity, base.fallback) == (('x', 'yaw'), (1.0,), 'zero')
    assert (base.options.smoothing, base.source) == (0.5, '')


class Chooser(Policy):
    """The tiny policy's inputs, and one choice out of three: the row's number plus one."""

    @classmethod
    def load(cls, *arguments, **options):
        policy = super().load(*arguments, **options)
        policy.spaces = replace(policy.spaces, action={'discrete': 3})
        return policy

    def act(self, observations, hold=None):
        return np.array([[1], [2]])


def test_choices_are_commanded_whatever_clip_the_run_had_and_are_seen_as_the_last_action(run):
    bench = Bench(
        run,
        Chooser,
        **{
            'policy.clip_actions': 1.0,
            'actions.terms': ['arm'],
            'actions.arm': {
                'kind': 'discrete',
                'topic': 'push',
                'type': 'std_msgs/msg/Float64',
                'table_columns': 1,
                'table': [0.0, -1.0, 1.0],
                'fallback_value': [0.0],
            },
        },
    )
    bench.feed()
    bench.start()
    bench.step()
    assert bench.commands[-1]['data'].tolist() == [[-1.0], [1.0]]
    last_action = bench.cycle.stepper.state()['last_action']
    assert last_action.dtype == np.float32 and last_action.tolist() == [[1.0], [2.0]]
    bench.cycle.stop()
    assert bench.commands[-1]['data'].tolist() == [[0.0], [0.0]]
