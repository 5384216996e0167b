# SPDX-License-Identifier: Apache-2.0
"""A process of another Python that runs worker.py: started without ROS, watched, and never left behind."""
import collections
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from rl_policy_node.errors import ConfigurationError, SimulationError
from rl_policy_node.sim import worker

WATCH = 0.25            # s between two looks at a process that lets one wait
GOODBYE = 2.0           # s that it has to end by itself
LAST_LINES = 20         # of its output, told when it dies

OLDEST = (3, 6)
# understood by every Python there ever was
_PROBE = 'import sys\nsys.stdout.write("Python %d.%d " % sys.version_info[:2])\nimport numpy'

# Of the bridge's environment, what would make another Python load the bridge's libraries and modules.
_KEPT_FROM_IT = ('LD_LIBRARY_PATH', 'LD_PRELOAD', 'PYTHONPATH', 'PYTHONHOME', 'PYTHONSTARTUP', 'CMAKE_PREFIX_PATH',
                 '_ROS_WHEELS_BOOTSTRAP_COMPLETE')
_KEPT_BEGINNINGS = ('AMENT_', 'COLCON_', 'ROS_', 'RMW_')


class WorkerProcess:
    """ResponseTimes orders, one at a time; any failure ends it and is raised as one error that says what happened.

    say(line) is told every line that it prints.
    """

    def __init__(self, spec, say):
        self._name, self._python = f"sim.environment '{spec.name}'", interpreter(spec.python.interpreter)
        self._answered, self._ended = False, False
        self._lines, self._lock = collections.deque(maxlen=LAST_LINES), threading.RLock()
        self._variables = environment_variables(self._python, spec.python.variables)
        self.memory = os.memfd_create('rl_policy_node')         # no name: nothing of it can outlive both processes
        self._connection, theirs = socket.socketpair()
        try:
            self._process = self._start(theirs.fileno())
        except OSError as error:
            self._close_files()
            raise ConfigurationError(f"sim.python '{self._python}' cannot be run: {error.strerror}") from error
        finally:
            theirs.close()
        self._reader = threading.Thread(target=self._read, args=(say,), name='worker output', daemon=True)
        self._reader.start()
        say(f'{self._name} runs in process {self._process.pid}, {self._python}')

    def _start(self, connection):
        """Start the interpreter in a session of its own: Ctrl-C is for the bridge."""
        return subprocess.Popen([self._python, '-u', worker.__file__, str(connection), str(self.memory)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                encoding='utf-8', errors='replace', env=self._variables, start_new_session=True,
                                pass_fds=(connection, self.memory))

    def _read(self, say):
        for line in self._process.stdout:
            self._lines.append(line.rstrip())
            say(line.rstrip())

    def ask(self, kind, timeout, doing, content=None):
        """Send an order; return the flag and the content of its answer.

        Raises ConfigurationError for what its user can mend, SimulationError for every other failure.
        """
        with self._watched(doing):
            return self._answer(kind, timeout, doing, content)

    def check(self):
        """Raise SimulationError for a process that is gone or stopped, though nothing is asked of it."""
        with self._watched('while it waited'):
            self._look('while it waited')

    @contextlib.contextmanager
    def _watched(self, doing):
        """Have the process to oneself; any failure is its end."""
        with self._lock:
            if self._ended:
                raise SimulationError(f'{self._name} has ended')
            try:
                yield
            except (OSError, EOFError):
                raise self._died(doing) from None
            except BaseException:
                self.end()
                raise

    def _answer(self, kind, timeout, doing, content):
        deadline = time.monotonic() + timeout
        self._connection.settimeout(timeout)
        worker.send(self._connection, kind, content=content)
        self._connection.settimeout(WATCH)
        kind, flag, content = worker.receive(self._connection, lambda: self._wait(doing, deadline, timeout))
        if kind == worker.FAILED:
            raise self._failed(doing, content)
        self._answered = True
        return flag, content

    def _wait(self, doing, deadline, timeout):
        self._look(doing)
        if time.monotonic() > deadline:
            raise SimulationError(f'{self._it()} did not answer within {timeout:g} s {doing}{self._last_lines()}')

    def _look(self, doing):
        """Raise for a process that will not answer; its socket may outlive it in what it started itself."""
        if self._process.poll() is not None:
            raise EOFError
        if _state(self._process.pid) == 'T':
            raise SimulationError(f'{self._it()} was stopped by a signal {doing}')

    def _failed(self, doing, content):
        if content['kind']:
            return getattr(worker, content['kind'])(content['text'])
        return SimulationError(f"{self._it()} failed {doing}: {content['text']}")

    def _died(self, doing):
        """End what is left of it and return the error that says how it ended."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            code = None
        self.end()
        if not self._answered and (mistake := mistake_of(self._python, self._variables)):
            return ConfigurationError(f"sim.python '{self._python}' {mistake}")
        return SimulationError(f'{self._it()} {_how(code)} {doing}{self._last_lines()}')

    def _it(self):
        return f'{self._name}: its process {self._process.pid} ({self._python})'

    def _last_lines(self):
        return '; it had printed nothing' if not self._lines else '; its last output:\n  ' + '\n  '.join(self._lines)

    def close(self):
        """Ask it to end, then make it; once is enough. One that still steps for another thread gets no choice."""
        if self._lock.acquire(timeout=GOODBYE):
            try:
                self._say_goodbye()
            finally:
                self._lock.release()
        self.end()

    def _say_goodbye(self):
        if not self._ended:
            try:
                worker.send(self._connection, worker.CLOSE)
                self._process.wait(GOODBYE)
            except (OSError, subprocess.TimeoutExpired):
                pass

    def end(self):
        """Kill it with all that it started, reap it, close every file."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with self._lock:
            if not self._ended:
                self._ended = True
                self._reader.join(1.0)
                if not self._reader.is_alive():         # what left the session may still hold the other end
                    self._process.stdout.close()
                self._close_files()

    def _close_files(self):
        self._connection.close()
        os.close(self.memory)


def interpreter(python):
    """Return the path of an interpreter; raises ConfigurationError for what cannot be one."""
    found = shutil.which(os.path.expanduser(python))
    if found:
        return found
    path = os.path.expanduser(python)
    if os.path.isdir(path):
        raise ConfigurationError(f"sim.python '{python}' is a folder; expected an interpreter, such as "
                                 f"{os.path.join(path, 'bin', 'python')}")
    raise ConfigurationError(f"sim.python '{python}' is not executable" if os.path.exists(path) else
                             f"sim.python '{python}' does not exist")


def mistake_of(python, variables):
    """Return what is wrong with an interpreter that could not run worker.py, or None."""
    try:
        probe = subprocess.run([python, '-c', _PROBE], stdin=subprocess.DEVNULL, capture_output=True, env=variables,
                               encoding='utf-8', errors='replace', timeout=1.0)
    except (OSError, subprocess.TimeoutExpired):
        return None
    name, version, *_ = (*probe.stdout.split(), '', '')
    if name != 'Python':
        return f'is no Python: it ended with {probe.returncode}; expected the path of an interpreter'
    if tuple(map(int, version.split('.'))) < OLDEST:
        return f'is Python {version}; expected 3.6 or newer'
    if probe.returncode:
        last = probe.stderr.strip().splitlines()[-1:]
        return f"(Python {version}) has no numpy: {''.join(last)}; {python} -m pip install numpy"
    return None


def environment_variables(python, more):
    """Return the environment of a worker: this process' without ROS, its own libraries, and NAME=value of `more`."""
    kept = {name: value for name, value in os.environ.items()
            if name not in _KEPT_FROM_IT and not name.startswith(_KEPT_BEGINNINGS)}
    kept['PYTHONIOENCODING'] = 'utf-8'
    libraries = _own_libraries(python)
    if libraries:       # Isaac Gym's modules need libpython3.8.so and find it nowhere else
        kept['LD_LIBRARY_PATH'] = libraries
    for variable in more:
        name, equals, value = variable.partition('=')
        if not equals or not name.strip():
            raise ConfigurationError(f"sim.python_variables has '{variable}'; expected NAME=value")
        kept[name.strip()] = value
    return kept


def _own_libraries(python):
    """Return the lib folders of an interpreter and of the one behind its virtual environment."""
    prefixes = [os.path.dirname(os.path.dirname(path)) for path in (os.path.abspath(python), os.path.realpath(python))]
    folders = dict.fromkeys(os.path.join(prefix, 'lib') for prefix in prefixes if prefix not in ('/', '/usr'))
    return ':'.join(folder for folder in folders if os.path.isdir(folder))


def _state(pid):
    """Return the letter that the kernel gives a process: R, S, D, T (stopped by a signal), Z, …"""
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0]
    except OSError:
        return ''


def _how(code):
    if code is None:
        return 'fell silent'
    if code >= 0:
        return f'ended with exit code {code}'
    name = signal.Signals(-code).name
    return f'was killed by {name}' + (', as the kernel does when memory runs out,' if name == 'SIGKILL' else '')
