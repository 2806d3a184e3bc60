"""The findings of ``appliance doctor``, as a table: a topic, how bad it is, what was found, what to do.

``doctor_checks`` measures, and fills in the facts. A test checks that each row is used, and gets all facts it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Finding:
    """One finding. ``state``: correct, worth knowing, or a problem."""

    topic: str
    state: Literal["ok", "note", "hurts"]
    found: str
    action: str = ""


class _Row(NamedTuple):
    """A finding whose facts are still placeholders in braces."""

    topic: str
    state: Literal["ok", "note", "hurts"]
    found: str
    action: str = ""


_POLL = "Set APPLIANCE_WATCH=poll if saves cause no reload."

ROWS: Mapping[str, _Row] = MappingProxyType({
    "project.writable": _Row("project", "ok", "{folder} on {kind}, writable"),
    "project.read_only": _Row("project", "ok", "{folder} on {kind}, not writable"),
    "project.polled": _Row(
        "project", "note", "{point} is on {kind}, which does not report every edit: it is polled",
        "A reload takes up to a second there. Keep the project on a disk of the machine that runs the engine.",
    ),
    "events.at_once": _Row("events", "ok", "the kernel reports an edit in the project at once"),
    "events.none": _Row(
        "events", "hurts", "the kernel does not report an edit in the project", _POLL
    ),
    "events.untried": _Row("events", "note", "not tried: {folder} can't be written ({reason})", _POLL),
    "events.no_watches": _Row(
        "events", "hurts", "the kernel gives no more watches ({reason})",
        "On the host: sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288",
    ),
    "watches.enough": _Row("watches", "ok", "{folders} to watch; {limit} watches for all programs of this user"),
    "watches.few": _Row(
        "watches", "hurts", "{folders} to watch; {limit} watches for all programs of this user",
        "On the host: sysctl fs.inotify.max_user_watches=524288; or set APPLIANCE_IGNORE.",
    ),
    "owner.same": _Row("owner", "ok", "the project and the appliance both belong to uid {uid}"),
    "owner.other": _Row(
        "owner", "note", "the project belongs to uid {owner}, the appliance runs as uid {uid}",
        "Files that the project writes do not belong to its owner. Remove user:, or set it to the owner.",
    ),
    "owner.group": _Row("owner", "ok", "the project belongs to group {group}, of which uid {uid} is a member"),
    "owner.files": _Row(
        "owner", "hurts", "files of other users: {count}, such as {file} (uid {file_owner})",
        "On the host, in the project's folder: sudo chown -R {owner} .",
    ),
    "port.unreachable": _Row(
        "port", "hurts", "the appliance listens on {host}, which no published port reaches",
        "Remove APPLIANCE_HOST; restrict access where the port is published: 127.0.0.1:8000:8000.",
    ),
    "port.none": _Row("port", "note", "no appliance runs for {folder}", "Start it, and run doctor again."),
    "port.healthy": _Row("port", "ok", "{url}: {health}, {state}"),
    "port.unhealthy": _Row(
        "port", "note", "{url}: {health}, {state}", "`appliance status` says what the project does, and what is wrong."
    ),
    "port.unknown": _Row(
        "port", "note", "the port of the host is not known inside the container",
        "Set APPLIANCE_PUBLIC_URL: the log then shows the address that works.",
    ),
    "variables.unread": _Row("variables", "note", "{where}: {reason}", "{action}"),
    "cache.no_volume": _Row(
        "cache", "hurts", "{folder} is not a volume: the next container installs everything again",
        "Add a volume: docker run -v appliance-cache:/cache",
    ),
    "cache.closed": _Row("cache", "hurts", "{folder} can't be written by uid {uid}", "Make it writable."),
    "cache.exposed": _Row(
        "cache", "note", "{reason}: its other users could make you run their code",
        "Do not share it, or give the folder to root, with mode 1777.",
    ),
    "cache.not_executable": _Row(
        "cache", "hurts", "{folder} is mounted noexec: compiled parts of packages can't be loaded from it",
        "Mount it without noexec: a named volume, or --tmpfs {folder}:exec",
    ),
    "cache.room": _Row("cache", "ok", "{folder}: {free_mib:.0f} MiB free"),
    "cache.full": _Row(
        "cache", "hurts", "{folder}: {free_mib:.0f} MiB free",
        "Make room: docker system prune; or use another volume.",
    ),
    "memory.unlimited": _Row("memory", "ok", "no limit is set"),
    "memory.enough": _Row("memory", "ok", "{used_mib:.0f} of {limit_mib:.0f} MiB are used"),
    "memory.scarce": _Row(
        "memory", "hurts", "{used_mib:.0f} of {limit_mib:.0f} MiB are used",
        "Raise the limit (mem_limit): the kernel kills the worker at the limit.",
    ),
    "clock.right": _Row("clock", "ok", "no file has a time in the future"),
    "clock.behind": _Row(
        "clock", "note", "{files} with times up to {by_s:.0f} s in the future, such as {file}",
        "Reloads compare contents and work; make and browsers do not. Restart the engine's virtual machine.",
    ),
    "descriptors.many": _Row("descriptors", "ok", "{soft} open files are allowed; the limit can be raised to {hard}"),
    "descriptors.few": _Row(
        "descriptors", "note", "{soft} open files are allowed; the limit can be raised to {hard}",
        "Raise the limit (ulimits: nofile) for a load test, or a thousand open streams.",
    ),
})  # fmt: skip


def finding(row: str, **facts: object) -> Finding:
    """Return the finding of a row with these facts."""
    topic, state, found, action = ROWS[row]
    return Finding(topic, state, found.format_map(facts), action.format_map(facts))
