"""The descriptors of children that tests start."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from appliance.supervisor.processes.handles import Handle


def close(handle: Handle, theirs: Iterable[int] = ()) -> None:
    """Close our descriptors of the child, and those that the child would get."""
    for descriptor in (*handle.outputs.values(), *theirs):
        os.close(descriptor)
    if handle.channel is not None:
        handle.channel.close()
    if handle.lifeline is not None:
        handle.lifeline.end()


def open_descriptors() -> set[int]:
    """The descriptors of this process, but the one that lists them."""
    listed = [int(each.name) for each in list(Path("/proc/self/fd").iterdir())]
    return {number for number in listed if Path(f"/proc/self/fd/{number}").is_symlink()}
