# SPDX-License-Identifier: Apache-2.0
"""A configured policy with its robots: everything that exists from configure to cleanup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import contextlib
import time
import traceback
from typing import Any

from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import assemble, ControlLoop, create_trigger, Onlookers, StepObserver, Watch
from rl_policy_node.core.frame import Change
from rl_policy_node.core.recording import Command
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy import robot_state
from rl_policy_node.nodes.policy.acting_status import ActingStatus
from rl_policy_node.nodes.policy.diagnostics import RowLog, TimedPolicy
from rl_policy_node.nodes.policy.enable import listen
from rl_policy_node.nodes.policy.guardian_link import Guardian
from rl_policy_node.nodes.policy.heartbeat import Heartbeat
from rl_policy_node.nodes.policy.loading import trained_moments
from rl_policy_node.nodes.policy.permissions import DEAF, permissions
from rl_policy_node.nodes.policy.policy_metadata import Deployed
from rl_policy_node.nodes.policy.readiness import broken
from rl_policy_node.nodes.policy.record.bag_recording import BagRecording
from rl_policy_node.nodes.policy.requests import Requests
from rl_policy_node.nodes.policy.ros_clock import RosClock
from rl_policy_node.nodes.policy.streaming import Streaming
from rl_policy_node.nodes.topics.driver_messages import serialized
from rl_policy_node.nodes.topics.endpoints import Endpoints, Gid
from rl_policy_node.nodes.topics.episode_messages import EpisodeStarts
from rl_policy_node.nodes.topics.naming import refuse_shared, spec_topic, topics_beside
from rl_policy_node.nodes.topics.neighbours import Neighbours
from rl_policy_node.nodes.topics.periods import Periods
from rl_policy_node.nodes.topics.ports import Ports
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Foreign, Source
from rl_policy_node.policy import Policy


class Deployment:
    """Sources, commands and services of a policy, its control loop and the watch over it.

    prepare(): called in the control thread before its first step. fault: the error that ended the loop, None: none did.
    Raises ConfigurationError if something does not fit, and then leaves no entities behind.
    """

    def __init__(
        self,
        node: LifecycleNode,
        control: ControlSpec,
        policy: Policy,
        prepare: Callable[[], None],
        onlookers: Onlookers,
        configuration: Configuration,
    ) -> None:
        self.control, self._log = control, node.get_logger()
        self.fault: BaseException | None = None
        self._sources = {name: Source(spec, control, policy.spaces.inputs) for name, spec in control.sources.items()}
        sinks = {action.name: Sink(action, control) for action in control.actions}
        timed, clock = TimedPolicy(policy), RosClock(node)
        self._starts = EpisodeStarts(control, clock.ros)
        trigger = create_trigger(control, node.get_parameter('use_sim_time').value, clock.ros)
        self._status = ActingStatus(control, timed, trigger, self._sources, self._log)
        enable, states = configuration.enable, configuration.robot_state
        stream, moments = configuration.stream, trained_moments(policy, control)
        stream.rows_of(control.rows)  # refuses rows that do not exist

        def deployed() -> Deployed:
            return Deployed(control, policy, self.cycle, self._sources, self._ports, moments)

        self._streaming = Streaming(node, stream, deployed)
        self._recording = BagRecording(node, configuration.record, deployed)
        journal = self._recording.journal(onlookers.journal)
        own: list[StepObserver] = [*self._status.observers, RowLog(control, self._log), Periods(control, self._log)]
        with contextlib.ExitStack() as entities:
            # first: its process starts while the policy warms up. In lockstep, where a simulator waits, there is none
            guardian = Guardian(node, control) if control.guardian.guardian and not control.lockstep else None
            if guardian is not None:
                entities.callback(guardian.close)
            self.cycle = assemble(
                control,
                timed,
                self._sources,
                self._publish,
                clock,
                self._log,
                trigger=trigger,
                guard=guardian,
                checks=permissions(configuration, control),
                observers=[*own, *onlookers.observers, self._streaming],
                moments=moments,
                journal=journal,
            )
            self.cycle.stepper.warm_up()
            endpoints = Endpoints(node, entities)
            beat = Heartbeat(endpoints, clock).beat if configuration.links.heartbeat else lambda: None
            self._loop = ControlLoop(self.cycle, trigger, prepare, self._on_fault, beat)
            self._watch = Watch(
                self._loop,
                self.cycle,
                trigger,
                min(source.max_age for source in control.sources.values()),
                self._on_gone,
                self._log,
            )
            refuse_shared(control, endpoints.resolve, topics_beside(control, enable.topic, states.topic))
            self._ports = Ports(endpoints, control, self._sources, sinks, self._on_message, self._on_episode)
            self._ports.kept = None if journal is None else []
            if enable.topic:
                listen(enable, self.cycle.inbox.enable, endpoints)
            if states.topic:
                robot_state.listen(states, control, self.cycle.inbox.note_robot_state, endpoints)
            self._requests = Requests(endpoints, control, self.cycle, self._is_acting)
            endpoints.refuse_unused()
            attention = node.create_timer(
                DEAF / 10,
                lambda: self.cycle.inbox.hear(time.monotonic()),
                clock=Clock(clock_type=ClockType.STEADY_TIME),
            )
            entities.callback(node.destroy_timer, attention)
            self._neighbours = Neighbours(
                node, control, self._ports, configuration.links, self.cycle.latch, self._guardian_gids
            )
            # every update of a simulated clock counts as a jump of at least a nanosecond; it paces the loop
            threshold = JumpThreshold(
                min_forward=Duration(nanoseconds=1), min_backward=Duration(nanoseconds=-1), on_clock_change=True
            )
            jumps = node.get_clock().create_jump_callback(threshold, post_callback=self._on_clock)
            entities.callback(jumps.unregister)
            if guardian is not None:
                self._ports.guard(guardian)
                guardian.await_ready()
            entities.callback(self._streaming.close)
            entities.callback(self._recording.close)
            self._streaming.switch(stream.enabled)
            self._entities = entities.pop_all()

    # from one lifecycle state to the next

    def hopeless(self) -> str:
        """Return why the messages of a source can never fit, '' if they may."""
        return broken(self._sources, self.control)

    def ready(self) -> bool:
        """Whether activation may begin."""
        return self._neighbours.ready(self.cycle.refusals(), self._sources) and not self._unwatched()

    def missing(self) -> list[str]:
        """Return a line for everything that activation waits for."""
        return [*self._neighbours.missing(self.cycle.refusals(), self._sources), *filter(None, [self._unwatched()])]

    def prepare_to_act(self) -> None:
        """Begin from the measured state.

        Raises ConfigurationError while an old step still runs, or if another node commands the robots.
        """
        if self._loop.stuck:
            raise ConfigurationError('not activated: the step that was under way at the last stop still runs')
        self._neighbours.start()
        self.fault = None
        if self._guardian is not None:
            self._guardian.renew()
        self._recording.begin()
        self.cycle.start()

    def act(self) -> None:
        """Start the control loop and its watch."""
        self._loop.start()
        self._watch.start()

    def stop(self) -> str:
        """Stop the loop, send the fallback, and wait for its acknowledgement; return the result in words."""
        self._loop.stop()
        sent = self._fall_back()
        self._watch.stop()
        result = self._neighbours.see_off(0.2) if sent else 'could not be sent'
        if self._guardian is not None:
            with contextlib.suppress(ConfigurationError, OSError):  # the next activation says so
                self._guardian.not_ready()  # where it has ended, the next one may start
        self._recording.end('' if self.fault is None else f'{type(self.fault).__name__}: {self.fault}')
        return 'sent by the guardian' if self.cycle.guard.fenced else result

    def close(self) -> None:
        """Destroy the publishers, subscriptions, services and timers, and end the guardian."""
        self._entities.close()

    @property
    def stopped(self) -> bool:
        """Whether a stop was requested since configure."""
        return self._requests.stopped

    def report(self) -> tuple[bytes, str, dict[str, object]]:
        """Return level, message and values of the diagnostics while the policy acts.

        It also latches robots that another node commands, and robots whose commands have no subscriber.
        """
        level, message, values = self._status.report(self.cycle)
        values |= self._starts.report() | self._recording.report()
        values['guardian'] = 'none' if self._guardian is None else self._guardian.status()
        return self._neighbours.report(level, message, values)

    def change(self, *changes: Change) -> None:
        """Change parameters from the next step on; raises ConfigurationError, and changes none, if one is invalid."""
        shown = [change for change in changes if change[0].startswith('stream.')]
        self.cycle.change(*(change for change in changes if change not in shown))
        self._streaming.change(*shown)

    # callbacks

    def _is_acting(self) -> bool:
        return self._loop.running

    def _on_message(self, source: Source, rows: slice, message: Any) -> None:
        now, inbox = time.monotonic(), self.cycle.inbox
        payload = b'' if inbox.notes is None else serialized(message)
        try:
            arrays, stamp = source.read(rows, message)  # outside the lock of the inbox
            inbox.write(source.spec.name, rows, arrays, stamp, now, payload)
        except Foreign:
            pass  # counted already: another driver shares the topic
        except ValueError as error:
            inbox.refuse(source.spec.name, rows, error, now, payload)
            topic = spec_topic(source.spec, self.control.robots[0 if source.spec.rows else rows.start])
            self._log.warning(f'{topic}: message refused: {error}', throttle_duration_sec=2.0)

    def _on_episode(self, rows: slice, payload: bytes) -> None:
        try:
            self.cycle.inbox.begin_episodes(rows, self._starts.read(payload, rows))
        except ValueError as error:
            topic = self.control.timing.episode_topic
            self._log.warning(f'{topic}: message refused: {error}', throttle_duration_sec=2.0)

    def _on_clock(self, jump: TimeJump) -> None:
        if jump.delta.nanoseconds < 0 and self.cycle.inbox.clock_went_back():
            self._log.warning(f'the clock went back by {-jump.delta.nanoseconds * 1e-9:.3f} s: recurrent states reset')
        self.cycle.inbox.clock_jumped(max(jump.delta.nanoseconds, 0) * 1e-9)

    def _publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        try:
            self._ports.publish(commands, stamps, rows)
        finally:
            notes = self.cycle.inbox.notes
            if notes is not None and self._ports.kept:
                now, sending = time.monotonic(), self.cycle.outlet.sending
                for name, topic, message in self._ports.kept:
                    notes.add(Command(name, topic, serialized(message), now, sending))
                self._ports.kept.clear()

    def _on_fault(self, error: BaseException) -> None:
        """Send the fallback from the loop's thread as soon as the loop has ended; then the node deactivates."""
        self._fall_back()
        self.fault = error
        self._log.error('the step failed:\n' + ''.join(traceback.format_exception(error)))

    def _fall_back(self) -> bool:
        """Send the fallback as the last command; return whether that worked: the node must deactivate in any case."""
        try:
            self.cycle.stop()
            return True
        except BaseException:  # noqa: BLE001 - it may be the same fault that ended the loop
            self._log.error(f'the fallback could not be published:\n{traceback.format_exc()}')
            return False

    def _on_gone(self, why: str) -> None:
        self.fault = self.fault or RuntimeError(why)

    def _unwatched(self) -> str:
        """Return why no guardian watches yet, '' if one does or if none is configured."""
        return '' if self._guardian is None else self._guardian.not_ready()

    def _guardian_gids(self) -> frozenset[Gid]:
        return frozenset() if self._guardian is None else self._guardian.gids

    @property
    def _guardian(self) -> Guardian | None:
        guard = self.cycle.guard
        return guard if isinstance(guard, Guardian) else None
