"""A process that ends what companions leave behind if the supervisor is killed; it waits until then.

The kernel ends the process group of each companion with the supervisor (``lifeline``). Processes that have left their
group are found by their mark. This process runs only where the supervisor is not PID 1: with PID 1, the kernel ends
every process of a container. Our own interpreter runs it, without any other module of ours.
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
