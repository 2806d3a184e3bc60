"""Say how many processors this process may use, and whether others wait for them.

A process may use the processors that it may run on, up to the limit of its control group. Runs in the supervisor, which
reads one or two small files at its start, and another file when an import serves a save.
"""

from __future__ import annotations

import os
from pathlib import Path

from appliance.supervisor.measuring.control_groups import CONTROL_GROUPS, OWN_GROUP, own_paths, read

_PRESSURE = Path("/proc/pressure/cpu")  # Linux's PSI: Documentation/accounting/psi.rst
_CROWDED_PERCENT = 30.0  # of the last ten seconds; an import beside another one makes less on two processors
_SOME = "some avg10="


def processors(groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUP) -> float:
    """Return how many processors this process may use; a fraction if the control group allows less than one.

    Args:
        groups: where the control groups are mounted.
        own: the file that names our group; in a container with its own namespace that is the root.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([float(allowed), *_quotas(groups, own)])


def are_crowded(pressure: Path = _PRESSURE) -> bool:
    """Whether processes of the machine have waited much for a processor; False if the kernel does not say."""
    text = read(pressure)
    share = text.removeprefix(_SOME).partition(" ")[0] if text.startswith(_SOME) else ""
    try:
        return float(share) >= _CROWDED_PERCENT
    except ValueError:
        return False


def _quotas(groups: Path, own: Path) -> list[float]:
    """Return the limits of our group and of those above it, of version 2 and 1, as far as they can be seen."""
    unified, older = own_paths(own, "cpu")
    found = [read(folder / "cpu.max").split() for folder in _upward(groups, unified)]
    found += [
        [read(folder / f"cpu.cfs_{part}_us").strip() for part in ("quota", "period")]
        for folder in _upward(groups / "cpu", older)
    ]
    return [int(each[0]) / int(each[1]) for each in found if len(each) == 2 and all(map(_is_positive, each))]


def _upward(top: Path, path: str) -> list[Path]:
    """Return the folder of a group, and those of the groups above it."""
    folder = top / path.lstrip("/")
    return [folder, *(each for each in folder.parents if each == top or top in each.parents)]


def _is_positive(text: str) -> bool:
    return text.isdecimal() and int(text) > 0
