"""A configured policy on its robots: all that exists from configure to cleanup."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
import contextlib
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import assemble, ControlLoop, create_trigger, Enable, StepObserver, Watch
from rl_policy_node.core.frame import Change
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.diagnostics import (
    distribution_report,
    Figures,
    policy_report,
    RowLog,
    TimedPolicy,
    tracking_report,
)
from rl_policy_node.nodes.enable import EnableSpec, listen
from rl_policy_node.nodes.endpoints import Endpoints
from rl_policy_node.nodes.episode_messages import EpisodeStarts
from rl_policy_node.nodes.loading import trained_moments
from rl_policy_node.nodes.neighbours import Neighbours
from rl_policy_node.nodes.parameters import Configuration
from rl_policy_node.nodes.periods import Periods
from rl_policy_node.nodes.ports import Ports
from rl_policy_node.nodes.readiness import broken
from rl_policy_node.nodes.requests import Requests
from rl_policy_node.nodes.sink import Sink
from rl_policy_node.nodes.source import Foreign, Source
from rl_policy_node.nodes.topics import refuse_shared, spec_topic, topic_of
from rl_policy_node.policy import Policy


class RosClock:
    """A node's clock, and the steady one: a core Clock."""

    def __init__(self, node: LifecycleNode) -> None:
        self._clock = node.get_clock()

    def steady(self) -> float:
        """Return the steady time, s."""
        return time.monotonic()

    def ros(self) -> int:
        """Return ROS time, ns."""
        # where nothing simulates it, it is the system's, which costs a tenth to ask
        return self._clock.now().nanoseconds if self._clock.ros_time_is_active else time.time_ns()


class Deployment:
    """Sources, commands and services of a policy, its control loop and the watch over it.

    prepare(): called in the control thread before its first step. fault: what ended the loop by itself, None while
    nothing did. Raises ConfigurationError where something does not fit, and leaves nothing behind then.
    """

    def __init__(self, node: LifecycleNode, control: ControlSpec, policy: Policy, prepare: Callable[[], None],
                 observers: Iterable[StepObserver], configuration: Configuration) -> None:
        self.control, self._node, self._log = control, node, node.get_logger()
        self.fault: BaseException | None = None
        self._sources = {name: Source(spec, control, policy.spaces.inputs) for name, spec in control.sources.items()}
        sinks = {action.name: Sink(action, control) for action in control.actions}
        self._figures, self._policy, clock = Figures(), TimedPolicy(policy), RosClock(node)
        self._starts = EpisodeStarts(control, clock.ros)
        self._trigger = create_trigger(control, node.get_parameter('use_sim_time').value, clock.ros)
        enable = configuration.enable
        asked = [Enable(enable.timeout, enable.topic, control.rows)] if enable.topic else []
        looking_on: list[StepObserver] = [self._figures, RowLog(control, self._log), Periods(control, self._log),
                                          *observers]
        self.cycle = assemble(control, self._policy, self._sources, self._publish, clock, self._log,
                              trigger=self._trigger, observers=looking_on, checks=asked,
                              moments=trained_moments(policy, control))
        self.cycle.stepper.warm_up()
        self._loop = ControlLoop(self.cycle, self._trigger, prepare, self._on_fault)
        self._watch = Watch(self._loop, self.cycle, self._trigger,
                            min(source.max_age for source in control.sources.values()), self._on_gone, self._log)
        with contextlib.ExitStack() as entities:
            endpoints = Endpoints(node, entities)
            refuse_shared(control, endpoints.resolve, _inputs(control, enable))
            self._ports = Ports(endpoints, control, self._sources, sinks, self._on_message, self._on_episode)
            if asked:
                listen(enable, self.cycle.inbox.enable, endpoints)
            self._requests = Requests(endpoints, control, self.cycle, self._is_acting)
            endpoints.refuse_unused()
            self._neighbours = Neighbours(node, control, self._ports, configuration.links, self.cycle.latch)
            # every update of a simulated clock is a jump of at least a nanosecond: it paces the loop
            threshold = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=Duration(nanoseconds=-1),
                                      on_clock_change=True)
            jumps = node.get_clock().create_jump_callback(threshold, post_callback=self._on_clock)
            entities.callback(jumps.unregister)
            self._entities = entities.pop_all()

    # from one lifecycle state to the next

    def hopeless(self) -> str:
        """Return why no message of a source can ever fit, '' where that is not so."""
        return broken(self._sources, self.control)

    def ready(self) -> bool:
        """Whether activation has to wait for nothing."""
        return self._neighbours.ready(self.cycle.refusals(), self._sources)

    def missing(self) -> list[str]:
        """Return what activation waits for, and why it does not come."""
        return self._neighbours.missing(self.cycle.refusals(), self._sources)

    def prepare_to_act(self) -> None:
        """Begin from the measured state; raises ConfigurationError while an old step still runs, or somebody else
        commands the robots."""
        if self._loop.stuck:
            raise ConfigurationError('not activated: the step that was under way at the last stop still runs')
        self._neighbours.start()
        self.fault = None
        self.cycle.start()

    def act(self) -> None:
        """Step from now on."""
        self._loop.start()
        self._watch.start()

    def stop(self) -> str:
        """Stop the loop, then send the fallback and see it off; return what came of it."""
        self._loop.stop()
        sent = self._fall_back()
        self._watch.stop()
        return self._neighbours.see_off(0.2) if sent else 'could not be sent'

    def close(self) -> None:
        """Destroy what talks to the robots."""
        self._entities.close()

    @property
    def stopped(self) -> bool:
        """Whether somebody said stop since it was configured."""
        return self._requests.stopped

    def report(self) -> tuple[bytes, str, dict[str, object]]:
        """Return level, message and values of the diagnostics while it acts; latch robots that nobody else may command,
        and those that nobody listens for."""
        level, message, values = policy_report(self._figures, self._policy, self._trigger, self._sources, self.control)
        found, figures = distribution_report(self.cycle.distribution, self.control)
        if found:
            self._log.warning(f'out of distribution: {"; ".join(found)}', throttle_duration_sec=5.0)
        if found and level == DiagnosticStatus.OK:
            level, message = DiagnosticStatus.WARN, f'{message}; out of distribution: {found[0]}'
        tracked = tracking_report(self._figures, self.cycle.outlet, self.control)
        return self._neighbours.report(level, message, values | figures | self._starts.report() | tracked)

    def change(self, *changes: Change) -> None:
        """Change parameters from the next step on; raises ConfigurationError, and changes none, where one cannot be."""
        self.cycle.change(*changes)

    # callbacks

    def _is_acting(self) -> bool:
        return self._loop.running

    def _on_message(self, source: Source, rows: slice, message: Any) -> None:
        now = time.monotonic()
        try:
            arrays, stamp = source.read(rows, message)      # nobody else has to wait for this
            self.cycle.inbox.write(source.spec.name, rows, arrays, stamp, now)
        except Foreign:
            pass        # it was counted: another driver shares the topic
        except ValueError as error:
            self.cycle.inbox.refuse(source.spec.name, rows, error)
            topic = spec_topic(source.spec, self.control.robots[0 if source.spec.rows else rows.start])
            self._log.warning(f'{topic}: message refused: {error}', throttle_duration_sec=2.0)

    def _on_episode(self, rows: slice, payload: bytes) -> None:
        try:
            self.cycle.inbox.begin_episodes(rows, self._starts.read(payload, rows))
        except ValueError as error:
            self._log.warning(f'{self.control.episode_topic}: message refused: {error}', throttle_duration_sec=2.0)

    def _on_clock(self, jump: TimeJump) -> None:
        if jump.delta.nanoseconds < 0 and self.cycle.inbox.clock_went_back():
            self._log.warning(f'the clock went back by {-jump.delta.nanoseconds * 1e-9:.3f} s: '
                              'recurrent states reset')
        self.cycle.inbox.clock_jumped(max(jump.delta.nanoseconds, 0) * 1e-9)

    def _publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        self._ports.publish(commands, stamps, rows)

    def _on_fault(self, error: BaseException) -> None:
        """The loop ended: send the fallback from its thread, at once; the node deactivates."""
        self._fall_back()
        self.fault = error
        self._log.error('the step failed:\n' + ''.join(traceback.format_exception(error)))

    def _fall_back(self) -> bool:
        """Send the fallback, and nothing more; where it cannot be published the node still has to deactivate."""
        try:
            self.cycle.stop()
            return True
        except BaseException:       # noqa: BLE001 - what failed may be what ended the loop, too
            self._log.error(f'the fallback could not be published:\n{traceback.format_exc()}')
            return False

    def _on_gone(self) -> None:
        self.fault = RuntimeError('the control loop has ended')


def _inputs(control: ControlSpec, enable: EnableSpec) -> dict[str, str]:
    """Return what is read beside the sources, parameter → topic."""
    read = {'enable.topic': enable.topic} if enable.topic else {}
    for robot in control.robots if control.episode_topic else ():
        read[f"episode_topic of robot '{robot}'" if robot else 'episode_topic'] = topic_of(robot, control.episode_topic)
    return read
