"""The target of a start: which application a worker imports, as ``discovery.target.Target.as_dict`` writes it."""

from __future__ import annotations

from typing import Any, TypedDict


class StartTarget(TypedDict, total=False):
    """The fields of ``discovery.target.Target``, which explains them, as JSON values. A stand-in's is empty."""

    kind: str  # "object", "django", "script", "paste"
    module: str
    file: str  # an absolute path; ""
    attribute: str
    call: str  # "yes", "no", "auto"
    search_path: list[str]
    environ: dict[str, str]
    framework: str
    why: str
    arguments: list[Any]
    keywords: dict[str, Any]
    interface: str  # "wsgi", "asgi"
    names: list[str]  # to look for where no attribute is known; not a field of Target
