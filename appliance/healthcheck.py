"""The image's health check: ask the supervisor, print its answer, and exit with the matching code.

Imports none of our modules, and of the standard library only fast ones: the engine starts it by path, in a process of
its own, with ``python -I -S``, every five seconds as long as the container lives. It takes 15 ms of CPU, 8 of them the
interpreter's own; ``socket`` instead of ``_socket`` would add 4, structlog 50.

The supervisor answers a line on a connection to its status socket with one JSON object, and closes the connection.

While the project is installed or started the check waits too: the container stays "starting" for as long as that takes,
becomes healthy as soon as the project is served, and unhealthy as soon as it is found broken. The engine's own start
period would hide a broken project for its whole length. With ``--timeout SECONDS`` it waits no longer than that: a
cluster's exec probe has a limit of its own, one second by default, and a check that runs into it gives no cause.

Decisions 6 and 23 say why.
"""

import _socket
import json
import os
import sys
import time

SOCKET = "/tmp/appliance/status.sock"  # noqa: S108  where the image has it; the folder belongs to the supervisor
ANSWER_S = 10.0  # a supervisor that takes longer does not work; a machine that builds images beside it takes seconds
BIND_S = 20.0  # how long a new supervisor may take to create its socket: its modules may come from a slow disk
MAX_CAUSE = 1000  # characters; the engine keeps 4096 bytes of what the check prints
FOREVER = float("inf")
_LEAST_S = 0.01  # for the supervisor's answer, however little time is left
POLL_S = 0.2  # between two questions while it is not ready: 0.3 ms of CPU each


def ask(path: str, answer_s: float = ANSWER_S) -> dict[str, object]:
    """Return the supervisor's status, for which it has ``answer_s`` seconds.

    ``protocol.status_question`` asks the same for our commands; this program imports none of our modules.

    Raises:
        OSError: nobody answers at this path.
        ValueError: the answer is not a supervisor's.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    answer = bytearray()
    try:
        connection.settimeout(answer_s)
        connection.connect(path)
        connection.sendall(b"status\n")
        while data := connection.recv(65_536):
            answer += data
    finally:
        connection.close()
    status = json.loads(answer)
    if not isinstance(status, dict):
        raise ValueError("the answer is not a JSON object")  # noqa: TRY004  one kind of error for a wrong answer
    return status


def cause(status: dict[str, object]) -> str:
    """Return why the project is broken, with file and line, as text after the state; "" if nothing is known."""
    error = status.get("error")
    if not isinstance(error, dict):
        return ""
    place = f" ({error['file']}:{error.get('line')})" if error.get("file") else ""
    parts = [f"{error.get('title')}{place}", error.get("lead"), error.get("action")]
    text = ". ".join(str(part).strip().rstrip(".") for part in parts if part)
    return f": {' '.join(text.split())[:MAX_CAUSE]}."


def judge(path: str, timeout_s: float = FOREVER) -> tuple[int, str]:
    """Return the exit code (0: healthy, 1: not), and one line that says why; wait while the project starts."""
    began = time.monotonic()
    until = began + timeout_s
    bound = min(began + BIND_S, until)
    while True:
        try:
            status = ask(path, max(_LEAST_S, min(ANSWER_S, until - time.monotonic())))
        except (FileNotFoundError, ConnectionError) as error:  # a supervisor that starts may be slow to answer too
            if time.monotonic() + POLL_S > bound:
                return 1, f"unhealthy: no answer from the supervisor at {path}: {error}"
        except (OSError, ValueError) as error:
            return 1, f"unhealthy: no answer from the supervisor at {path}: {error}"
        else:
            health, state, stuck = status.get("health"), status.get("state"), status.get("stuck")
            if health != "starting":
                but = f", but {stuck}" if stuck else ""
                return (0 if health == "healthy" else 1), f"{health}: the state is {state}{but}{cause(status)}"
            if time.monotonic() + POLL_S > until:
                return 1, f"starting: the state is {state} after {timeout_s:g} s"
        time.sleep(POLL_S)  # noqa: TID251  a program of its own, with nothing to wait on


def seconds(arguments: list[str]) -> float:
    """Return the timeout that the arguments give; infinity if there are none.

    Raises:
        ValueError: the arguments are not valid.
    """
    name, _, value = " ".join(arguments).replace("=", " ").partition(" ")
    timeout_s = float(value) if name else FOREVER
    if name not in {"", "--timeout"} or not timeout_s > 0:
        raise ValueError(name)
    return timeout_s


if __name__ == "__main__":
    path = os.environ.get("APPLIANCE_STATUS_SOCKET") or SOCKET  # noqa: TID251  a program of its own, with its own environment
    try:
        code, line = judge(path, seconds(sys.argv[1:]))
    except ValueError:
        code, line = 2, "found other arguments; expected none, or --timeout with a number of seconds above 0"
    shown = "".join(each if " " <= each <= "~" else ascii(each)[1:-1] for each in line)
    sys.stdout.write(f"{shown}\n")  # the engine keeps it, and a terminal shows it
    sys.exit(code)  # noqa: TID251  a program of its own
