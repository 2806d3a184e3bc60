"""What ``appliance doctor`` looks at: each look a function that says what it found, and what to do.

Owns the looks and their words. Must not know how they are shown. Nothing is changed; one hidden file is written into
the project for a moment, where that may be written, to see whether the kernel tells of it.
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from appliance.errors import NotRunningError
from appliance.identity.cache_folder import exposure
from appliance.supervisor.processes.memory import Memory
from appliance.supervisor.reporting.status_socket import ask
from appliance.watch.inotify import Inotify
from appliance.watch.mounts import Mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from appliance.config.env_file import Complaint
    from appliance.config.settings import Settings

ENOUGH_MEMORY = 384 * 2**20  # the appliance takes 60 MiB, a Django project with its packages twice that, pandas more
ENOUGH_DISK = 512 * 2**20
DRIFT_S = 2.0
_MANY = 2000  # files that are looked at
_PROBE = ".appliance-doctor"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``state``: as it should be, worth knowing, or something that will hurt."""

    topic: str
    state: Literal["ok", "note", "hurts"]
    found: str
    action: str = ""


@dataclass(frozen=True)
class Patient:
    """Who is looked at."""

    settings: Settings
    in_image: bool
    unread: Sequence[Complaint] = ()

    @property
    def project(self) -> Path:
        """Its folder."""
        return self.settings.project


def mounts(patient: Patient) -> Iterator[Finding]:
    """Where the project lies, and whether it may be written."""
    table = Mounts.read()
    kind = table.of(str(patient.project)).kind
    writable = os.access(patient.project, os.W_OK)
    yield Finding("project", "ok", f"{patient.project} on {kind}, {'' if writable else 'not '}writable")
    for mute in table.eventless_below(str(patient.project)):
        yield Finding(
            "project", "note", f"{mute.point} is on {mute.kind}, which does not tell of every edit: it is polled",
            "A reload takes up to a second there. Keep the project on a disk of the machine that runs the engine.",
        )  # fmt: skip


def events(patient: Patient) -> Iterator[Finding]:
    """Whether the kernel tells of a file that is written."""
    probe = patient.project / _PROBE
    try:
        source = Inotify()
    except OSError as error:
        yield Finding(
            "events", "hurts", f"the kernel gives no more watches ({error.strerror})",
            "On the host: sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288",
        )  # fmt: skip
        return
    try:
        probe.unlink(missing_ok=True)
        source.add(str(patient.project), partial=False)
        probe.touch(exist_ok=False)  # never what a link of that name leads to
        seen = source.wait(1.0)
    except OSError as error:
        yield Finding("events", "note", f"not tried: {patient.project} can't be written ({error.strerror})")
    else:
        if seen:
            yield Finding("events", "ok", "an edit in the project is told at once")
        else:
            yield Finding(
                "events", "hurts", "the kernel tells of no edit in the project",
                "Set APPLIANCE_WATCH=poll, if saves are not noticed.",
            )  # fmt: skip
    finally:
        probe.unlink(missing_ok=True)
        source.close()


def watches(patient: Patient) -> Iterator[Finding]:
    """Whether the kernel's watches suffice."""
    limit = _number(Path("/proc/sys/fs/inotify/max_user_watches"))
    folders = 1 + sum(1 for _ in patient.project.rglob("*/")) if patient.project.is_dir() else 0
    if limit is None:
        return
    state: Literal["ok", "hurts"] = "ok" if folders < limit / 2 else "hurts"
    action = "" if state == "ok" else "On the host: sysctl fs.inotify.max_user_watches=524288; or set APPLIANCE_IGNORE."
    yield Finding("watches", state, f"{folders} folders, {limit} watches for all programs of this user", action)


def owners(patient: Patient) -> Iterator[Finding]:
    """Whose files these are, and who we are."""
    uid, owner = os.geteuid(), patient.project.stat().st_uid
    if uid == owner:
        yield Finding("owner", "ok", f"the project and the appliance are both uid {uid}'s")
    else:
        yield Finding(
            "owner", "note", f"the project is uid {owner}'s, the appliance is uid {uid}",
            "What the project writes is not its owner's. Leave out user:, or set it to the owner.",
        )  # fmt: skip
    strange = [path for path in _some_files(patient.project) if path.lstat().st_uid not in {owner, uid}]
    if strange:
        yield Finding(
            "owner", "hurts", f"{len(strange)} files are others', as {strange[0]} (uid {strange[0].lstat().st_uid})",
            f"Give them back on the host: sudo chown -R {owner} {patient.project.name or '.'}",
        )  # fmt: skip


def ports(patient: Patient) -> Iterator[Finding]:
    """Where the appliance listens, and whether that can be reached."""
    settings = patient.settings
    if patient.in_image and settings.host in {"127.0.0.1", "::1", "localhost"}:
        yield Finding(
            "port", "hurts", f"it listens on {settings.host}, which no published port reaches",
            "Take APPLIANCE_HOST away; who may reach it is decided where it is published: 127.0.0.1:8000:8000.",
        )  # fmt: skip
    try:
        status = ask(Path(settings.status_socket))
    except NotRunningError:
        yield Finding("port", "note", f"no appliance runs for {settings.project}", "Start it, and ask again.")
        return
    state: Literal["ok", "note"] = "ok" if status["health"] == "healthy" else "note"
    where = status.get("url", patient.settings.public_url or "the appliance")  # others are told no more than its health
    yield Finding("port", state, f"{where}: {status['health']}, {status['state']}")
    if patient.in_image and not settings.public_url:
        yield Finding(
            "port", "note", "which port of the host it is published on can't be seen from here",
            "Set APPLIANCE_PUBLIC_URL, and the log tells the address that works.",
        )  # fmt: skip


def variables(patient: Patient) -> Iterator[Finding]:
    """Whether the project's .env files can be read."""
    for each in patient.unread:
        where = f"{each.file}, line {each.line}" if each.line else each.file
        yield Finding("variables", "note", f"{where}: {each.reason}", each.action)


def cache(patient: Patient) -> Iterator[Finding]:
    """Whether what is installed is kept, and whether there is room."""
    folder = patient.settings.cache
    if patient.in_image and not os.path.ismount(folder):
        yield Finding(
            "cache", "hurts", f"{folder} is no volume: everything is installed again in the next container",
            "Add a volume: docker run -v appliance-cache:/cache",
        )  # fmt: skip
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(standing, os.W_OK):
        yield Finding(
            "cache", "hurts", f"{standing} can't be written by uid {os.geteuid()}", "Open it, or take another."
        )
    if standing == folder and (reason := exposure(folder)):
        yield Finding(
            "cache", "note", f"{reason}: other users of it could have you run their code",
            "Share it with nobody, or give the folder to root, with mode 1777.",
        )  # fmt: skip
    free = shutil.disk_usage(standing).free
    state: Literal["ok", "hurts"] = "ok" if free > ENOUGH_DISK else "hurts"
    yield Finding(
        "cache", state, f"{folder}: {free / 2**20:.0f} MiB are free",
        "" if state == "ok" else "Make room: docker system prune; or take another volume.",
    )  # fmt: skip


def memory(_patient: Patient) -> Iterator[Finding]:
    """How much memory there may be used."""
    use = Memory().use()
    if use is None:
        yield Finding("memory", "ok", "no limit of its own")
        return
    used, limit = use
    state: Literal["ok", "hurts"] = "ok" if limit - used > ENOUGH_MEMORY / 2 and limit >= ENOUGH_MEMORY else "hurts"
    yield Finding(
        "memory", state, f"{used / 2**20:.0f} of {limit / 2**20:.0f} MiB are used",
        "" if state == "ok" else "Raise the limit (mem_limit): the kernel kills the worker where it is met.",
    )  # fmt: skip


def clock(patient: Patient) -> Iterator[Finding]:
    """Whether the clock of the files is ours: a virtual machine that slept is late."""
    now = time.time()
    ahead = [path for path in _some_files(patient.project) if path.lstat().st_mtime > now + DRIFT_S]
    if ahead:
        by = max(path.lstat().st_mtime for path in ahead) - now
        yield Finding(
            "clock", "note", f"{len(ahead)} files are from the future, by up to {by:.0f} s, as {ahead[0]}",
            "Reloads go by content and are right; make and browsers are not. Restart the engine's virtual machine.",
        )  # fmt: skip
    else:
        yield Finding("clock", "ok", "no file is from the future")


def descriptors(_patient: Patient) -> Iterator[Finding]:
    """Whether there are descriptors enough for many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    state: Literal["ok", "note"] = "ok" if hard == resource.RLIM_INFINITY or hard >= 4096 else "note"
    action = "" if state == "ok" else "Raise it (ulimits: nofile) for a load test, or a thousand open streams."
    yield Finding("descriptors", state, f"{soft}, at most {hard}", action)


LOOKS: tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    mounts, events, watches, owners, ports, variables, cache, memory, clock, descriptors,
)  # fmt: skip


def _some_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        found += [Path(here, name) for name in names]
        if len(found) > _MANY:
            break
    return [path for path in found[:_MANY] if path.exists()]


def _number(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
