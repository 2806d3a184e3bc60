"""Start appliances by a fork of a process that has imported their modules: the imports take most of a start's CPU time.

Run as a program, it is that process: ``python -I launcher.py SOCKET``. A request is one packet: what to run, its
environment and limits, and the descriptors of its stdout, of its stderr, and of the pipe for its wait status. A forked
appliance is like one that is executed, except for what is loaded: it has a session of its own, default signal handlers,
and no further descriptors.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

FORKS = sys.platform == "linux"  # else each appliance and command is executed
_LIMITS = ("RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE")
_LARGEST = 1 << 18
_one_at_a_time = threading.Lock()  # a soak starts its appliances in threads


class ForkedProcess:
    """The part of ``subprocess.Popen`` that the tests need, for a process that another one has forked."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: IO[bytes] | None = None  # its other end, where it is a pipe of the caller's
        self._status = status
        self._ended = selectors.DefaultSelector()
        self._ended.register(status, selectors.EVENT_READ)

    def poll(self) -> int | None:
        """The process's exit code, or minus the signal that ended it; None while it runs."""
        if self.returncode is None and self._ended.select(0):
            self._take()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended."""
        if self.returncode is None:
            if not self._ended.select(timeout):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self._take()
        assert self.returncode is not None
        return self.returncode

    def _take(self) -> None:
        self.returncode = os.waitstatus_to_exitcode(int(os.read(self._status, 32)))
        self._ended.close()
        os.close(self._status)

    def send_signal(self, number: int) -> None:
        """Signal the process, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)


@functools.cache
def _forking_process() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The one of this process, which ends with it; with its socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        number = theirs.fileno()
        return ours, subprocess.Popen([sys.executable, "-I", __file__, str(number)], pass_fds=[number])


def launch(program: tuple[str, ...], environment: dict[str, str], stdout: int, stderr: int) -> ForkedProcess:
    """Start ``python -I *program`` by a fork; ``program`` is ``-m appliance`` or a file, with arguments."""
    ended, status = os.pipe()
    request = {
        "program": program,
        "environment": environment,
        "folder": str(Path.cwd()),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in _LIMITS},
    }
    with _one_at_a_time:
        forking, _ = _forking_process()
        socket.send_fds(forking, [json.dumps(request).encode()], [stdout, stderr, status])
        os.close(status)
        answer = forking.recv(100)
    assert answer, "the process that forks appliances has ended"
    return ForkedProcess(int(answer), ended)


def run(program: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; return its output."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        code = launch(program, environment, stdout.fileno(), stderr.fileno()).wait(timeout=100)
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(program, code, stdout.read(), stderr.read())


def command(argv: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``python -I -m appliance *argv`` to its end, with what it prints."""
    program = ("-m", "appliance", *argv)
    if FORKS:
        return run(program, environment)
    return subprocess.run(
        [sys.executable, "-I", *program], env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def main(descriptor: int) -> None:
    """Fork for each request, and write the wait status of each child that has ended."""
    _load()
    requests = socket.socket(fileno=descriptor)
    woken, wakes = socket.socketpair()
    for each in (woken, wakes):
        each.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    running: dict[int, int] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is woken:
                woken.recv(4096)
                _reap(running)
                continue
            data, descriptors, _, _ = socket.recv_fds(requests, _LARGEST, 3)
            if not data:
                return
            pid = os.fork()
            if not pid:
                _become(json.loads(data), *descriptors[:2])
                return
            os.close(descriptors[0])
            os.close(descriptors[1])
            running[pid] = descriptors[2]
            requests.send(b"%d" % pid)


def _load() -> None:
    import appliance.cli  # noqa: PLC0415  not in the tests' process
    import appliance.commands.serve  # noqa: PLC0415  as above
    import appliance.commands.show_status  # noqa: PLC0415  as above
    import appliance.remedies.make_remedy  # noqa: PLC0415  as above
    import appliance.supervisor.supervisor  # noqa: F401, PLC0415  as above

    gc.collect()
    gc.freeze()


def _reap(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        descriptor = running.pop(pid)
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it
            os.write(descriptor, b"%d" % status)
        os.close(descriptor)


def _become(request: dict[str, Any], stdout: int, stderr: int) -> None:
    """Become the program that was asked for."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.closerange(3, 1 << 16)
    for name, limits in request["limits"].items():
        resource.setrlimit(getattr(resource, name), limits)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    first, *rest = request["program"]
    if first == "-m":
        sys.argv[:] = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = [first, *rest]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main(int(sys.argv[1]))
