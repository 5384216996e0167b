"""One step of the policy: sources → observations → actions → limited commands, row by row fit or held."""
from collections import deque
import threading
import time

import numpy as np

from rl_policy_node.control.action_manager import ActionManager
from rl_policy_node.control.context import Context
from rl_policy_node.control.limits import finite_rows, is_finite
from rl_policy_node.control.numbers import every, some
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.control.supervisor import Supervisor, without
from rl_policy_node.nodes.intake import Intake
from rl_policy_node.nodes.rows import lines


class Stepper:
    """Puts policy and control together for all rows; owns what is shared with the callbacks.

    sources: name → Source. publish(commands, stamps, only): sends commands of the rows in `only`;
    stamps name → (rows,) ns. ros_now(): ns, steady_now(): s.
    condition: held while sources are written. Callbacks write sources and call the `request_*` methods;
    everything else belongs to the control loop's thread.
    """

    def __init__(self, control, policy, sources, publish, ros_now, condition, log, steady_now=time.monotonic):
        self._steady_now = steady_now
        self._control, self._policy, self.sources = control, policy, sources
        self._publish, self._ros_now, self._condition, self._log = publish, ros_now, condition, log
        joints = {name: source.joints for name, source in sources.items()}
        buffers = {name: source.buffer for name, source in sources.items()}
        actions = policy.spaces.num_actions
        self._intake = Intake(control, sources, ros_now)
        self._taken = self._intake.taken
        # what callbacks write: when the episode of a row began, and that it was said anew
        self.episode, self.episode_fresh = self._intake.episode, self._intake.episode_fresh
        self._observations = ObservationManager(control, policy.spaces.inputs, buffers, joints, actions)
        self._actions = ActionManager(control, policy.spaces.action, buffers, joints)
        patience = control.lockstep_timeout if control.trigger == 'lockstep' else None
        self._supervisor = Supervisor(control.rows, 1.0 / control.control_rate, patience)
        self._context = Context.at_reset(control.rows, actions)
        self._last_action = self._context.last_action
        # terms are float32; images of bytes go to the policy as bytes, which it divides by 255
        types = {name: np.dtype(policy.spaces.dtype_of(name)) for name in control.inputs}
        self._types = {name: dtype for name, dtype in types.items() if dtype != np.float32}
        # a choice is no number to be clipped
        self._clip = None if policy.spaces.discrete or not np.isfinite(control.clip_actions) else control.clip_actions
        self._reset, self._tare = np.zeros(control.rows, dtype=bool), np.zeros(control.rows, dtype=bool)
        self._now, self._reset_at = 0.0, np.zeros(control.rows)      # s, of the step's own time
        self._all, self._none = np.ones(control.rows, dtype=bool), np.zeros(control.rows, dtype=bool)
        self._all.flags.writeable = self._none.flags.writeable = False
        self._max_age = min(source.spec.max_age for source in sources.values())
        self.fit = np.ones(control.rows, dtype=bool)
        self.reasons = {}
        # of all rows in one message, which has no stamp, a simulator that waits would take any for the answer
        self._mute = bool(control.together) and control.trigger == 'lockstep'
        # of thousands of simulated rows some may fall out in every step
        self._seldom = {'throttle_duration_sec': 1.0} if control.together else {}
        self.steps = self.resets = 0
        # s: from the last message to the commands, and what the policy takes of it
        self.latencies, self.thoughts = deque(maxlen=2000), deque(maxlen=2000)
        self._last_time = self._steady_now()
        # held while commands go out: a step that comes too late must not follow the fallback
        self._sending = threading.Lock()
        self._open, self._busy_since = False, None

    def warm_up(self):
        """Step the policy on zeros: the first call is twenty times slower than the rest."""
        zeros = {name: np.zeros((self._control.rows, *shape), np.float32)
                 for name, shape in self._policy.spaces.inputs.items()}
        for _ in range(5):
            self._policy.act(self._shaped(zeros))
        self._policy.reset()

    def unfit(self):
        """Return row → reason for the rows that could not act now: what activation has to wait for."""
        with self._condition:
            self._intake.take()
        return self._judge(self._ros_now())[1]

    def start(self):
        """Begin from the measured state with cleared recurrent states; the latest observation counts as new."""
        with self._condition:
            self._intake.take()
            for source in self.sources.values():
                source.buffer.fresh[:] = np.isfinite(source.buffer.received)
            self.episode_fresh[:] = self.episode != 0
            self._reset[:], self._tare[:] = True, False
        self.fit[:], self.reasons = True, {}
        self._observations.tare(self.fit.copy(), activating=True)
        self._actions.start(self._taken)
        self._last_time = self._steady_now()
        self._open, self._busy_since = True, None

    def note_episode(self, row, message):
        """Take in when the episode of a row, or of all rows (None), began; called with the condition held."""
        self._intake.note_episode(row, message)

    def request_reset(self, rows=slice(None)):
        """Clear the recurrent state of rows before their next action; called with the condition held."""
        self._reset[rows] = True

    def request_tare(self, rows=slice(None)):
        """Take the zero of tactile terms anew, from the next messages; called with the condition held."""
        self._tare[rows] = True

    def set_live(self, name, values):
        """Change `blend`, or a scale `actions.<term>.<scale>`, from the next step on; raises ConfigurationError."""
        if name == 'blend':
            self._actions.set_blend(values)
        else:
            _, term, scale = name.split('.')
            self._actions.set_scale(term, values, scale)

    @property
    def last_action(self):
        """What the policy gave at the last step (rows, actions), float32, before any law or limit."""
        return self._last_action.copy()

    def ready(self):
        """Whether every row that acts has a new observation; called with the condition held."""
        return self._intake.ready(self.fit)

    def step(self):
        """Act on what has arrived and publish a command for every row."""
        self._busy_since = began = self._steady_now()
        with self._condition:
            self._intake.take()
            reset, tare = self._asked()
        arrived, ros_now = self._intake.arrived(), self._ros_now()
        fit, reasons = self._judge(ros_now)
        if self._observations.tares:
            if some(tare):
                self._observations.tare(tare)
            self._observations.feed_tare(self._taken, fit)
            fit, reasons = self._with_tare(fit, reasons)
        self._now = self._time(ros_now)
        if some(reset) or reasons or not every(self.fit):
            self._clear(reset | (fit & ~self.fit))      # after a gap the recurrent state remembers another time
            self._note(fit, reasons)
        commands = self._commands(self._intake.complete(fit))
        if not self._send(commands, answer=True, began=began):
            self._actions.hold(self._taken, self.fit)       # given up meanwhile: what holds is what was sent
        self._busy_since = None
        self.steps += 1
        self.latencies.append(self._steady_now() - arrived)

    def _asked(self):
        """Return the rows (masks) to be reset and to be tared, and forget that it was asked for."""
        if not (self._control.episode_topic or some(self._reset) or some(self._tare)):
            return self._none, self._none
        reset, tare = self._reset | self._intake.episode_begins(), self._tare.copy()
        self._reset[:], self._tare[:] = False, False
        return reset, tare

    def watch(self):
        """While nothing triggers: see whether sources went stale, and hold the rows that did."""
        with self._condition:
            self._intake.take(keep_fresh=True)
        fit, reasons = self._with_tare(*self._judge(self._ros_now()))
        if every(fit) and every(self.fit):
            return
        # a row that is fit again stays unfit here: only a step resets it
        self._note(fit & self.fit, reasons)
        if not self._mute:
            self._send(self._actions.commands(), only=~self.fit)

    def overdue(self):
        """Send the fallback where a step takes longer than a source may be old; its result is then dropped.

        Called from another thread than the loop's. Returns whether it had to.
        """
        began, limit = self._busy_since, self._max_age
        if began is None or self._control.trigger == 'lockstep' or self._steady_now() - began < limit:
            return False
        with self._sending:
            if self._busy_since != began:
                return False
            self._busy_since = None
            self._send_now(self._held(), answer=False)
        self._log.error(f'the step takes longer than {limit:g} s; sent the fallback, its result is dropped',
                        throttle_duration_sec=2.0)
        return True

    def stop(self):
        """Publish the fallback for every row; nothing follows it."""
        with self._sending:
            if self._open:
                self._open = False
                self._send_now(self._held(), answer=False)

    def _held(self):
        """Return the command that holds every row where it was measured last."""
        with self._condition:
            self._intake.take(keep_fresh=True)
        self._actions.hold(self._taken, self.fit)
        return self._actions.commands()

    def _judge(self, ros_now):
        return self._supervisor.assess(self._taken, self._steady_now(), ros_now)

    def _with_tare(self, fit, reasons):
        """Take out the rows whose tactile terms have no zero yet."""
        untared = self._observations.untared()
        return (without(fit, untared), reasons | untared | reasons) if untared else (fit, reasons)

    def _clear(self, rows):
        if some(rows):
            self._policy.reset(rows)
            self._observations.reset(rows)
            self._last_action[rows] = 0.0
            self._reset_at[rows] = self._now
            self.resets += int(rows.sum())

    def _commands(self, acting):
        """Return the commands of this step: the policy's for rows in `acting`, what was sent last elsewhere."""
        dt = self._elapsed()
        if not some(acting):
            return self._actions.commands()
        inputs = self._observations.compute(self._taken, self._context_of(acting))
        acting = self._finite_only(inputs, acting)
        whole, began = every(acting), self._steady_now()
        actions = self._policy.act(self._shaped(inputs), hold=None if whole else ~acting)
        self.thoughts.append(self._steady_now() - began)
        if self._clip is not None:
            actions = np.minimum(np.maximum(actions, -self._clip), self._clip)
        if whole:
            self._last_action[:] = actions
        else:
            self._last_action[acting] = actions[acting]
        finite = self._actions.process(actions, self._taken, acting, dt)
        if not every(finite):
            self._refuse(acting & ~finite, 'the policy gave a command that is not finite')
        return self._actions.commands()

    def _context_of(self, acting):
        """Return the Context of this step, in the arrays of the one before."""
        if self._observations.timed:
            np.subtract(self._now, self._reset_at, out=self._context.elapsed)
        self._context.acting[:] = acting
        return self._context

    def _finite_only(self, inputs, acting):
        """Return the rows that see numbers; the others are shown zeros: one row that is none can fail the batch."""
        if every(acting) and all(map(is_finite, inputs.values())):
            return acting
        finite = np.logical_and.reduce([finite_rows(value) for value in inputs.values()])
        self._refuse(acting & ~finite, 'what the policy would see is not finite')
        for value in inputs.values():
            value[~(acting & finite)] = 0.0
        return acting & finite

    def _refuse(self, rows, reason):
        """Take rows (mask), where there are any, out of those that are fit."""
        if some(rows):
            self._note(self.fit & ~rows, dict.fromkeys(_indices(rows), reason))

    def _elapsed(self):
        """Return the time since the last step, s; after a gap a limit must not open wide."""
        now, period = self._steady_now(), 1.0 / self._control.control_rate
        elapsed, self._last_time = now - self._last_time, now
        return period if self._control.trigger == 'lockstep' else min(elapsed, 2 * period)

    def _time(self, ros_now):
        """Return the time that terms live in, s: ROS time, or the steps' own where a simulator waits for them."""
        lockstep = self._control.trigger == 'lockstep'
        return self.steps / self._control.control_rate if lockstep else ros_now * 1e-9

    def _shaped(self, inputs):
        for name, dtype in self._types.items():
            inputs[name] = inputs[name].astype(dtype)
        return inputs if self._policy.spaces.is_dict else inputs['obs']

    def _note(self, fit, reasons):
        """Take over which rows are fit; say what changed, and let rows that fell out hold where they are."""
        if every(fit) and every(self.fit):
            self.reasons = {}
            return
        lost, found = self.fit & ~fit, fit & ~self.fit
        if some(lost):
            self._actions.hold(self._taken, lost)
            for line in lines(self._control, {row: reasons[row] for row in _indices(lost)}):
                self._log.warning(f'{line}; sending the fallback', **self._seldom)
        if some(found):
            # what was sent last is old, or, of a robot that has just come, was never sent
            self._actions.hold(self._taken, found)
            for line in lines(self._control, dict.fromkeys(_indices(found), 'recovered; recurrent state reset')):
                self._log.info(line, **self._seldom)
        self.reasons = {row: text for row, text in {**self.reasons, **reasons}.items() if not fit[row]}
        self.fit = fit.copy()

    def _send(self, commands, answer=False, only=None, began=None):
        """Publish, unless the loop was stopped or this step (that `began` then) was given up."""
        with self._sending:
            current = self._open and began == self._busy_since
            if current:
                self._send_now(commands, answer, only)
            return current

    def _send_now(self, commands, answer, only=None):
        """Publish, except to robots that never said where they are: nothing would hold there.

        A command of the policy carries the stamp of the observation acted on, a fallback the time.
        In lockstep whatever answers an observation carries its stamp: the simulator waits for it.
        """
        answers = self._none if not answer else self._all if self._control.trigger == 'lockstep' else self.fit
        stamps = {action.name: self._intake.stamps(action.source, answers) for action in self._control.actions}
        self._publish(commands, stamps, self._intake.there(self._all if only is None else only))


def _indices(mask):
    return np.nonzero(mask)[0].tolist()
