# SPDX-License-Identifier: Apache-2.0
"""A process of another Python that runs worker.py: started without ROS, watched, and always ended."""

import collections
from collections.abc import Callable, Iterator
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from typing import Any, Final, TypeAlias

from rl_policy_node.errors import ConfigurationError, SimulationError
from rl_policy_node.sim import worker
from rl_policy_node.sim.environment_specs import EnvironmentSpec
from rl_policy_node.sim.interpreters import diagnose, find_interpreter, worker_variables

_WATCH_PERIOD: Final = 0.25  # s between two checks of a process that has not answered yet
_GRACE: Final = 2.0  # s within which it must end by itself
_LAST_LINES: Final = 20  # number of lines of its output to show when it dies

# the plain data (as of JSON) of an order or an answer
Content: TypeAlias = Any


class WorkerProcess:
    """Carries out orders, one at a time; any failure ends the process and raises one error that describes it.

    log(line) gets every line that the process prints.
    """

    def __init__(self, spec: EnvironmentSpec, log: Callable[[str], object]) -> None:
        self._name, self._python = f"sim.environment '{spec.name}'", find_interpreter(spec.python.interpreter)
        self._answered, self._ended = False, False
        self._lines: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        self._lock = threading.RLock()
        self._variables = worker_variables(self._python, spec.python.variables)
        self.memory = os.memfd_create('rl_policy_node')  # without a name: it ends with both processes
        self._connection, theirs = socket.socketpair()
        try:
            self._process = self._start(theirs.fileno())
        except OSError as error:
            self._close_files()
            raise ConfigurationError(f"sim.python '{self._python}' cannot be run: {error.strerror}") from error
        finally:
            theirs.close()
        self._reader = threading.Thread(target=self._read, args=(log,), name='worker output', daemon=True)
        self._reader.start()
        log(f'{self._name} runs in process {self._process.pid}, {self._python}')

    def _start(self, connection: int) -> subprocess.Popen[str]:
        """Start the interpreter in its own session: Ctrl-C must only reach the bridge."""
        return subprocess.Popen(
            [self._python, '-u', worker.__file__, str(connection), str(self.memory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding='utf-8',
            errors='replace',
            env=self._variables,
            start_new_session=True,
            pass_fds=(connection, self.memory),
        )

    def _read(self, log: Callable[[str], object]) -> None:
        assert self._process.stdout is not None, 'a pipe'
        for line in self._process.stdout:
            self._lines.append(line.rstrip())
            log(line.rstrip())

    def ask(self, order: bytes, timeout: float, doing: str, content: Content = None) -> tuple[int, Content]:
        """Send an order; return the flag and the content of its answer, which may take `timeout` s.

        doing: describes the order in errors. Raises ConfigurationError or worker.Unfit for faults that the user can
        fix, SimulationError for every other failure.
        """
        with self._watched(doing):
            deadline = time.monotonic() + timeout

            def wait() -> None:
                self._check_running(doing)
                if time.monotonic() > deadline:
                    raise SimulationError(
                        f'{self._label()} did not answer within {timeout:g} s {doing}{self._last_lines()}'
                    )

            self._connection.settimeout(timeout)
            worker.send(self._connection, order, content=content)
            self._connection.settimeout(_WATCH_PERIOD)
            kind, flag, content = worker.receive(self._connection, wait)
            if kind == worker.FAILED:
                if content['kind']:
                    raise getattr(worker, content['kind'])(content['text'])
                raise SimulationError(f'{self._label()} failed {doing}: {content["text"]}')
            self._answered = True
        return flag, content

    def check(self) -> None:
        """Raise SimulationError if the process has ended or is stopped between two orders."""
        with self._watched('while it waited'):
            self._check_running('while it waited')

    @contextlib.contextmanager
    def _watched(self, doing: str) -> Iterator[None]:
        """Use the process exclusively; any failure ends it."""
        with self._lock:
            if self._ended:
                raise SimulationError(f'{self._name} has ended')
            try:
                yield
            except (OSError, EOFError):
                raise self._end_error(doing) from None
            except BaseException:
                self.end()
                raise

    def _check_running(self, doing: str) -> None:
        """Raise if the process cannot answer: its children may keep its socket open after its end."""
        if self._process.poll() is not None:
            raise EOFError
        if _state(self._process.pid) == 'T':
            raise SimulationError(f'{self._label()} was stopped by a signal {doing}')

    def _end_error(self, doing: str) -> ConfigurationError | SimulationError:
        """Kill the process and its children; return the error with how it ended."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            end = 'fell silent'
        else:
            end = f'ended with exit code {code}' if code >= 0 else f'was killed by {signal.Signals(-code).name}'
            if code == -signal.SIGKILL:
                end += ', as the kernel does when memory runs out,'
        self.end()
        if not self._answered and (mistake := diagnose(self._python, self._variables)):
            return ConfigurationError(f"sim.python '{self._python}' {mistake}")
        return SimulationError(f'{self._label()} {end} {doing}{self._last_lines()}')

    def _label(self) -> str:
        return f'{self._name}: its process {self._process.pid} ({self._python})'

    def _last_lines(self) -> str:
        return '; it had printed nothing' if not self._lines else '; its last output:\n  ' + '\n  '.join(self._lines)

    def close(self) -> None:
        """Ask the process to end, else kill it, also while it steps for another thread; later calls do nothing."""
        if self._lock.acquire(timeout=_GRACE):
            try:
                if not self._ended:
                    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                        worker.send(self._connection, worker.CLOSE)
                        self._process.wait(_GRACE)
            finally:
                self._lock.release()
        self.end()

    def end(self) -> None:
        """Kill the process with all processes that it started, reap it, and close every file."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with self._lock:
            if not self._ended:
                self._ended = True
                self._reader.join(1.0)
                # a process that left the session may still hold the other end
                if not self._reader.is_alive() and self._process.stdout is not None:
                    self._process.stdout.close()
                self._close_files()

    def _close_files(self) -> None:
        self._connection.close()
        os.close(self.memory)


def _state(pid: int) -> str:
    """Return the kernel's state letter of a process: R, S, D, T (stopped by a signal), Z and others."""
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0]
    except OSError:
        return ''
