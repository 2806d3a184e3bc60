"""The image's health check: ask the supervisor, say its answer, exit with it.

Owns nothing but the question. Imports nothing of ours, and of the standard library only what is quick: the engine
starts it by path, in a process of its own, with ``python -I -S``, every five seconds for as long as the container
lives. It takes 15 ms of CPU, 8 of them the interpreter's own; ``socket`` for ``_socket`` adds 4, structlog 50.

The supervisor answers a line on a connection to its status socket with one JSON object, and closes.

While the project installs or boots the check waits with it: the container stays "starting", for as long as that
takes, turns healthy in the moment when the project is served, and unhealthy when it is found broken. The engine's own
start period would hide a broken project for its whole length.
"""

import _socket
import json
import os
import sys
import time

SOCKET = "/tmp/appliance/status.sock"  # noqa: S108  # where the image has it; the folder is the supervisor's own
ANSWER_S = 2.0  # a supervisor that takes longer is none
BIND_S = 2.0  # how long one that has just been started may take to make its socket
LOOK_S = 0.2  # between two looks at one that is not ready: 0.3 ms of CPU each


def ask(path: str) -> dict[str, object]:
    """The supervisor's status.

    Raises:
        OSError: nobody answers at this path.
        ValueError: what answers is no supervisor.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    answer = bytearray()
    try:
        connection.settimeout(ANSWER_S)
        connection.connect(path)
        connection.sendall(b"status\n")
        while data := connection.recv(65_536):
            answer += data
    finally:
        connection.close()
    status = json.loads(answer)
    if not isinstance(status, dict):
        raise ValueError("the answer is no JSON object")  # noqa: TRY004  # one kind of error for a wrong answer
    return status


def judge(path: str) -> tuple[int, str]:
    """The exit code, 0 for healthy and 1 for everything else, and one line that says why; waits while it starts."""
    patience = time.monotonic() + BIND_S
    while True:
        try:
            status = ask(path)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if time.monotonic() > patience:
                return 1, f"unhealthy: no answer from the supervisor at {path}: {error}"
        except (OSError, ValueError) as error:
            return 1, f"unhealthy: no answer from the supervisor at {path}: {error}"
        else:
            health, state, stuck = status.get("health"), status.get("state"), status.get("stuck")
            if health != "starting":
                but = f", but {stuck}" if stuck else ""
                return (0 if health == "healthy" else 1), f"{health}: the state is {state}{but}"
        time.sleep(LOOK_S)  # noqa: TID251  a program of its own, with nothing to wait on


if __name__ == "__main__":
    path = os.environ.get("APPLIANCE_STATUS_SOCKET") or SOCKET  # noqa: TID251  # a program of its own, with its own reading
    code, line = judge(path)
    sys.stdout.write(ascii(line)[1:-1] + "\n")  # the engine keeps it, and a terminal shows it
    sys.exit(code)  # noqa: TID251  # a program of its own
