"""A server's processes: started on a CPU, waited for, their CPU time read, ended.

Owns what stays of a server when it ends badly: nothing. Linux only, for it reads /proc.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_START_S = 30.0
_END_S = 10.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def tree(pid: int) -> list[int]:
    """The process and all that it started, directly or not."""
    found = [pid]
    for parent in found:
        for listing in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in listing.read_text().split()]
            except OSError:  # it has ended meanwhile
                continue
    return found


def cpu_s(pids: Sequence[int]) -> float:
    """CPU time that these processes have taken, in seconds, user and system."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total * _TICK_S


@contextmanager
def running(
    argv: Sequence[str], port: int, *, cpus: set[int], folder: Path, output: Path, environment: Mapping[str, str]
) -> Iterator[int]:
    """Run a server on these CPUs until the block ends; its process id, once the port is answered.

    Raises:
        RuntimeError: it did not come up; what it printed is in the message.
    """
    with output.open("wb") as stream:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", ",".join(map(str, sorted(cpus))), *argv],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        _wait_for(port, process, output)
        yield process.pid
    finally:
        pids = tree(process.pid)
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _wait_for(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_START_S) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if connection.recv(12).endswith(b"200"):
                    return
        except OSError:
            pass
        time.sleep(0.05)  # noqa: TID251  a peer says nothing that could be waited for
    raise RuntimeError(f"{process.args!r} did not come up:\n{output.read_text(errors='replace')[-2000:]}")
