# SPDX-License-Identifier: Apache-2.0
"""The policy node: a lifecycle node that acts with an rl_games policy for one or many robots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import functools
import gc
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile
from rclpy.serialization import serialize_message
from std_msgs.msg import Bool, Header

from rl_policy_node.core import Journal, Onlookers, StepObserver
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters import parsing as parameters
from rl_policy_node.nodes.parameters.configuration import SchedulingSpec
from rl_policy_node.nodes.parameters.live_parameters import apply_live
from rl_policy_node.nodes.parameters.remote_parameters import RemoteParameters
from rl_policy_node.nodes.policy import diagnostics
from rl_policy_node.nodes.policy.deployment import Deployment
from rl_policy_node.nodes.policy.diagnostics import unlimited
from rl_policy_node.nodes.policy.loading import completed, load_policy
from rl_policy_node.nodes.policy.transitions import answer_refusals, logged
from rl_policy_node.nodes.process.reporter import Reporter
from rl_policy_node.nodes.process.runtime import run
from rl_policy_node.nodes.process.scheduling import schedule_thread
from rl_policy_node.nodes.topics.transport import keep_off_shared_memory
from rl_policy_node.policy import set_threads

LEASE = 1.0  # s, the liveliness lease of ~/is_active
REPORT_PERIOD = 1.0  # s
UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED = 'unconfigured', 'inactive', 'active', 'finalized'


class PolicyNode(LifecycleNode):
    """Loads a policy at configure, acts while active, and holds the robots when it may not act.

    observers: StepObservers besides the node's own. arguments: of the process, None: those of sys.argv; relative paths
    in a parameter file begin at its folder, and they name it. journal: takes down all that a replay needs.
    """

    def __init__(
        self,
        observers: Iterable[StepObserver] = (),
        arguments: Sequence[str] | None = None,
        journal: Journal | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            'policy_node',
            allow_undeclared_parameters=True,
            automatically_declare_parameters_from_overrides=True,
            start_parameter_services=False,
            **kwargs,
        )
        answer_refusals(self)
        parameters.declare(self)
        self._remote_parameters = RemoteParameters(self)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._onlookers = Onlookers(tuple(observers), journal)
        self._arguments = tuple(sys.argv if arguments is None else arguments)
        self._phase, self._waited = UNCONFIGURED, 0.0
        self._deployment: Deployment | None = None
        self._fault = ''  # the fault that ended the last activation
        self._autostart = self.get_parameter('autostart').value is True
        self._by_itself = self._hinted = False
        self.executor_name: str = self.get_parameter('executor').value
        self.exit_code = 0
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        # a subscriber that requests this liveliness learns within the lease that the process is gone, or stands still
        alive = QoSProfile(
            depth=1,
            durability=DurabilityPolicy.TRANSIENT_LOCAL,
            liveliness=LivelinessPolicy.AUTOMATIC,
            liveliness_lease_duration=Duration(seconds=LEASE),
        )
        self._active_publisher = self.create_publisher(Bool, '~/is_active', alive)
        self._reports = (
            self.create_publisher(DiagnosticArray, '/diagnostics', 10),
            self.create_publisher(DiagnosticArray, '~/status', latched),
        )
        self._say_active(False)
        self._reporter = Reporter(self._report, REPORT_PERIOD, self.get_logger())
        self._reporter.start()

    # lifecycle

    @logged
    def on_configure(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Load the policy, check it against the parameters, and create the interfaces to the robots."""
        configuration = parameters.read(self, self._arguments, 'policy.')
        configuration.enable.check()
        started = time.monotonic()
        policy = load_policy(configuration)
        if policy.fell_back:
            self.get_logger().warning(policy.backend_report)
        else:
            self.get_logger().info(policy.backend_report)
        if policy.warnings:
            self.get_logger().warning('; '.join(policy.warnings))
        control = completed(configuration.control, policy.facts, self.get_logger().info, self.get_logger().warning)
        for text in unlimited(control):
            self.get_logger().warning(text)
        threads = configuration.policy.computing.threads
        prepare = functools.partial(self._prepare_thread, configuration.scheduling, threads)
        self._deployment = Deployment(self, control, policy, prepare, self._onlookers, configuration)
        gc.collect()
        gc.freeze()  # a collection of torch's objects would pause the loop
        self._phase = INACTIVE
        assert policy.checkpoint is not None  # the parameters name one
        self.get_logger().info(
            f'configured in {time.monotonic() - started:.1f} s: {policy.checkpoint.path.name} '
            f'(sha256 {policy.checkpoint.sha256[:12]}) on {policy.player.device}, {control.rows} rows, '
            f'{control.timing.control_rate:g} Hz, trigger {control.timing.trigger}'
        )
        return TransitionCallbackReturn.SUCCESS

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start acting, unless something is missing, such as the messages of a sensor."""
        deployment = self._deployed()
        hopeless = deployment.hopeless()
        if hopeless:
            self.get_logger().error(f'not activated, and unconfigured again: {hopeless}')
            return TransitionCallbackReturn.ERROR
        missing = deployment.missing()
        if missing:
            raise ConfigurationError(f'not activated: {"; ".join(missing)}')
        with self._reporter.at_rest():
            deployment.prepare_to_act()
        result: TransitionCallbackReturn = super().on_activate(state)
        deployment.act()
        self._phase, self._fault = ACTIVE, ''
        self._autostart = False  # from here on only requests resume it
        self._say_active(True)
        self.get_logger().info('active')
        return result

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send the fallback as the last command."""
        self._stop_acting()
        result: TransitionCallbackReturn = super().on_deactivate(state)
        return result

    @logged
    def on_cleanup(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Destroy everything that configure created."""
        self._clean_up()
        return TransitionCallbackReturn.SUCCESS

    @logged
    def on_shutdown(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Send the fallback, and end."""
        self._stop_acting()
        self._clean_up()
        self._phase = FINALIZED
        return TransitionCallbackReturn.SUCCESS

    @logged
    def on_error(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Send the fallback, and return to unconfigured."""
        self._stop_acting()
        self._clean_up()
        return TransitionCallbackReturn.SUCCESS

    def _deployed(self) -> Deployment:
        if self._deployment is None:
            raise RuntimeError('the node is not configured')
        return self._deployment

    def _stop_acting(self) -> None:
        if self._phase != ACTIVE:
            return
        self._phase = INACTIVE
        deployment = self._deployed()
        fallback = deployment.stop()
        if deployment.fault is not None:
            self._fault = f'{type(deployment.fault).__name__}: {" ".join(str(deployment.fault).split())[:300]}'
        self._say_active(False)
        self.get_logger().info(f'inactive; the fallback: {fallback}')

    def _clean_up(self) -> None:
        if self._phase == INACTIVE:
            self._phase = UNCONFIGURED
            with self._reporter.at_rest():
                self._deployed().close()
                self._deployment = None
            gc.unfreeze()

    # process

    def note_transition(self) -> None:
        """End autostart for good, unless the transition is its own: an operator has taken over."""
        if not self._by_itself and self._autostart:
            self._autostart = False
            self.get_logger().info('autostart has ended: a transition was requested')

    @property
    def keeps_up(self) -> bool:
        """Whether a stop must not wait behind other messages: always except in lockstep."""
        return self._deployment is None or not self._deployment.control.lockstep

    def poll(self) -> bool:
        """Do the transitions that callbacks may not do: autostart, and the stop after a fault. Return True: go on."""
        if self._phase == ACTIVE:
            if self._deployed().fault is not None:
                self.trigger_deactivate()
        elif self._autostart:
            self._by_itself = True
            try:
                self._start_by_itself()
            finally:
                self._by_itself = False
        elif self._phase == UNCONFIGURED and not self._hinted:
            self._hinted = True
            name = self.get_fully_qualified_name()
            self.get_logger().info(
                f'unconfigured: `ros2 lifecycle set {name} configure`, then `ros2 lifecycle set '
                f'{name} activate`, let it act'
            )
        return True

    def stop(self) -> None:
        """Leave the robots on their fallback while the context is still valid."""
        self._autostart = False
        if self._phase == ACTIVE:
            self.trigger_deactivate()
        if self._phase != FINALIZED:
            self.trigger_shutdown()
        self._reporter.stop()

    def _start_by_itself(self) -> None:
        """Take the next step of autostart; a stop ends it."""
        if self._phase == UNCONFIGURED:
            self._autostart = self.trigger_configure() == TransitionCallbackReturn.SUCCESS
            return
        if self._phase != INACTIVE:
            return
        deployment = self._deployed()
        if deployment.stopped:
            self._autostart = False
            self.get_logger().info('autostart has ended: a stop was requested; activate when all is well')
        elif deployment.ready() or deployment.hopeless():
            self._autostart = False
            self.trigger_activate()
        elif time.monotonic() - self._waited > 2.0:
            self._waited = time.monotonic()
            self.get_logger().info(f'waiting: {"; ".join(deployment.missing())}')

    def _prepare_thread(self, scheduling: SchedulingSpec, threads: int) -> None:
        """Prepare the control thread: each thread has its own OpenMP thread count and warm-up of torch."""
        # first: the threads that OpenMP starts from here inherit the scheduling
        for refusal in schedule_thread(scheduling):
            self.get_logger().warning(refusal)
        set_threads(threads)
        self._deployed().cycle.stepper.warm_up()

    # callbacks

    def _report(self) -> None:
        if self._phase == ACTIVE:
            report = self._deployed().report()
        elif self._fault:
            report = DiagnosticStatus.ERROR, f'{self._phase}; it stopped by itself: {self._fault}', {}
        else:
            report = DiagnosticStatus.OK, self._phase, {}
        header, name = Header(stamp=self.get_clock().now().to_msg()), self.get_fully_qualified_name().lstrip('/')
        message = serialize_message(diagnostics.diagnostic_array(header, name, *report))
        for publisher in self._reports:
            publisher.publish(message)

    def _on_set_parameters(self, changes: Sequence[Parameter]) -> SetParametersResult:
        """Change the live parameters, refuse all others. Never raises: otherwise any peer could end the node."""
        if self._phase == UNCONFIGURED:
            return SetParametersResult(successful=True)
        return apply_live(changes, parameters.values_of(self), lambda *checked: self._deployed().change(*checked))

    def _say_active(self, active: bool) -> None:
        self._active_publisher.publish(Bool(data=active))


def main(args: list[str] | None = None) -> None:
    """Run the policy node until a signal ends it."""
    keep_off_shared_memory(sys.argv if args is None else args)
    sys.exit(run(functools.partial(PolicyNode, arguments=args), args))
