"""Wait until the supervisor is killed, then end the processes that companions have left behind. A process of its own.

The kernel ends the process group of each companion with the supervisor (``lifeline``). Processes that have left their
group are found by their mark. This process is needed only if the supervisor is not PID 1: when PID 1 ends, the kernel
ends every process of the container. Our own interpreter runs it, without any other module of ours.
"""

from __future__ import annotations

import os
import signal
import sys

from appliance.supervisor.companions.marked_processes import end_marked

ROUNDS = 100  # of a process that forks faster than it is found


def watch(descriptor: int, mark: str) -> None:
    """Wait for the end of the input, which is the supervisor's end; then kill what has this mark."""
    while os.read(descriptor, 4096):
        continue
    for _ in range(ROUNDS):
        if not end_marked(mark, signal.SIGKILL):
            return


if __name__ == "__main__":
    watch(0, sys.argv[1])
