"""The robots' side of a parameter file, played by an environment: observations out, commands in."""
from collections import deque
import threading
import time
import traceback

import numpy as np

from rl_policy_node.control.action_manager import ActionManager
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.errors import SimulationError
from rl_policy_node.nodes.answers import Answers
from rl_policy_node.nodes.episodes import Episodes, latency_ms, Recorder, write_summary
from rl_policy_node.nodes.fit import check_fields, input_shapes
from rl_policy_node.nodes.rows import listed
from rl_policy_node.nodes.wiring import Sink, Source
from rl_policy_node.sim.gap import create_imperfections, Measured, Robots

START = 1_000_000_000        # ns: simulated time begins at 1 s or later, because a stamp of 0 means none
PATIENCE = 1.0               # s that a step under way has, when the bridge is to end, before its worker is ended
IDENTITY = {'orientation': np.array([0.0, 0.0, 0.0, 1.0])}


class Bridge:
    """Steps an environment with the commands that arrive and hands out what it observes.

    emit(stamp, episode stamps): publishes `sources` and the clock. on_episodes([(row, index, return, length,
    success)]): those that ended with a step. Commands arrive through `receive(name, row, message)`.
    Lockstep: one step per complete set of commands that answers the observation; real time: one step per
    period, its observation shown at the period's end.
    """

    def __init__(self, configuration, environment, emit, on_episodes, log):
        self._control, self._sim, self._play = configuration.control, configuration.sim, configuration.sim.play
        self._environment, self._emit, self._on_episodes, self._log = environment, emit, on_episodes, log
        self.lockstep = self._play.lockstep
        self._period = 1.0 / self._control.control_rate
        shapes = input_shapes(configuration, environment)
        self.sources = {name: Source(spec, self._control, shapes) for name, spec in self._control.sources.items()}
        self.sinks = {action.name: Sink(action, self._control) for action in self._control.actions}
        buffers = {name: source.buffer for name, source in self.sources.items()}
        joints = {name: source.joints for name, source in self.sources.items()}
        self._observations = ObservationManager(self._control, shapes, buffers, joints, environment.num_actions)
        self._actions = ActionManager(self._control, environment.actions, buffers, joints)
        self._actions.check_reversible()
        check_fields(self._observations, self.sources)
        rows = self._control.rows
        self._received = {name: sink.buffer(rows, np.inf) for name, sink in self.sinks.items()}
        measured = {name: Measured(source.buffer.values, source.spec.rows) for name, source in self.sources.items()}
        self.gap = create_imperfections(self._sim.gap, self._sim.environment.seed, self._period,
                                        Robots(rows, measured, self._received, self._held), self.lockstep)
        self._condition = threading.Condition()
        self._thread, self._running = None, False
        self._paused = self._reset_asked = False
        self._answers = Answers((len(self.sinks), rows), keep_all=bool(self._play.record))
        self._stepping = deque(maxlen=2000)         # s, that the environment took
        self._index = {name: number for number, name in enumerate(self.sinks)}
        # without a stamp an answer that is on its way would pass for that to the first observation after a reset
        self._awaits_answer = self.lockstep and not all(sink.adapter.has_header for sink in self.sinks.values())
        self._current = None         # stamp of the observation shown last
        # another one each time: in lockstep the first episode of a bridge that began anew would pass for the old one
        self._stamp = START + time.monotonic_ns() % START if self.lockstep else START
        self._episode = np.full(rows, self._stamp, dtype=np.int64)
        self.episodes = Episodes(rows, keep=self._play.episodes or (None if self._play.summary else 0))
        self._recorder = Recorder() if self._play.record else None
        self.steps = self.misses = 0
        self.finished = self.failed = False

    def _held(self):
        """Return command → field → (rows, …) that holds every robot where it truly is."""
        self._actions.start({name: source.buffer for name, source in self.sources.items()})
        return self._actions.commands()

    # the thread

    def start(self):
        """Begin in a thread of its own."""
        if self.gap.description:
            self._log.info(self.gap.description)
        self._running = True
        self._thread = threading.Thread(target=self._run, name='bridge', daemon=True)
        self._thread.start()

    def stop(self):
        """End the thread, close the environment and write what was recorded."""
        with self._condition:
            self._running = False
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(PATIENCE)
            self._environment.close()
            self._thread.join()
            self._thread = None
            self.gap.close()
            self._write()

    def _run(self):
        try:
            self._show(self._environment.reset())
            if not self.lockstep:
                self._await_commands()
            due = time.monotonic() + self._period
            while self._running and not self._over():
                if self._paused or self._reset_asked:
                    due = self._interrupted()
                elif self._wait_for_commands() if self.lockstep else self._wait_until(due):
                    observations = self._step()
                    if not self.lockstep:
                        time.sleep(max(due - time.monotonic(), 0.0))
                    self._show(observations)
                    due = max(due + self.gap.period(), time.monotonic())
        except Exception as error:      # noqa: BLE001 - the node ends with the environment's own words
            if self._running:       # else stop() did not wait for it
                self.failed = True
                told = str(error) if isinstance(error, SimulationError) else traceback.format_exc()
                self._log.error(f'sim.environment failed at step {self.steps}:\n{told}')
        self.finished = True

    def _over(self):
        enough = self._play.episodes and len(self.episodes.finished) >= self._play.episodes
        return bool(enough or (self._play.steps and self.steps >= self._play.steps))

    def _interrupted(self):
        self._environment.check()
        with self._condition:
            if self._paused:
                self._condition.wait(0.05)
            asked = self._reset_asked and (not self._awaits_answer or self._condition.wait_for(self._complete, 0.2))
            self._reset_asked &= not asked
        if asked:
            self._stamp += self._period_ns()
            self._episode[:] = self._stamp
            self.episodes.restart()
            self._show(self._environment.reset())
        return time.monotonic() + self._period

    def _period_ns(self):
        return round(self._period * 1e9)

    def _await_commands(self):
        """Keep showing the first observation until every robot is commanded, then begin the episode."""
        while self._running:
            with self._condition:
                commanded = self._condition.wait_for(self._commanded, self._period)
            self._environment.check()
            self._stamp += self._period_ns()
            if commanded:
                self._episode[:] = self._stamp
            self._show(self._latest)
            if commanded:
                return

    def _wait_for_commands(self):
        with self._condition:
            complete = self._condition.wait_for(self._complete, 0.2)
            waited = time.monotonic() - self._shown
            if not complete and waited > 5.0 and self.steps:
                fresh = np.logical_and.reduce([buffer.fresh for buffer in self._received.values()])
                silent = listed(self._control, np.nonzero(~fresh)[0].tolist())
                self._log.warning(f'no command for {silent} in answer to observation {self.steps} for {waited:.0f} s',
                                  throttle_duration_sec=5.0)
        if not complete:
            self._environment.check()
        return complete

    def _wait_until(self, due):
        """Wait for the commands, but no longer than to the end of the period: the last ones then go on."""
        with self._condition:
            if not self._condition.wait_for(self._complete, max(due - time.monotonic(), 0.0)):
                self.misses += 1
        return True

    def _commanded(self):
        return all(np.isfinite(buffer.received).all() for buffer in self._received.values())

    def _complete(self):
        return all(buffer.fresh.all() for buffer in self._received.values())

    def _step(self):
        """Step the environment with the commands there are; return what it then observes."""
        with self._condition:
            actions = self._actions.invert(self.gap.commands(),
                                           {name: source.buffer for name, source in self.sources.items()})
        shown, qpos = self._latest, self._environment.qpos
        qpos = None if qpos is None else qpos.copy()
        began = time.monotonic()
        observations, rewards, dones, successes = self._environment.step(actions)
        self._stepping.append(time.monotonic() - began)
        self.steps += 1
        self._record(shown, qpos, actions, rewards, dones, successes)
        ended = self.episodes.add(rewards, dones, successes)
        if ended:
            self._on_episodes(ended)
        self._stamp += self._period_ns()
        self._episode[dones] = self._stamp
        return observations

    def _show(self, observations):
        """Publish an observation; what answers it has yet to come."""
        self._latest = observations
        self._observations.scatter(observations, {name: source.buffer for name, source in self.sources.items()})
        self.gap.show(self._episode)
        with self._condition:
            for buffer in self._received.values():
                buffer.fresh[:] = False
            self._current, self._shown = self._stamp, time.monotonic()
            self._answers.shown(self._stamp, self.steps, self._shown)
        self._emit(self._stamp, self._episode)

    # what callbacks call

    def receive(self, name, row, message):
        """Take a command in; before anything was shown, and in lockstep for another observation, it is none.

        row: None for the commands of all rows. Raises ValueError for what was not taken.
        """
        sink, buffer = self.sinks[name], self._received[name]
        with self._condition:
            stamp = sink.adapter.stamp(message) if sink.adapter.has_header else self._current
            if self._current is None or (self.lockstep and stamp != self._current):
                return
            if row is None:
                refused = sink.accept_rows(buffer, message, time.monotonic())
            else:
                sink.accept(buffer, row, message, time.monotonic())
            taken = ~refused if row is None else row
            buffer.fresh[taken] = stamp == self._current
            self._answers.answer(stamp, self._index[name], taken, time.monotonic())
            if self._complete():
                self._condition.notify_all()
        if row is None and refused.any():
            rows = np.nonzero(refused)[0].tolist()
            raise ValueError(f'{listed(self._control, rows)}: {buffer.last_fault[rows[0]]}')

    def ask_reset(self):
        """Begin new episodes in every row before the next step."""
        with self._condition:
            self._reset_asked = True
            self._condition.notify_all()

    def pause(self, paused):
        """Hold the environment and its clock, or let them go on."""
        with self._condition:
            self._paused = paused
            self._condition.notify_all()

    def message(self, name, row, stamp):
        """Return the message of a source for one row, or for all rows (None), as published now."""
        source, shown = self.sources[name], self.gap.shown[name]
        if row is None:
            return source.adapter.to_message(dict(shown), stamp)
        fixed = {field: IDENTITY.get(field, np.zeros(shape)) for field, shape in source.adapter.fields.items() if shape}
        values = {field: value[row] for field, value in shown.items()}
        return source.adapter.to_message({**fixed, **values}, stamp, source.names_of(row))

    def summary(self):
        """Return the figures of the run so far."""
        return {**self.episodes.summary(self._play.episodes), 'steps': self.steps,
                'latency_ms': latency_ms(list(self._answers.latencies)), 'deadline_misses': self.misses,
                'environment_p50_ms': latency_ms(list(self._stepping))['p50'],
                'mode': 'lockstep' if self.lockstep else 'real time', 'robots': self._control.rows,
                'control_rate': self._control.control_rate, 'seed': self._sim.environment.seed,
                **self.gap.summary()}

    def _record(self, observations, qpos, actions, rewards, dones, successes):
        if self._recorder is None:
            return
        extra = self.gap.record() if qpos is None else {'qpos': qpos, **self.gap.record()}
        if successes is not None:
            extra['successes'] = successes
        self._recorder.add(**{f'obs/{name}': value for name, value in observations.items()}, actions=actions,
                           rewards=rewards, dones=dones.astype(np.uint8), **extra)

    def _write(self):
        if self._recorder is not None:
            latency = [self._answers.by_step.get(step, np.nan) for step in range(self.steps)]
            self._recorder.write(self._play.record, latency=np.array(latency))
        if self._play.summary:
            played = {'played': self.episodes.columns(self._play.episodes)}
            write_summary(self._play.summary, {**self.summary(), **played})
