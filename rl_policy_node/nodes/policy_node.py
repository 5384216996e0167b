"""The policy node: a lifecycle node that acts with an rl_games policy for one or many robots."""
import contextlib
import functools
import gc
import sys
import threading
import time
import traceback

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, Header
from std_srvs.srv import Trigger

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes import diagnostics, parameters
from rl_policy_node.nodes.control_loop import ControlLoop
from rl_policy_node.nodes.loading import completed, load_policy
from rl_policy_node.nodes.ports import Ports
from rl_policy_node.nodes.readiness import broken, waiting
from rl_policy_node.nodes.runtime import run
from rl_policy_node.nodes.scheduling import schedule_thread
from rl_policy_node.nodes.stepper import Stepper
from rl_policy_node.nodes.wiring import Sink, Source, spec_topic
from rl_policy_node.policy import set_threads

UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED = 'unconfigured', 'inactive', 'active', 'finalized'


def _transition(callback):
    """Log what goes wrong in a transition: rclpy itself drops the exception without a word."""
    @functools.wraps(callback)
    def guarded(self, state):
        try:
            return callback(self, state)
        except ConfigurationError as error:
            self.get_logger().error(f'{callback.__name__}: {error}')
        except Exception:       # noqa: B902 - any fault ends in a safe state, with its traceback
            self.get_logger().error(f'{callback.__name__} failed:\n{traceback.format_exc()}')
        return TransitionCallbackReturn.FAILURE
    return guarded


class PolicyNode(LifecycleNode):
    """Loads a policy at configure, acts while active, holds the robots when it may not act."""

    def __init__(self, **kwargs):
        super().__init__('policy_node', allow_undeclared_parameters=True,
                         automatically_declare_parameters_from_overrides=True, **kwargs)
        parameters.declare(self)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._phase, self._fault, self._waited = UNCONFIGURED, None, 0.0
        self._autostart = self.get_parameter('autostart').value is True
        self.executor_name = self.get_parameter('executor').value
        self.exit_code = 0
        self._condition = threading.Condition()
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._active_publisher = self.create_publisher(Bool, '~/is_active', latched)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._status = self.create_publisher(DiagnosticArray, '~/status', latched)
        self.create_timer(1.0, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._say_active(False)

    # lifecycle

    @_transition
    def on_configure(self, _state):
        configuration = parameters.read(self)
        self._threads, self._scheduling = configuration.policy.threads, configuration.scheduling
        set_threads(self._threads)
        started = time.monotonic()
        policy = load_policy(configuration)
        if policy.fell_back:
            self.get_logger().warning(policy.told)
        else:
            self.get_logger().info(policy.told)
        self._control = completed(configuration.control, policy.facts, self.get_logger().info,
                                  self.get_logger().warning)
        self._sources = {name: Source(source, self._control, policy.spaces.inputs)
                         for name, source in self._control.sources.items()}
        sinks = {action.name: Sink(action, self._control) for action in self._control.actions}
        self._stepper = Stepper(self._control, policy, self._sources, self._publish, self._ros_now,
                                self._condition, self.get_logger())
        self._stepper.warm_up()
        self._create_entities(sinks)
        gc.collect()
        gc.freeze()             # a collection of torch's objects would pause the loop
        self._phase = INACTIVE
        self.get_logger().info(
            f'configured in {time.monotonic() - started:.1f} s: {policy.checkpoint.path.name} '
            f'(sha256 {policy.checkpoint.sha256[:12]}) on {policy.player.device}, {self._control.rows} rows, '
            f'{self._control.control_rate:g} Hz, trigger {self._control.trigger}')
        return TransitionCallbackReturn.SUCCESS

    @_transition
    def on_activate(self, state):
        hopeless = broken(self._sources, self._control)
        if hopeless:
            self.get_logger().error(f'not activated, and unconfigured again: {hopeless}')
            return TransitionCallbackReturn.ERROR
        missing = waiting(self._stepper, self._control, self.count_publishers)
        if missing:
            raise ConfigurationError(f'not activated: {"; ".join(missing)}')
        if self._loop.stuck:
            raise ConfigurationError('not activated: the step that was under way at the last stop still runs')
        self._stepper.start()
        self._fault = None
        result = super().on_activate(state)
        self._loop.start()
        self._phase = ACTIVE
        self._say_active(True)
        self.get_logger().info('active')
        return result

    @_transition
    def on_deactivate(self, state):
        self._stop_acting()
        return super().on_deactivate(state)

    @_transition
    def on_cleanup(self, _state):
        self._destroy_entities()
        return TransitionCallbackReturn.SUCCESS

    @_transition
    def on_shutdown(self, _state):
        self._stop_acting()
        self._destroy_entities()
        self._phase = FINALIZED
        return TransitionCallbackReturn.SUCCESS

    @_transition
    def on_error(self, _state):
        self._stop_acting()
        self._destroy_entities()
        return TransitionCallbackReturn.SUCCESS

    def _stop_acting(self):
        """Stop the loop, then send the fallback and see it off."""
        if self._phase != ACTIVE:
            return
        self._phase = INACTIVE
        self._loop.stop()
        self._stepper.stop()
        self._ports.wait_for_all_acked(0.2)
        self._say_active(False)
        self.get_logger().info('inactive; the fallback was sent')

    # process

    def poll(self):
        """Do what callbacks may not: start by itself, and stop after a fault. Always True: it runs on."""
        if self._phase == ACTIVE:
            if self._fault is not None:
                self.trigger_deactivate()
            else:
                self._stepper.overdue()
        elif self._autostart and self._phase == UNCONFIGURED:
            self._autostart = self.trigger_configure() == TransitionCallbackReturn.SUCCESS
        elif self._autostart and self._phase == INACTIVE:
            self._try_to_activate()
        return True

    def stop(self):
        """Leave the robots on their fallback while the context still lives."""
        if self._phase == ACTIVE:
            self.trigger_deactivate()
        if self._phase != FINALIZED:
            self.trigger_shutdown()

    def _try_to_activate(self):
        missing = waiting(self._stepper, self._control, self.count_publishers)
        if not missing or broken(self._sources, self._control):
            self.trigger_activate()
            self._autostart = False         # from here on it resumes when it is told to
        elif time.monotonic() - self._waited > 2.0:
            self._waited = time.monotonic()
            self.get_logger().info(f'waiting: {"; ".join(missing)}')

    # wiring

    def _create_entities(self, sinks):
        """Create what talks to the robots; if one of them cannot be, none stays."""
        with contextlib.ExitStack() as entities:
            self._ports = Ports(self, self._control, self._sources, sinks, self._on_message, self._on_episode)
            entities.callback(self._ports.close)
            self._create_services(entities)
            # every update of a simulated clock is a jump of at least a nanosecond: it paces the loop
            threshold = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=Duration(nanoseconds=-1),
                                      on_clock_change=True)
            jumps = self.get_clock().create_jump_callback(threshold, post_callback=self._on_clock)
            entities.callback(jumps.unregister)
            self._entities = entities.pop_all()
        self._loop = ControlLoop(
            1.0 / self._control.control_rate, self._control.trigger, self._condition, self._begin,
            self._stepper.ready, self._stepper.step, self._stepper.watch, self._on_fault,
            simulated=self.get_parameter('use_sim_time').value, now_ns=self._ros_now)

    def _create_services(self, entities):
        """Offer ~/reset and ~/tare for all robots, and for several ~/reset/<robot>, ~/tare/<robot> for each."""
        rows = {'': None}
        if self._control.rows > 1:
            rows |= {f'/{robot.strip("/")}': row for row, robot in enumerate(self._control.robots) if robot}
        for ending, row in rows.items():
            for name, callback in (('~/reset', self._on_reset), ('~/tare', self._on_tare)):
                service = self.create_service(Trigger, name + ending, functools.partial(callback, row))
                entities.callback(self.destroy_service, service)

    def _begin(self):
        """Prepare the loop's thread: OpenMP counts threads, and torch warms up, for each thread anew."""
        # first, since the threads that OpenMP starts from here inherit it
        for refusal in schedule_thread(self._scheduling):
            self.get_logger().warning(refusal)
        set_threads(self._threads)
        self._stepper.warm_up()

    def _destroy_entities(self):
        if self._phase == INACTIVE:
            self._phase = UNCONFIGURED
            self._entities.close()
            gc.unfreeze()

    # callbacks

    def _on_message(self, source, row, message):
        now = time.monotonic()
        try:
            arrays, stamp = source.read(row, message)       # nobody else has to wait for this
            with self._condition:
                source.write(row, arrays, stamp, now)
                self._tell()
        except ValueError as error:
            self._refuse(source, row, error)

    def _refuse(self, source, row, error):
        with self._condition:
            source.buffer.reject(slice(None) if row is None else row, error)
            self._tell()
        topic = spec_topic(source.spec, self._control.robots[row or 0])
        self.get_logger().warning(f'{topic}: message refused: {error}', throttle_duration_sec=2.0)

    def _on_episode(self, row, message):
        with self._condition:
            try:
                self._stepper.note_episode(row, message)
            except ValueError as error:
                self.get_logger().warning(f'{self._control.episode_topic}: message refused: {error}',
                                          throttle_duration_sec=2.0)
            self._tell()

    def _tell(self):
        """Wake the loop for new observations, unless it goes by the clock; called with the condition held."""
        if self._control.trigger != 'timer' and self._stepper.ready():
            self._condition.notify_all()

    def _on_clock(self, jump):
        with self._condition:
            # in lockstep the simulator says itself when an episode begins, in order with the observations
            if jump.delta.nanoseconds < 0 and self._control.trigger != 'lockstep':
                for source in self._sources.values():
                    source.buffer.forget_stamps()
                self._stepper.request_reset()
                self.get_logger().warning(f'the clock went back by {-jump.delta.nanoseconds * 1e-9:.3f} s: '
                                          'recurrent states reset')
            self._condition.notify_all()

    def _on_reset(self, row, _request, response):
        with self._condition:
            self._stepper.request_reset(slice(None) if row is None else row)
        count = self._control.rows if row is None else 1
        response.success, response.message = True, f'recurrent state of {count} rows reset'
        return response

    def _on_tare(self, row, _request, response):
        with self._condition:
            self._stepper.request_tare(slice(None) if row is None else row)
        response.success, response.message = True, 'the next messages are the zero; until then the fallback goes out'
        return response

    def _on_timer(self):
        if self._phase == ACTIVE:
            level, message, values = diagnostics.policy_report(self._stepper, self._loop, self._control)
        else:
            level, message, values = DiagnosticStatus.OK, self._phase, {}
        header, name = Header(stamp=self.get_clock().now().to_msg()), self.get_fully_qualified_name().lstrip('/')
        report = diagnostics.diagnostic_array(header, name, level, message, values)
        self._diagnostics.publish(report)
        self._status.publish(report)

    def _on_set_parameters(self, changes):
        """Take what may change while running, refuse the rest. Never raises: that would let any peer end the node."""
        if self._phase == UNCONFIGURED:
            return SetParametersResult(successful=True)
        fixed = [change.name for change in changes if not parameters.is_live(change.name)]
        if fixed:
            reason = (f'{", ".join(fixed)}: parameters take effect at configure; clean up first. '
                      f'What may change now: {parameters.LIVE}')
            return SetParametersResult(successful=False, reason=reason)
        try:
            for change in changes:
                self._stepper.set_live(change.name, parameters.converted(change.name, change.value))
        except Exception as error:      # noqa: B902 - see above
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _on_fault(self, error):
        """The policy raised: send the fallback from here, at once; poll() deactivates."""
        self.get_logger().error('the step failed:\n' + ''.join(traceback.format_exception(error)))
        self._fault = error
        self._stepper.stop()

    # output

    def _publish(self, commands, stamps, only):
        self._ports.publish(commands, stamps, only)

    def _ros_now(self):
        clock = self.get_clock()
        # where nothing simulates it, it is the system's, which costs a tenth to ask
        return clock.now().nanoseconds if clock.ros_time_is_active else time.time_ns()

    def _say_active(self, active):
        self._active_publisher.publish(Bool(data=active))


def main(args=None):
    """Run the policy node until it is asked to end."""
    sys.exit(run(PolicyNode, args))

