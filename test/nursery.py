# SPDX-License-Identifier: Apache-2.0
"""Nodes that begin where their imports end: forked from a process that has made them once, in a third of the time.

Everything else is as ever: a process of its own, its arguments, environment, log and exit code.
"""

import array
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

ENTRY = ['-m', 'rl_policy_node.nodes.entry']
PATIENCE = 10.0  # s for a process to take in a node, or to end
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Nursery:
    """Starts a node by a fork where it can, any other process as subprocess does; Linux only.

    The node's parent is this process: while it waits it takes in what its descendants leave behind.
    """

    def __init__(self):
        self._line = self._process = None
        self._lock = threading.Lock()

    def spawn(self, arguments, stdout=None, stderr=None, **options):
        """Return the process of a command line, as Popen would."""
        forks = (
            arguments[1:3] == ENTRY
            and not options.keys() - {'start_new_session', 'preexec_fn'}
            and all(hasattr(stream, 'fileno') for stream in (stdout, stderr))
        )
        if not forks:
            return subprocess.Popen(arguments, stdout=stdout, stderr=stderr, **options)
        ignored = [number for number in signal.valid_signals() if signal.getsignal(number) == signal.SIG_IGN]
        request = json.dumps(
            {'arguments': arguments[3:], 'environment': dict(os.environ), 'folder': os.getcwd(), 'ignored': ignored}
        )
        streams = array.array('i', [stdout.fileno(), stderr.fileno()])
        with self._lock:
            if self._process is None:
                self._open()
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)
            self._line.sendmsg([len(request).to_bytes(4, 'big')], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
            self._line.sendall(request.encode())
            pid = int.from_bytes(_received(self._line, 4), 'big')
            _prctl(_PR_SET_CHILD_SUBREAPER, 0)
            return Child(arguments, pid)

    @property
    def pid(self):
        """The process that forks, None before the first node."""
        return self._process and self._process.pid

    def close(self):
        """Start no more."""
        if self._process is not None:
            self._line.close()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _open(self):
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )


class Child:
    """What Popen offers, of a process that somebody else has forked for this one."""

    stdin = stdout = stderr = None

    def __init__(self, args, pid):
        self.args, self.pid, self.returncode = args, pid, None
        self._lock = threading.Lock()

    def poll(self):
        """Return the exit code, or None while it runs."""
        with self._lock:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout=None):
        """Return the exit code; raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """End it."""
        self.send_signal(signal.SIGKILL)


def serve(line, parent):
    """Fork at each request; return in the new process the arguments that it begins with, None at the end."""
    while True:
        head, control, *_ = line.recvmsg(4, socket.CMSG_SPACE(2 * array.array('i').itemsize))
        if not head:
            return None
        streams = array.array('i')
        streams.frombytes(control[0][2])
        request = json.loads(_received(line, int.from_bytes(head, 'big')))
        answers, tells = os.pipe()
        between = os.fork()
        if between == 0:
            os.setsid()
            node = os.fork()
            if node == 0:
                os.close(answers), os.close(tells), line.close()
                return _begin(request, streams, parent)
            os.write(tells, node.to_bytes(4, 'big'))
            os._exit(0)  # the node now belongs to the next one above that takes it in
        os.waitpid(between, 0)
        line.sendall(os.read(answers, 4))
        for descriptor in (answers, tells, *streams):
            os.close(descriptor)


def _begin(request, streams, parent):
    """Be what was asked for: environment, folder, signals that are ignored, output."""
    end = time.monotonic() + PATIENCE
    while os.getppid() != parent and time.monotonic() < end:
        time.sleep(0.001)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # who asked is gone
        os._exit(1)
    os.chdir(request['folder'])
    os.environ.clear()
    os.environ.update(request['environment'])
    sys.path[1:1] = os.environ.get('PYTHONPATH', '').split(os.pathsep)
    for number in request['ignored']:
        signal.signal(number, signal.SIG_IGN)
    if signal.SIGHUP not in request['ignored']:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # this process may have been started by nohup
    for descriptor, stream in enumerate(streams, 1):
        os.dup2(stream, descriptor)
        os.close(stream)
    return request['arguments']


def _received(line, count):
    data = b''
    while len(data) < count:
        part = line.recv(count - len(data))
        if not part:
            raise EOFError('the nursery has ended')
        data += part
    return data


def _prctl(option, value):
    ctypes.CDLL(None).prctl(option, value)


def main():
    """Import what nodes import, then fork them."""
    from rl_policy_node.nodes import entry

    line = socket.socket(fileno=int(sys.argv[1]))
    # not onnxruntime: what it starts at its import does not survive a fork
    import rl_policy_node.nodes.policy.policy_node
    import rl_policy_node.nodes.simulator.sim_bridge_node  # noqa: F401

    arguments = serve(line, int(sys.argv[2]))
    if arguments is not None:
        module, *rest = arguments
        sys.argv = [entry.__file__, *rest]
        entry._run(module)


if __name__ == '__main__':
    main()
