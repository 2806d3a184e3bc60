"""Start appliances by a fork of a process that has imported their modules: the imports take most of a start's CPU time.

Run as a program, it is that process: ``python -I launcher.py SOCKET``. A request is one packet: what to run, its
environment and limits, and the descriptors of its stdout, of its stderr, and of the pipe for its wait status. A forked
appliance is like one that is executed, except for what is loaded: it has a session of its own, default signal handlers,
and no further descriptors. Its stand-in and its recorder are forks too, of the appliance itself.
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
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NoReturn

FORKS = sys.platform == "linux"  # else each appliance and command is executed
_LIMITS = ("RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE")
_LARGEST = 1 << 18
_DESCRIPTORS = 1 << 16  # no process has a higher one
_OWN = ("appliance.standin", "appliance.desk")  # the modules that are run by a fork of the supervisor
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


class _ForkedChild:
    """The part of ``subprocess.Popen`` that the supervisor needs: it waits for all its children in one place."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None


def _fork_own() -> None:
    """From now on, fork this process where it starts ``python -I -m`` with one of the modules above."""
    execute: Any = subprocess.Popen

    def start(argv: Sequence[str], **options: Any) -> Any:
        if [*argv[:3]] != [sys.executable, "-I", "-m"] or argv[3] not in _OWN:
            return execute(argv, **options)
        begun, begins = os.pipe()
        with os.fdopen(begun, "rb") as until_begun:
            try:
                pid = _fork()
                if not pid:
                    _become_own(argv[3:], **options)
            finally:
                os.close(begins)
            until_begun.read()  # until the child has a session, and none of our descriptors, as one that was executed
        return _ForkedChild(pid)

    subprocess.Popen = start  # type: ignore[assignment,misc]


def _fork() -> int:
    with warnings.catch_warnings():  # newer Pythons warn of a fork beside threads; the child uses nothing of theirs
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become_own(argv: Sequence[str], **options: Any) -> NoReturn:
    """Run a module as a child that was executed does, and end this process with it: the frames below are another's."""
    gc.freeze()  # no object of the supervisor's is ended, with descriptors that have other uses by now
    code = 1
    try:
        _restore_signals()
        os.setsid()
        for number, given in enumerate((os.open(os.devnull, os.O_RDONLY), options["stdout"], options["stderr"])):
            os.dup2(given, number)
        os.chdir(options["cwd"])
        os.environ.clear()
        os.environ.update(options["env"])
        sys.argv[:] = argv
        for low, high in pairwise([2, *sorted(options["pass_fds"]), _DESCRIPTORS]):
            os.closerange(low + 1, high)
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
        code = 0
    except BaseException as error:  # noqa: BLE001  as the interpreter does
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(code)


def _restore_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) and number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
    import appliance.desk.detail_reader  # noqa: PLC0415  as above
    import appliance.desk.pins.pin_runs  # noqa: PLC0415  as above
    import appliance.desk.recorder  # noqa: PLC0415  as above
    import appliance.remedies.make_remedy  # noqa: PLC0415  as above
    import appliance.standin.standin_process  # noqa: PLC0415  as above
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
    os.closerange(3, _DESCRIPTORS)
    for name, limits in request["limits"].items():
        resource.setrlimit(getattr(resource, name), limits)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    _fork_own()
    first, *rest = request["program"]
    if first == "-m":
        sys.argv[:] = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = [first, *rest]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main(int(sys.argv[1]))
