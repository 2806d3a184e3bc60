"""The health check, started as the engine starts it: by path, alone, with a socket that answers or does not."""

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from appliance import healthcheck

PATIENCE_S = 10.0  # without a limit the check would wait as long as the start; a machine may be busy
PROGRAM = Path(__file__).parents[1] / "appliance" / "healthcheck.py"


@contextmanager
def supervisor(path, answer):
    """Something at ``path`` that gives callers ``answer``, or the next of several; None: no answer and no end."""
    held = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                if answer is None:
                    held.append(connection)
                    continue
                with connection, suppress(BrokenPipeError):  # a check that has a limit may have ended
                    assert connection.recv(64) == b"status\n"
                    connection.sendall(answer if isinstance(answer, bytes) else next(answer))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


def check(path, *arguments):
    """Run the program; its exit code and its words."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), *arguments],
        env={"APPLIANCE_STATUS_SOCKET": str(path)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return done.returncode, done.stdout


@pytest.mark.parametrize(("health", "code"), [("healthy", 0), ("unhealthy", 1)])
def test_the_supervisors_word_decides(tmp_path, health, code):
    """Only a state that the supervisor calls healthy is healthy, and the line names the state."""
    path = tmp_path / "status.sock"
    with supervisor(path, b'{"health": "%b", "state": "installing"}' % health.encode()):
        found, words = check(path)
    assert found == code
    assert health in words
    assert "installing" in words


def test_a_broken_project_says_why(tmp_path):
    """The line names the error, its file and line, and what to do, in ASCII, whatever the error has."""
    error: dict[str, object] = {
        "title": "SyntaxError: '(' was never\nclosed \u2028\u00e9",
        "lead": "The project could not be imported.",
    }
    error |= {"file": "/workspace/app.py", "line": 7, "action": "Close it.", "details": "x" * 9000}
    path = tmp_path / "status.sock"
    with supervisor(path, json.dumps({"health": "unhealthy", "state": "broken", "error": error}).encode()):
        code, words = check(path)
    assert code == 1
    assert words == (
        "unhealthy: the state is broken: SyntaxError: '(' was never closed \\xe9 (/workspace/app.py:7). "
        "The project could not be imported. Close it.\n"
    )
    with supervisor(
        tmp_path / "2.sock", b'{"health": "unhealthy", "state": "broken", "error": {"title": "no folder"}}'
    ):
        assert check(tmp_path / "2.sock")[1] == "unhealthy: the state is broken: no folder.\n"


def test_a_start_is_waited_for(tmp_path):
    """While the supervisor says that it starts the check waits, and the first other word decides."""
    path = tmp_path / "status.sock"
    starting, healthy = (b'{"health": "%b", "state": "x"}' % word for word in (b"starting", b"healthy"))
    with supervisor(path, iter([starting, starting, healthy])):
        assert check(path)[0] == 0


@pytest.mark.parametrize("argument", [("--timeout", "1"), pytest.param(("--timeout=1",), marks=pytest.mark.whole)])
def test_a_cluster_waits_for_a_second_at_most(tmp_path, argument):
    """With a limit, a start, a missing socket and a supervisor that hangs are unhealthy in time, with the cause."""
    starting = b'{"health": "starting", "state": "installing"}'
    for number, (answer, word) in enumerate([(starting, "installing"), (None, "timed out")]):
        with supervisor(tmp_path / f"{number}.sock", answer):
            began = time.monotonic()
            code, words = check(tmp_path / f"{number}.sock", *argument)
            assert (code, word in words, time.monotonic() - began < PATIENCE_S) == (1, True, True)
    assert check(tmp_path / "nothing.sock", *argument)[0] == 1


@pytest.mark.parametrize(
    "arguments", [["--timeout"], ["--timeout", "x"], ["--timeout", "0"], ["--timeout", "nan"], ["5"]]
)
def test_other_arguments_are_refused(tmp_path, arguments):
    """Arguments that are not valid have an exit code of their own, and the line says what is expected."""
    code, words = check(tmp_path / "nothing.sock", *arguments)
    assert (code, "--timeout" in words) == (2, True)


def test_a_missing_socket_is_unhealthy(tmp_path, monkeypatch):
    """If no supervisor listens, the answer is unhealthy, with the path."""
    monkeypatch.setattr(healthcheck, "BIND_S", 0.3)
    code, words = healthcheck.judge(str(tmp_path / "nothing.sock"))
    assert code == 1
    assert "nothing.sock" in words


def test_a_supervisor_that_is_slow_to_listen_is_waited_for(tmp_path, monkeypatch):
    """A supervisor whose socket appears after the first question is asked again, and its word decides."""
    path = tmp_path / "status.sock"
    with ExitStack() as late:

        def sleep(_seconds):
            late.enter_context(supervisor(path, b'{"health": "healthy", "state": "serving"}'))

        monkeypatch.setattr("appliance.healthcheck.time.sleep", sleep)
        assert healthcheck.judge(str(path))[0] == 0


def test_a_connection_that_breaks_is_tried_again(tmp_path, monkeypatch):
    """A supervisor that closes a connection before it has read the question is asked again."""
    path = tmp_path / "status.sock"
    asked = iter([ConnectionResetError(104, "reset"), BrokenPipeError(32, "broken"), {"health": "healthy"}])

    def ask(*_):
        if isinstance(answer := next(asked), OSError):
            raise answer
        return answer

    monkeypatch.setattr(healthcheck, "ask", ask)
    assert healthcheck.judge(str(path))[0] == 0


@pytest.mark.parametrize("answer", [b"", b"OK", b'["healthy"]', b'{"health": "healthy"', b"\xff\xfe", b"{}"])
def test_what_is_not_a_status_is_unhealthy(tmp_path, answer):
    """An answer that is empty, cut short, or no JSON object is unhealthy, never an error of the check's own."""
    path = tmp_path / "status.sock"
    with supervisor(path, answer):
        assert check(path)[0] == 1


def test_a_supervisor_that_hangs_is_unhealthy(tmp_path, monkeypatch):
    """A supervisor that accepts and says nothing is unhealthy after a time."""
    monkeypatch.setattr(healthcheck, "ANSWER_S", 0.3)
    path = tmp_path / "status.sock"
    with supervisor(path, None):
        code, words = healthcheck.judge(str(path))
    assert code == 1
    assert "timed out" in words


def test_the_health_checks_line_is_safe_on_a_terminal(tmp_path):
    """Control characters in the state reach nobody's terminal."""
    path = tmp_path / "status.sock"
    with supervisor(path, b'{"health": "unhealthy", "state": "\\u001b[31mred\\n"}'):
        _, words = check(path)
    assert "\x1b" not in words


def test_the_health_check_imports_little():
    """The check imports the modules that it names and what these import: the engine starts it every few seconds."""

    def imported(*argv):
        command = [sys.executable, "-I", "-S", "-X", "importtime", *argv]
        done = subprocess.run(command, input="", env={}, capture_output=True, text=True, timeout=60, check=False)
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    least = imported("-c", "import _socket, json, os, sys, time")
    assert "json.decoder" in least
    assert imported(str(PROGRAM), "--timeout", "0.001") <= least
