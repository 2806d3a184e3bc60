"""The events of snapshots of the project, and of the swaps in their copies."""

from __future__ import annotations

from types import MappingProxyType

from appliance.logs.tables.event_type import Event

SWAP_EVENTS = MappingProxyType(
    {
        "snapshot.ready": Event(
            "debug",
            "The project is imported ahead of the next save; `blocked`: modules whose functions can't be swapped.",
            ("pid", "modules", "blocked", "import_s", "cpu_s"),
        ),
        "snapshot.refused": Event(
            "info, debug",
            "The project's import can't be forked from; each reload imports its modules. With APPLIANCE_SWAP=on it is "
            "info, once for each reason.",
            ("reason",),
        ),
        "snapshot.ended": Event(
            "warning",
            "The snapshot of the project has ended, or could not be started; it is made again after a pause.",
            ("how", "action"),
            action="No action is needed if the snapshot is made again. If it happens again and again, set "
            "APPLIANCE_SWAP=off.",
        ),
        "checkpoint.ready": Event(
            "debug",
            "The project is imported up to a file whose saves have needed an import; workers are forked from there.",
            ("file", "pid"),
        ),
        "checkpoint.ended": Event(
            "debug",
            "No worker is forked from before this file any more: the process has ended, or memory is short.",
            ("file", "how"),
        ),
        "reload.verified": Event(
            "debug",
            "The state after a swap was compared with an import of the same files: nothing differs.",
            (),
        ),
        "snapshot.unverified": Event(
            "debug", "A swap could not be compared with an import of the same files.", ("reason",)
        ),
        "reload.mismatch": Event(
            "warning",
            "After a swap, the project's state differed from that after an import of the same files. A new worker "
            "replaces the one that was swapped; these files are not swapped again until the appliance restarts. "
            "`names`: what differs.",
            ("files", "names", "action"),
            action="Nothing is wrong if the import reads what has changed meanwhile outside of the project. Otherwise "
            "report a defect of the appliance. APPLIANCE_SWAP=off ends all swaps.",
        ),
    }
)
