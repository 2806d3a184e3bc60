"""Make the report of an exception: what its page, its log event and its status answer say, as JSON values.

Runs in the worker, after an exception; imported then, because a reload would pay for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .... import OWN_FOLDER
from ....masking import page_mask
from ..advice.advice import Advice
from ..tracebacks import MAX_LINE, describe, safe_str, shorten
from .exception_tree import ExceptionTree
from .request_facts import request_facts
from .versions import versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ....masking import Mask

_MAX_LOG_LINES = 30

Report = dict[str, Any]
_TARGET = ("REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME", "PATH_INFO")


def make_report(
    error: BaseException,
    *,
    root: str,
    kind: str,
    environ: Mapping[str, Any] | None,
    context: Mapping[str, Any],
) -> Report:
    """Describe the failure; see ``error_page.report`` for the arguments and the result."""
    variables = os.environ  # noqa: TID251  the project's environment, as it is now
    mask = page_mask(variables, context.get("secret_names", ()), root)
    raised = describe(error, keep=_is_shown, mask=mask.masked)
    tree = ExceptionTree(lambda file: is_in_project(file, root), mask.masked).node(raised)
    place = _place(tree)
    message = raised.message
    if isinstance(error, SyntaxError):
        message = safe_str(error.msg)
    name = shorten(type(error).__name__, MAX_LINE)
    known, lead = _advice(error, root, raised.message), _lead(error) or _request_lead(environ, mask)
    found = {
        **({"lead": lead} if lead else {}),
        **({"action": shorten(known.text, MAX_LINE)} if known.text else {}),
        "kind": kind,
        "error": "application.failed" if kind == "request" else "worker.failed",
        "title": shorten(f"{name}: {message}".split("\n", 1)[0] if message else name, MAX_LINE),
        "type": name,
        "message": message,
        "file": place.get("file", ""),
        "line": place.get("line", 0),
        "exception": tree,
        "versions": versions(),
        "log": [shorten(line, MAX_LINE) for line in list(context.get("log", ()))[-_MAX_LOG_LINES:]],
        "editor": context.get("editor", {}),
        "root": root,
    }
    found = {**mask.of(found), "text": raised.text(mask.masked)}
    if environ is not None:
        found["request"] = request_facts(environ, mask.masked)
    if known.needs:
        found["remedies"] = list(known.needs)
    if saved := context.get("saved"):
        found["saved"] = saved  # the supervisor has masked it
    return found


def _place(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the innermost frame of the project: of the exception, or else of one that led to it."""
    for node in _nodes(tree):
        for frame in reversed(node["frames"]):
            if frame["own"]:
                return dict(frame)
    return dict(tree["frames"][-1]) if tree["frames"] else {}


def _nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    for member in tree.get("members", ()):
        yield from _nodes(member)
    if "before" in tree:
        yield from _nodes(tree["before"])


def _request_lead(environ: Mapping[str, Any] | None, mask: Mask) -> str:
    if environ is None:
        return ""
    facts = request_facts({key: environ.get(key) for key in _TARGET}, mask.masked)
    return f"Your application raised an exception in {facts['method']} {shorten(facts['path'], 200)}"


def _lead(error: BaseException) -> str:
    """Return the lead that the appliance set on the exception; an exception's attribute may run the project's code."""
    try:
        lead = vars(error).get("appliance_lead", "")
    except Exception:  # noqa: BLE001  see above
        return ""
    return lead if type(lead) is str else ""


def _advice(error: BaseException, root: str, message: str) -> Advice:
    """Return the advice, if any is known."""
    try:
        from ..advice.exception_advice import advice  # noqa: PLC0415  a module of the project may keep it out by its name

        return advice(error, root, message)
    except Exception:  # noqa: BLE001  it must not hide the error
        return Advice()


def _is_shown(file: str) -> bool:
    """Hide the frames of the appliance and of the import system: the user's mistake is not there."""
    machine = file.startswith(("<frozen importlib", OWN_FOLDER)) or file.endswith(f"importlib{os.sep}__init__.py")
    return not machine


def is_in_project(file: str, root: str) -> bool:
    """Whether a file is the project's own code."""
    if file.startswith("<"):
        return False  # <frozen os>, <string>: not a file, so not a path relative to the current folder
    below = os.path.abspath(file).startswith(root.rstrip(os.sep) + os.sep)
    return below and f"{os.sep}site-packages{os.sep}" not in file
