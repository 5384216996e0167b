# SPDX-License-Identifier: Apache-2.0
"""Moves one joint at a time by a small way and back, through the gate, the guardian and the consent of the node."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from dataclasses import dataclass
import math
import time
from typing import Any, cast

import numpy as np
from rclpy.node import Node

from rl_policy_node.control.action_spec import action_spec, ActionSpec
from rl_policy_node.control.arrays import Array, Mask
from rl_policy_node.control.control_options import ClipOptions, OodSpec, RecoveryOptions, TimingOptions
from rl_policy_node.control.specs import ControlSpec, term_spec
from rl_policy_node.control.state import State
from rl_policy_node.core import Frame, Onlookers, Outcome
from rl_policy_node.core.protocols import Observations
from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.deployment import Deployment
from rl_policy_node.options import value_of
from rl_policy_node.policy import Policy, Spaces

NAME = 'rl_policy_jog'
REPORT_PERIOD = 1.0  # s between two looks at the graph
POSITIONS = ('joint_position', 'joint_delta')  # kinds whose command is a position that stays where it is
_KEPT = ('lower', 'upper', 'continuous', 'max_acceleration', 'max_tracking_error')


@dataclass(frozen=True)
class JogSpec:
    """How far and how fast a jog moves. distance: rad or m; speed: rad/s or m/s, the greatest."""

    distance: float = 0.1
    speed: float = 0.1

    def __post_init__(self) -> None:
        for name, most in (('distance', 0.5), ('speed', 0.5)):
            if not 0.0 < getattr(self, name) <= most:
                raise unfit(f'the {name} of a jog', f'{getattr(self, name):g}', f'more than 0, at most {most:g}')


def jogged(
    configuration: Configuration, control: ControlSpec, action: ActionSpec, robot: str, spec: JogSpec
) -> Configuration:
    """Return the Configuration of a node that commands the joints of one action of one robot, and nothing else.

    Its limits are those of the action, with a max_velocity of the jog's speed at most. Raises ConfigurationError
    without an enabling topic, and for an action whose command is not a joint position.
    """
    if not configuration.enable.topic:
        raise ConfigurationError(
            'a jog needs enable.topic: somebody has to hold the button that stops it; the file says enable: none'
        )
    if action.kind not in POSITIONS or not action.source:
        raise unfit(f'actions.{action.name}.kind', action.kind, f'{" or ".join(POSITIONS)}, with a source, for a jog')
    if control.shared_rows:
        raise ConfigurationError('rows share every topic: a jog moves one robot, which has topics of its own')
    stated = value_of(action.options, 'max_velocity', ()) or (math.inf,)
    limits = {name: value_of(action.options, name, ()) for name in _KEPT}
    own = action_spec(
        action.name,
        'joint_position',
        action.topic,
        action.type,
        source=action.source,
        frame_id=action.frame_id,
        trajectory_start=action.trajectory_start,
        time_from_start=action.time_from_start,
        # the last command stays: to hold what a sensor of another sign measures would move the robot once more
        fallback='keep',
        limits='none',
        joints=action.joints,
        max_velocity=tuple(min(each, spec.speed) for each in stated),
        **{name: value for name, value in limits.items() if value},
    )
    position = term_spec('position', source=action.source, field='position', joints=action.joints)
    only = dataclasses.replace(
        control,
        robots=(robot,),
        robots_required='all',
        shadow=False,
        sources={action.source: control.sources[action.source]},
        terms={'position': position},
        inputs={'obs': ('position',)},
        actions=(own,),
        timing=TimingOptions(control_rate=control.rate, trigger='timer'),
        blending=type(control.blending)(),
        recovery=RecoveryOptions(resume='on_request'),
        clips=ClipOptions(clip_observations=math.inf, clip_actions=math.inf),
        ood=OodSpec(),
    )
    return dataclasses.replace(configuration, control=only)


@dataclass
class _Motion:
    """A way out and back. distance: rad or m; duration, time: s."""

    joint: int
    distance: float
    duration: float
    time: float = 0.0

    def advance(self, seconds: float) -> float:
        """Return where the joint shall be some seconds later, from where it began."""
        if self.time + seconds >= self.duration:
            return 0.0
        self.time += seconds
        return self.distance * (1.0 - math.cos(2.0 * math.pi * self.time / self.duration)) / 2.0


class JogPolicy:
    """A core Policy whose action is the position that each joint shall have, rad or m.

    One joint goes out by `distance` and comes back on a raised cosine; all others stay where they began.
    """

    def __init__(self, joints: int, period: float, spec: JogSpec) -> None:
        self.spaces = Spaces((joints,), joints)
        self._period, self._speed = period, spec.speed
        self.anchor: Array | None = None
        self._motion = _Motion(0, 0.0, 0.0)

    def move(self, joint: int, distance: float) -> float:
        """Begin to move a joint; return how long that takes, s."""
        # the greatest speed of distance · (1 − cos(2π t / T)) / 2 is π · distance / T
        motion = _Motion(joint, distance, math.pi * abs(distance) / self._speed)
        self._motion = motion
        return motion.duration

    def act(self, observations: Observations, hold: Mask | None = None) -> Array:
        """Return the positions (1, joints)."""
        if self.anchor is None:
            self.anchor = cast(Array, observations).astype(np.float32)
        motion, target = self._motion, np.array(self.anchor)
        target[:, motion.joint] += motion.advance(self._period)
        return target

    def reset(self, rows: Mask) -> None:
        """Begin from the measured positions, with no joint in motion."""
        self.anchor, self._motion = None, _Motion(0, 0.0, 0.0)

    def moments(self) -> Mapping[str, tuple[Array, Array]]:
        """Return {}: nothing was trained."""
        return {}

    def state(self) -> State:
        """Return {}: no step of it is replayed."""
        return {}

    def restore(self, state: State) -> None:
        """Do nothing: see `state`."""


class JogNode(Node):
    """Commands a JogPolicy as the policy node would: the same gate, watch, guardian, enable and checks.

    Nothing but its `start` lets it command the robot. options: keywords of rclpy's Node. Raises ConfigurationError if
    something does not fit.
    """

    def __init__(self, configuration: Configuration, spec: JogSpec, **options: Any) -> None:
        super().__init__(NAME, **options)
        control = configuration.control
        self.policy = JogPolicy(len(control.actions[0].joints), 1.0 / control.rate, spec)
        self._fault, self._active, self._reported = '', False, -math.inf
        try:
            policy = cast(Policy, self.policy)
            self._deployment = Deployment(self, control, policy, lambda: None, Onlookers((self,)), configuration)
        except BaseException:
            self.destroy_node()
            raise

    def missing(self) -> list[str]:
        """Return a line for everything that the jog waits for."""
        hopeless = self._deployment.hopeless()
        return [hopeless] if hopeless else self._deployment.missing()

    def start(self) -> None:
        """Command the robot: hold it where it is measured. Raises ConfigurationError if another node commands it."""
        self._deployment.prepare_to_act()
        self._active = True
        self._deployment.act()

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Note why the robot went to its fallback: a jog does not go on by itself."""
        for reason in outcome.reasons.values():
            self._fault = self._fault or reason

    def ended(self) -> str:
        """Return why it must move no more, '' while it may go on."""
        if time.monotonic() - self._reported > REPORT_PERIOD:
            self._reported = time.monotonic()
            self._deployment.report()  # latches the robot if another node commands it
        fault = self._deployment.fault
        return self._fault or (f'the control loop ended: {fault}' if fault is not None else '')

    def stop(self) -> str:
        """Send the fallback as the last command, and return the result in words; '' if it never commanded."""
        if not self._active:
            return ''
        self._active = False
        return self._deployment.stop()

    def close(self) -> None:
        """Send the fallback, end the guardian, and destroy the node."""
        self.stop()
        self._deployment.close()
        self.destroy_node()


def way(action: ActionSpec, joint: str, position: float, distance: float) -> float:
    """Return how far a joint at `position` may be jogged, with its sign: the way with room within the limits."""
    place = action.joints.index(joint)
    endless = joint in value_of(action.options, 'continuous', ())
    lower, upper = (
        otherwise if endless or not numbers else float(numbers[place if len(numbers) > 1 else 0])
        for numbers, otherwise in (
            (value_of(action.options, 'lower', ()), -math.inf),
            (value_of(action.options, 'upper', ()), math.inf),
        )
    )
    up, down = upper - position, position - lower
    return min(distance, up) if up >= distance or up >= down else -min(distance, down)
