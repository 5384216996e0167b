# SPDX-License-Identifier: Apache-2.0
"""What the topics of the sources tell: who sends, how often, how old, in which frame, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from rl_policy_node.control.specs import ControlSpec, SourceSpec, TRANSFORM
from rl_policy_node.nodes.doctor.heard import Heard
from rl_policy_node.nodes.doctor.peers import Peer
from rl_policy_node.nodes.doctor.traffic import Traffic
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, FAULT, in_seconds, WARNING

# types of a robot's own state, of which each step wants a new message
OWN_STATE: Final = ('sensor_msgs/msg/JointState', 'sensor_msgs/msg/Imu', 'nav_msgs/msg/Odometry')
SLOW: Final = 0.8  # share of the control rate, below which sensors are too slow (trigger observation stops there)
MARGIN: Final = 1.25  # advised ratio of max_age to the longest gap
UNEVEN: Final = 3.0  # times the median that one gap in ten may last
AHEAD: Final = 0.005  # s that a stamp may lie ahead of this machine's clock
SIMULATED: Final = 0.1  # s, of a simulated clock, which is published less often than it advances
FAR: Final = 1.0  # s: clocks that differ by more were never set to each other


def topic_rules(heard: Heard) -> Iterator[Diagnosis]:
    """Yield what is wrong with the messages of the sources."""
    if heard.clock:
        yield Diagnosis(
            FAULT,
            'time',
            '/clock',
            heard.clock,
            'a publisher of /clock, or the clock of the machine',
            'use_sim_time: false on a robot, or start what publishes /clock',
            'use_sim_time',
        )
    for traffic in heard.traffic:
        spec = heard.control.sources[traffic.source.spec.name]  # the shadow's own are more patient
        yield from _peers(heard, traffic)
        # a message of some joints can be read, and does not make the source complete
        lacking = traffic.source.buffer.parts is not None and np.isinf(traffic.source.buffer.received[traffic.row])
        if not traffic.stamps or lacking:
            yield from _silent(heard, traffic)
            continue
        yield from _refused(traffic)
        yield from _pace(spec, traffic, heard.control)
        if spec.type != TRANSFORM:
            yield from _age(spec, traffic, heard)
            yield from _frame(spec, traffic)


def _name(traffic: Traffic) -> str:
    return f'sources.{traffic.source.spec.name} ({traffic.topic})'


def _silent(heard: Heard, traffic: Traffic) -> Iterator[Diagnosis]:
    """Yield why nothing that could be read has come."""
    spec, peers = traffic.source.spec, heard.publishers_of(traffic.topic)
    where = f'sources.{spec.name}'
    if spec.stale == 'zero':  # a person may be silent: the policy reads zeros
        return
    # robots that lack the same share a line, which ends with their topics
    shared = next((line for line in heard.silent.get(spec.name, []) if traffic.topic in line), '')
    said = shared.rpartition(' on ')[0] or shared or 'no message'
    if traffic.refused:
        yield Diagnosis(
            FAULT,
            'refused',
            _name(traffic),
            f'all {traffic.refused} messages refused: {traffic.fault}',
            'messages as the file describes them',
            f'mend the driver, or {where}',
            where,
        )
    elif traffic.foreign or traffic.source.buffer.parts is not None:
        yield Diagnosis(
            FAULT, 'names', _name(traffic), said, 'the joints that the terms name', 'joints of the terms', 'terms'
        )
    elif not peers:
        yield Diagnosis(
            FAULT,
            'no_publisher',
            _name(traffic),
            said,
            f'a publisher of {spec.type}',
            f'start the driver, or name its topic: ros2 topic list; {where}.topic',
            f'{where}.topic',
        )
    elif not any(peer.mismatch for peer in peers):
        yield Diagnosis(
            FAULT,
            'no_message',
            _name(traffic),
            said,
            'messages',
            f'ros2 topic hz {traffic.topic}; is the sensor on?',
            where,
        )


def _peers(heard: Heard, traffic: Traffic) -> Iterator[Diagnosis]:
    """Yield publishers whose messages cannot pass, and publishers besides the first."""
    spec, peers = traffic.source.spec, heard.publishers_of(traffic.topic)
    where = f'sources.{spec.name}'
    for peer in peers:
        if 'type' in peer.mismatch.split(' ')[:2]:
            yield Diagnosis(
                FAULT,
                'type',
                _name(traffic),
                f'{peer.node}: {peer.mismatch}',
                spec.type,
                f'{where}.type: {peer.type}',
                f'{where}.type',
            )
        elif peer.mismatch:
            yield Diagnosis(
                FAULT,
                'quality_of_service',
                _name(traffic),
                f'{peer.node} ({peer.qos}): {peer.mismatch}',
                'a profile that the publisher can serve',
                _profile_remedy(where, spec, traffic.topic, peer),
                f'{where}.durability',
            )
    several = sorted({peer.node for peer in peers}) if len(peers) > 1 else []
    if several and traffic.source.buffer.parts is None:
        yield Diagnosis(
            FAULT,
            'two_publishers',
            _name(traffic),
            f'{len(peers)} publishers: {", ".join(several)}',
            'one',
            f'stop one of them, or give it a topic of its own: ros2 topic info -v {traffic.topic}',
            f'{where}.topic',
        )


def _profile_remedy(where: str, spec: SourceSpec, topic: str, peer: Peer) -> str:
    if 'volatile' in peer.qos and spec.durability != 'volatile':
        return f'{where}.durability: volatile, or let the driver publish transient_local'
    name = topic if topic.startswith('/') else f'/{topic}'
    return f'qos_overrides.{name}.subscription.reliability: best_effort, or mend the publisher of {peer.node}'


def _refused(traffic: Traffic) -> Iterator[Diagnosis]:
    spec = traffic.source.spec
    count, share = traffic.refused, traffic.refused / max(len(traffic.received), 1)
    if not count or 'ahead' in traffic.fault:  # a clock that is ahead is judged by the ages
        return
    yield Diagnosis(
        FAULT if share > 0.02 else WARNING,
        'refused',
        _name(traffic),
        f'{count} of {len(traffic.received)} messages refused, the last one: {traffic.fault}',
        'none',
        'two publishers, a driver that sends garbage, or another layout than the file describes',
        f'sources.{spec.name}',
    )


def _pace(spec: SourceSpec, traffic: Traffic, control: ControlSpec) -> Iterator[Diagnosis]:
    """Yield rates that are too low, and gaps that are too long."""
    gaps, where = traffic.gaps, f'sources.{spec.name}'
    if not gaps.size or spec.durability == 'transient_local' or spec.stale == 'zero':
        return
    rate, longest = traffic.rate, float(gaps.max())
    wanted = control.rate if spec.type in OWN_STATE or control.timing.trigger == 'observation' else 0.0
    if rate < SLOW * wanted:
        yield Diagnosis(
            FAULT if control.timing.trigger == 'observation' else WARNING,
            'rate',
            _name(traffic),
            f'{rate:.3g} Hz',
            f'at least {SLOW * wanted:g} Hz: the policy steps at {control.rate:g} Hz, and would see old values',
            'let the driver publish at the control rate or faster',
            'control_rate',
        )
    if longest > spec.max_age:
        yield Diagnosis(
            FAULT,
            'gap',
            _name(traffic),
            f'{longest:.3g} s between two messages',
            f'at most max_age, {spec.max_age:g} s',
            f'{where}.max_age above {MARGIN * longest:.2g}, or publish it more often and evenly',
            f'{where}.max_age',
        )
        return
    late, median = float(np.percentile(gaps, 90)), float(np.median(gaps))
    if wanted and late > max(UNEVEN * median, 2.0 / control.rate):
        yield Diagnosis(
            WARNING,
            'jitter',
            _name(traffic),
            f'one gap in ten is longer than {late * 1e3:.0f} ms; half are below {median * 1e3:.0f} ms',
            'even gaps',
            'a loaded machine, or a network that bundles messages',
            where,
        )


def _age(spec: SourceSpec, traffic: Traffic, heard: Heard) -> Iterator[Diagnosis]:
    """Yield stamps that are old, ahead or repeated."""
    age, where = traffic.age, f'sources.{spec.name}'
    # of two publishers each may stamp alike: that is named already
    if traffic.repeated > 0.2 and len(heard.publishers_of(traffic.topic)) < 2:
        yield Diagnosis(
            FAULT,
            'stamp',
            _name(traffic),
            f'{traffic.repeated:.0%} of the messages repeat the stamp before',
            'a new stamp with each measurement',
            'mend the driver: to the policy, a repeated stamp is nothing new',
            where,
        )
    if not spec.use_header_stamp or not np.isfinite(age) or spec.durability == 'transient_local':
        return
    if abs(age) > FAR and not heard.simulated and heard.clocks:
        yield Diagnosis(
            FAULT,
            'time',
            _name(traffic),
            f'stamps {in_seconds(age)} before now, and somebody publishes /clock',
            'one clock',
            'use_sim_time: true',
            'use_sim_time',
        )
    elif age > spec.max_age:
        yield Diagnosis(
            FAULT,
            'age',
            _name(traffic),
            f'stamped {in_seconds(age)} before it arrives',
            f'at most max_age, {spec.max_age:g} s',
            _clock_remedy(where, age),
            f'{where}.max_age',
        )
    elif age < -(SIMULATED if heard.simulated else AHEAD):
        refused = f'; {traffic.refused} refused: {traffic.fault}' if traffic.refused else ''
        yield Diagnosis(
            FAULT if traffic.refused else WARNING,
            'age',
            _name(traffic),
            f'stamped {in_seconds(-age)} ahead of now{refused}',
            'stamps of the past',
            _clock_remedy(where, age),
            where,
        )
    elif age > spec.max_age / 2:
        yield Diagnosis(
            WARNING,
            'age',
            _name(traffic),
            f'stamped {in_seconds(age)} before it arrives',
            f'well below max_age, {spec.max_age:g} s',
            'the driver or the network is slow, or the clocks differ',
            f'{where}.max_age',
        )


def _clock_remedy(where: str, age: float) -> str:
    if abs(age) > FAR:
        return f'set the clocks of both machines to each other (chronyc tracking), or {where}.use_header_stamp: false'
    if age < 0:
        return 'set the clocks of both machines to each other (chronyc tracking)'
    return f'set the clocks (chronyc tracking); a driver that is this slow needs a larger {where}.max_age'


def _frame(spec: SourceSpec, traffic: Traffic) -> Iterator[Diagnosis]:
    frames = sorted(frame for frame in traffic.frames if frame)
    if len(frames) > 1 and not spec.frame_id:
        yield Diagnosis(
            WARNING,
            'frame',
            _name(traffic),
            f'messages in the frames {", ".join(frames)}',
            'one frame',
            f'sources.{spec.name}.frame_id: the right one, which refuses the others',
            f'sources.{spec.name}',
        )
