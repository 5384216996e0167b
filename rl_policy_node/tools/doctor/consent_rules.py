# SPDX-License-Identifier: Apache-2.0
"""Who enables the robot, who hears the commands, and who else sends them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rl_policy_node.nodes.doctor.heard import CommandTopic, Heard
from rl_policy_node.nodes.topics.links import GUARDIAN
from rl_policy_node.tools.doctor.diagnosis import Diagnosis, FAULT, WARNING

_POLICY_NODES = ('policy_node', f'policy_node{GUARDIAN}')


def consent_rules(heard: Heard) -> Iterator[Diagnosis]:
    """Yield what keeps the robot from moving, or from being stopped."""
    yield from _enable(heard)
    yield from _states(heard)
    for command in heard.commands:
        yield from _listeners(command)
        yield from _commanders(command)


def _enable(heard: Heard) -> Iterator[Diagnosis]:
    spec = heard.configuration.enable
    if not spec.topic:
        return
    peers = heard.publishers_of(spec.topic)
    faults = [f'{peer.node}: {peer.mismatch}' for peer in peers if peer.mismatch]
    times = [now for now, _ in heard.enabled]
    if not peers or faults:
        yield Diagnosis(
            FAULT,
            'enable',
            f'enable.topic ({spec.topic})',
            '; '.join(faults) or 'no publisher',
            f'a publisher of {spec.type}, held by a person',
            'start the joystick or the button, or name its topic',
            'enable.topic',
        )
    elif len(times) > 1 and max(np.diff(times)) > spec.timeout:
        yield Diagnosis(
            FAULT,
            'enable',
            f'enable.topic ({spec.topic})',
            f'{max(np.diff(times)):.3g} s between two messages',
            f'less than enable.timeout, {spec.timeout:g} s',
            'let it repeat while it is held (joy: autorepeat_rate: 20.0)',
            'enable.timeout',
        )


def _states(heard: Heard) -> Iterator[Diagnosis]:
    spec, control = heard.configuration.robot_state, heard.control
    for row in range(control.rows) if spec.topic else ():
        refusal = heard.states.get(row)
        if refusal != '':
            yield Diagnosis(
                WARNING if refusal else FAULT,
                'robot_state',
                'robot_state.topic',
                refusal or f'no message on {spec.topic}',
                f'a message with {" or ".join(spec.permitted)}',
                'bring the robot into that state (brakes, mode, faults), or mend robot_state.values',
                'robot_state.topic',
            )


def _listeners(command: CommandTopic) -> Iterator[Diagnosis]:
    where = f'actions.{command.action}'
    about = f'{where} ({command.topic})'
    if not command.subscribers:
        yield Diagnosis(
            FAULT,
            'listener',
            about,
            'nobody subscribes',
            "the robot's controller",
            f'start the controller (ros2 control list_controllers), or name its topic: {where}.topic',
            f'{where}.topic',
        )
    deaf = [peer for peer in command.subscribers if peer.mismatch]
    for peer in deaf:
        yield Diagnosis(
            FAULT if len(deaf) == len(command.subscribers) else WARNING,
            'listener',
            about,
            f'{peer.node} hears nothing: {peer.mismatch}',
            'a subscription that fits',
            f'{where}.type, or qos_overrides.{command.topic}.publisher',
            f'{where}.type',
        )


def _commanders(command: CommandTopic) -> Iterator[Diagnosis]:
    for peer in command.publishers:
        ours = peer.node.rpartition('/')[2] in _POLICY_NODES
        yield Diagnosis(
            WARNING if ours else FAULT,
            'commander',
            f'actions.{command.action} ({command.topic})',
            f'{peer.node} publishes there{", and may act already" if ours else ""}',
            'no other commander',
            f'stop {peer.node}',
            f'actions.{command.action}.topic',
        )
