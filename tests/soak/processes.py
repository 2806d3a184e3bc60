"""The threads, descriptors and memory of an appliance's processes, from /proc, over time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Held:
    """The resources of one process at one moment."""

    threads: int
    descriptors: int
    kib: int  # its own memory, not the file pages that all share


def held(pid: int) -> Held:
    """Return the resources of a process.

    Raises:
        OSError: it has gone.
    """
    fields = dict(
        line.split(":", 1) for line in (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines() if line
    )
    return Held(
        int(fields["Threads"]), len(list((PROC / str(pid) / "fd").iterdir())), int(fields["RssAnon"].split()[0])
    )


def tree(root: int) -> list[int]:
    """A process and its descendants, oldest first."""
    found = [root]
    for pid in found:
        for task in (PROC / str(pid) / "task").iterdir():
            try:
                found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
            except OSError:
                continue
    return found


def differences(samples: list[Held], *, spare_threads: int, spare_kib: int) -> list[str]:
    """Return the growth from one quiet moment to the next, in words.

    The first sample is after a first round of load: threads that are kept, buffers and caches are there by then.
    Descriptors must not grow from the middle of the run on: what is opened once, at its first use (the folder of
    compiled code), may come before. Threads grow up to those that are kept; memory not by more than so many KiB from
    the middle of the run to its end, medians of a third each.
    """
    found = []
    first, middle, last = samples[0], samples[(len(samples) - 1) // 2], samples[-1]
    if last.descriptors > middle.descriptors:
        found.append(f"descriptors grew: {[sample.descriptors for sample in samples]}")
    if last.threads > first.threads + spare_threads:
        found.append(f"threads grew: {[sample.threads for sample in samples]}")
    third = max(1, len(samples) // 3)
    early, late = (sorted(part)[len(part) // 2] for part in _thirds([sample.kib for sample in samples], third))
    if late - early > spare_kib:
        found.append(f"memory grew by {late - early} KiB: {[sample.kib for sample in samples]}")
    return found


def _thirds(values: list[int], third: int) -> tuple[list[int], list[int]]:
    return values[third : 2 * third] or values, values[-third:]
