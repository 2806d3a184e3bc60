"""The roles of the children: one for each kind of process that the supervisor starts or has forked."""

from __future__ import annotations

import enum
from types import MappingProxyType


class Role(enum.StrEnum):
    """The role of a child, under the name that the log and ``appliance status`` use."""

    WORKER = "worker"
    SPARE = "spare"  # a worker without a generation: forked ahead
    PRELOADER = "preloader"
    SNAPSHOT = "snapshot"  # a checkpoint and a verifier too: each imports the project, or has imported it
    STANDIN = "standin"
    RECORDER = "recorder"
    EXPORTER = "exporter"
    PROBES = "probes"
    INSTALLER = "installer"
    PREPARATION = "preparation"
    REMEDY = "remedy"
    COMPANION = "companion"
    GUARD = "guard"


# How an error names each.
TITLES = MappingProxyType(
    {
        Role.WORKER: "a worker of the project",
        Role.SPARE: "a worker of the project",
        Role.PRELOADER: "the preloader",
        Role.SNAPSHOT: "a snapshot of the project",
        Role.STANDIN: "the stand-in",
        Role.RECORDER: "the recorder",
        Role.EXPORTER: "the exporter",
        Role.PROBES: "the probe server",
        Role.INSTALLER: "the installer",
        Role.PREPARATION: "the shell for BEFORE_START",
        Role.REMEDY: "a remedy",
        Role.COMPANION: "the companion",
        Role.GUARD: "the guard of the companions",
    }
)
