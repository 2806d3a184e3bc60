"""The facts about a small project, for the makers of remedies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from appliance.protocol.remedy_kinds import checked
from appliance.remedies.make_remedy import make
from appliance.remedies.remedy import ProjectFacts, Remedy


def project_facts(
    root: Path, source: str = "none", files: Mapping[str, str] | None = None, **facts: Any
) -> ProjectFacts:
    """A project with these files, whose dependencies are read from ``source``."""
    for name, text in (files or {}).items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    plan: Any = SimpleNamespace(source=source, environment=root / "env" / "a", extra_file="a.more", extra=())
    known: dict[str, Any] = {
        "values": {}, "variables": {}, "target": None, "plan": plan, "env_file": ".env",
        "cache": root, "contained": True, **facts,
    }  # fmt: skip
    return ProjectFacts(root=root.resolve(), **known)


def made(where: ProjectFacts, **need: str) -> Remedy | None:
    """The remedy for a need that a worker names."""
    kind = {"kind": need.pop("kind"), **need}
    fits = checked(kind)
    return None if fits is None else make(where, "1", fits)


def after(where: ProjectFacts, **need: str) -> str | None:
    """Return the text of a file after the remedy; None if there is none."""
    remedy = made(where, **need)
    return remedy.proposal.edit.after.decode() if remedy and remedy.proposal.edit else None
