"""The checks of ``appliance doctor``: each function measures one thing, and yields rows of ``doctor_findings``.

Nothing is changed, except that one hidden file is written into the project for a moment, if the project can be written,
to see whether the kernel reports it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands.diagnosis.doctor_findings import finding
from appliance.conventions import SCRIPT_PACKAGES
from appliance.errors import NotRunningError
from appliance.identity.cache_folder import exposure
from appliance.plural import counted
from appliance.supervisor.measuring.memory import Memory
from appliance.supervisor.reporting.status_socket import ask
from appliance.watch.inotify import Inotify
from appliance.watch.mounts import Mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from appliance.commands.diagnosis.doctor_findings import Finding
    from appliance.config.env_content import UnreadPart
    from appliance.config.settings import Settings

ENOUGH_MEMORY = 384 * 2**20  # the appliance takes 60 MiB, a Django project with its packages twice that, pandas more
ENOUGH_DISK = 512 * 2**20
DRIFT_S = 2.0
_MAX_FILES = 2000  # files that are checked
_PROBE = ".appliance-doctor"


@dataclass(frozen=True)
class CheckContext:
    """The objects that the checks examine."""

    settings: Settings
    in_image: bool
    unread: Sequence[UnreadPart] = ()

    @property
    def project(self) -> Path:
        """The project's folder."""
        return self.settings.project


def mounts(subject: CheckContext) -> Iterator[Finding]:
    """Check where the project is mounted, and whether it can be written."""
    table = Mounts.read()
    kind = table.of(str(subject.project)).kind
    writable = os.access(subject.project, os.W_OK)
    yield finding("project.writable" if writable else "project.read_only", folder=subject.project, kind=kind)
    for mount in table.eventless_below(str(subject.project)):
        yield finding("project.polled", point=mount.point, kind=mount.kind)


def events(subject: CheckContext) -> Iterator[Finding]:
    """Check whether the kernel reports a file that is written."""
    probe = subject.project / _PROBE
    try:
        source = Inotify()
    except OSError as error:
        yield finding("events.no_watches", reason=error.strerror)
        return
    try:
        probe.unlink(missing_ok=True)
        source.add(str(subject.project), partial=False)
        probe.touch(exist_ok=False)  # never follows a link of that name
        seen = source.wait(1.0)
    except OSError as error:
        yield finding("events.untried", folder=subject.project, reason=error.strerror)
    else:
        yield finding("events.at_once" if seen else "events.none")
    finally:
        with contextlib.suppress(OSError):  # a folder that can't be written has no probe
            probe.unlink(missing_ok=True)
        source.close()


def watches(subject: CheckContext) -> Iterator[Finding]:
    """Check whether the kernel has enough watches."""
    limit = _number(Path("/proc/sys/fs/inotify/max_user_watches"))
    folders = 1 + sum(1 for _ in subject.project.rglob("*/")) if subject.project.is_dir() else 0
    if limit is not None:
        yield finding(
            "watches.enough" if folders < limit / 2 else "watches.few", folders=counted(folders, "folder"), limit=limit
        )


def owners(subject: CheckContext) -> Iterator[Finding]:
    """Check who owns the files, and who runs the appliance."""
    status = subject.project.stat()
    uid, owner = os.geteuid(), status.st_uid
    # A volume that a cluster has given to a group: what is written there belongs to that group.
    is_groups = owner == 0 and status.st_mode & stat.S_IWGRP and status.st_gid in {os.getegid(), *os.getgroups()}
    if uid == owner:
        yield finding("owner.same", uid=uid)
    elif is_groups:
        yield finding("owner.group", group=status.st_gid, uid=uid)
    else:
        yield finding("owner.other", owner=owner, uid=uid)
    strange = [path for path in _some_files(subject.project) if path.lstat().st_uid not in {owner, uid}]
    if strange:
        first = strange[0]
        yield finding("owner.files", count=len(strange), file=first, file_owner=first.lstat().st_uid, owner=owner)


def ports(subject: CheckContext) -> Iterator[Finding]:
    """Check where the appliance listens, and whether clients can reach it."""
    settings = subject.settings
    if subject.in_image and settings.host in {"127.0.0.1", "::1", "localhost"}:
        yield finding("port.unreachable", host=settings.host)
    try:
        status = ask(Path(settings.status_socket))
    except NotRunningError:
        yield finding("port.none", folder=settings.project)
        return
    url = status.get("url") or settings.public_url or "the appliance"  # other users get only its health
    row = "port.healthy" if status["health"] == "healthy" else "port.unhealthy"
    yield finding(row, url=url, health=status["health"], state=status["state"])
    if subject.in_image and not settings.public_url:
        yield finding("port.unknown")


def variables(subject: CheckContext) -> Iterator[Finding]:
    """Check whether the project's .env files can be read."""
    for each in subject.unread:
        where = f"{each.file}, line {each.line}" if each.line else each.file
        yield finding("variables.unread", where=where, reason=each.reason, action=each.action)


def cache(subject: CheckContext) -> Iterator[Finding]:
    """Check whether installed packages are kept, and whether the disk has room."""
    folder = subject.settings.cache
    if subject.in_image and not os.path.ismount(folder):
        yield finding("cache.no_volume", folder=folder)
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(standing, os.W_OK):
        yield finding("cache.closed", folder=standing, uid=os.geteuid())
    if os.statvfs(standing).f_flag & os.ST_NOEXEC:
        yield finding("cache.not_executable", folder=standing)
    if standing == folder and (reason := exposure(folder)):
        yield finding("cache.exposed", reason=reason)
    free = shutil.disk_usage(standing).free
    yield finding("cache.room" if free > ENOUGH_DISK else "cache.full", folder=folder, free_mib=free / 2**20)


def memory(_subject: CheckContext) -> Iterator[Finding]:
    """Check how much memory can be used."""
    use = Memory().use()
    if use is None:
        yield finding("memory.unlimited")
        return
    used, limit = use
    enough = limit - used > ENOUGH_MEMORY / 2 and limit >= ENOUGH_MEMORY
    yield finding("memory.enough" if enough else "memory.scarce", used_mib=used / 2**20, limit_mib=limit / 2**20)


def clock(subject: CheckContext) -> Iterator[Finding]:
    """Check whether the files' clock is the container's: the clock of a virtual machine that slept is late."""
    now = time.time()
    ahead = [path for path in _some_files(subject.project) if path.lstat().st_mtime > now + DRIFT_S]
    if ahead:
        by_s = max(path.lstat().st_mtime for path in ahead) - now
        yield finding("clock.behind", files=counted(len(ahead), "file"), by_s=by_s, file=ahead[0])
    else:
        yield finding("clock.right")


def descriptors(_subject: CheckContext) -> Iterator[Finding]:
    """Check whether there are enough descriptors for many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = hard == resource.RLIM_INFINITY or hard >= 4096
    yield finding("descriptors.many" if many else "descriptors.few", soft=soft, hard=hard)


CHECKS: tuple[Callable[[CheckContext], Iterator[Finding]], ...] = (
    mounts, events, watches, owners, ports, variables, cache, memory, clock, descriptors,
)  # fmt: skip


def _some_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SCRIPT_PACKAGES]
        found += [Path(here, name) for name in names]
        if len(found) > _MAX_FILES:
            break
    return [path for path in found[:_MAX_FILES] if path.exists()]


def _number(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
