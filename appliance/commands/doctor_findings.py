"""What ``appliance doctor`` says, as a table: a topic, how bad it is, what was found, what to do.

``symptoms`` looks, and fills in the facts. A test holds that each row is used, and given all facts that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``state``: as it should be, worth knowing, or something that will hurt."""

    topic: str
    state: Literal["ok", "note", "hurts"]
    found: str
    action: str = ""


class _Row(NamedTuple):
    """A finding before its facts are known: they stand in braces."""

    topic: str
    state: Literal["ok", "note", "hurts"]
    found: str
    action: str = ""


ROWS: Mapping[str, _Row] = MappingProxyType({
    "project.writable": _Row("project", "ok", "{folder} on {kind}, writable"),
    "project.read_only": _Row("project", "ok", "{folder} on {kind}, not writable"),
    "project.polled": _Row(
        "project", "note", "{point} is on {kind}, which does not tell of every edit: it is polled",
        "A reload takes up to a second there. Keep the project on a disk of the machine that runs the engine.",
    ),
    "events.at_once": _Row("events", "ok", "an edit in the project is told at once"),
    "events.none": _Row(
        "events", "hurts", "the kernel tells of no edit in the project",
        "Set APPLIANCE_WATCH=poll, if saves are not noticed.",
    ),
    "events.untried": _Row("events", "note", "not tried: {folder} can't be written ({reason})"),
    "events.no_watches": _Row(
        "events", "hurts", "the kernel gives no more watches ({reason})",
        "On the host: sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288",
    ),
    "watches.enough": _Row("watches", "ok", "{folders} folders, {limit} watches for all programs of this user"),
    "watches.few": _Row(
        "watches", "hurts", "{folders} folders, {limit} watches for all programs of this user",
        "On the host: sysctl fs.inotify.max_user_watches=524288; or set APPLIANCE_IGNORE.",
    ),
    "owner.same": _Row("owner", "ok", "the project and the appliance are both uid {uid}'s"),
    "owner.other": _Row(
        "owner", "note", "the project is uid {owner}'s, the appliance is uid {uid}",
        "What the project writes is not its owner's. Leave out user:, or set it to the owner.",
    ),
    "owner.files": _Row(
        "owner", "hurts", "{count} files are others', as {file} (uid {file_owner})",
        "Give them back on the host: sudo chown -R {owner} {name}",
    ),
    "port.unreachable": _Row(
        "port", "hurts", "it listens on {host}, which no published port reaches",
        "Take APPLIANCE_HOST away; who may reach it is decided where it is published: 127.0.0.1:8000:8000.",
    ),
    "port.none": _Row("port", "note", "no appliance runs for {folder}", "Start it, and ask again."),
    "port.healthy": _Row("port", "ok", "{url}: {health}, {state}"),
    "port.unhealthy": _Row("port", "note", "{url}: {health}, {state}"),
    "port.unknown": _Row(
        "port", "note", "which port of the host it is published on can't be seen from here",
        "Set APPLIANCE_PUBLIC_URL, and the log tells the address that works.",
    ),
    "variables.unread": _Row("variables", "note", "{where}: {reason}", "{action}"),
    "cache.no_volume": _Row(
        "cache", "hurts", "{folder} is no volume: everything is installed again in the next container",
        "Add a volume: docker run -v appliance-cache:/cache",
    ),
    "cache.closed": _Row("cache", "hurts", "{folder} can't be written by uid {uid}", "Open it, or take another."),
    "cache.exposed": _Row(
        "cache", "note", "{reason}: other users of it could have you run their code",
        "Share it with nobody, or give the folder to root, with mode 1777.",
    ),
    "cache.room": _Row("cache", "ok", "{folder}: {free_mib:.0f} MiB are free"),
    "cache.full": _Row(
        "cache", "hurts", "{folder}: {free_mib:.0f} MiB are free",
        "Make room: docker system prune; or take another volume.",
    ),
    "memory.unlimited": _Row("memory", "ok", "no limit of its own"),
    "memory.enough": _Row("memory", "ok", "{used_mib:.0f} of {limit_mib:.0f} MiB are used"),
    "memory.scarce": _Row(
        "memory", "hurts", "{used_mib:.0f} of {limit_mib:.0f} MiB are used",
        "Raise the limit (mem_limit): the kernel kills the worker where it is met.",
    ),
    "clock.right": _Row("clock", "ok", "no file is from the future"),
    "clock.behind": _Row(
        "clock", "note", "{count} files are from the future, by up to {by_s:.0f} s, as {file}",
        "Reloads go by content and are right; make and browsers are not. Restart the engine's virtual machine.",
    ),
    "descriptors.many": _Row("descriptors", "ok", "{soft}, at most {hard}"),
    "descriptors.few": _Row(
        "descriptors", "note", "{soft}, at most {hard}",
        "Raise it (ulimits: nofile) for a load test, or a thousand open streams.",
    ),
})  # fmt: skip


def finding(row: str, **facts: object) -> Finding:
    """The finding of a row with these facts."""
    topic, state, found, action = ROWS[row]
    return Finding(topic, state, found.format_map(facts), action.format_map(facts))
