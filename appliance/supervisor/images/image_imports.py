"""Start what imports the project ahead of the next save. Runs in the supervisor's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import StartError

if TYPE_CHECKING:
    from appliance.supervisor.images.image_processes import ImageProcesses
    from appliance.supervisor.images.image_states import Process
    from appliance.supervisor.preloading.preloading import Preloading
    from appliance.supervisor.processes.spawn import Spawner
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.steps.analysis import Analysis

OLDEST = (3, 12)  # ``sys.monitoring``


class ImageImports:
    """The imports of one project.

    Args:
        runtime: the supervisor's.
        preloading: forks the processes that import.
        spawner: tells them what to import.
        processes: holds them.
    """

    def __init__(self, runtime: Runtime, preloading: Preloading, spawner: Spawner, processes: ImageProcesses) -> None:
        self._children = runtime.children
        self._preloading = preloading
        self._spawner = spawner
        self._processes = processes
        self._import_s = runtime.settings.boot_timeout_s

    def begin(self, process: Process, analysis: Analysis) -> str:
        """Have a process import the project; return why there is none, or nothing."""
        child = self._preloading.fork_image()
        if child is None:
            return "no process could be forked"
        try:
            self._spawner.import_ahead(child, analysis)
        except (StartError, OSError) as error:
            self._children.kill(child)
            return str(error)
        self._processes.add(process, child)
        self._processes.give_time(child, self._import_s)
        return ""

    def give_time(self, process: Process) -> None:
        """Give a process its whole time from now on: that in which it stood still does not count."""
        if (child := self._processes.get(process)) is not None:
            self._processes.give_time(child, self._import_s)


def too_old(python: str) -> str:
    """Return why a project's Python can't swap; empty if it can."""
    numbers = tuple(int(part) for part in python.split(".")[:2] if part.isdecimal())
    if len(numbers) < len(OLDEST) or numbers >= OLDEST:
        return ""
    return f"swaps need Python 3.12 or newer; the project has {python}"
