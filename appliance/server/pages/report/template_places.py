"""Find the line of a template that an exception came from: of Django or Mako. Jinja2's tracebacks name it themselves.

Runs in the worker, after an exception, and imports no template library: it looks at the frames of a loaded one.

Theory of operation. Jinja2 replaces the frames of its compiled templates by frames of the template's file. Django runs
a template's nodes by ``Node.render_annotated`` and compiles one in ``Template.compile_nodelist``: the node or token has
the line, the origin has the file. Mako keeps for each compiled module a map from its lines to the template's.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType, TracebackType

Place = tuple[str, int, str]  # file, line, what it is

_DJANGO = f"{os.sep}django{os.sep}template{os.sep}base.py"


def template_place(place: TracebackType, error: BaseException) -> Place | None:
    """Return the template's line that this frame runs, or None if it is not a frame of a template."""
    frame = place.tb_frame
    try:
        if frame.f_code.co_filename.endswith(_DJANGO):
            return _django_place(frame, error)
        if "_template_uri" in frame.f_globals and "mako.template" in sys.modules:
            return _mako_place(frame.f_code.co_filename, place.tb_lineno)
    except Exception:  # noqa: BLE001  another version of the library has other names
        return None
    return None


def _django_place(frame: FrameType, error: BaseException) -> Place | None:
    name = frame.f_code.co_name
    if name == "render_annotated":
        node: Any = frame.f_locals["self"]
        return _place(node.origin.name, node.token.lineno, "template")
    if name == "compile_nodelist":
        token = getattr(error, "token", None)
        return _place(frame.f_locals["self"].origin.name, token.lineno, "template") if token is not None else None
    return None


def _mako_place(module_file: str, line: int) -> Place | None:
    library: Any = sys.modules["mako.template"]
    info = library._get_module_info(module_file)  # noqa: SLF001  RichTraceback uses it too
    metadata = info.get_module_source_metadata(info.code, full_line_map=True)
    lines = metadata["full_line_map"]
    return _place(info.template_filename, lines[min(line, len(lines)) - 1], "template")


def template_that_is_broken(error: BaseException) -> Place | None:
    """Return the line that an error of Mako's compiler names; those of the others are lines of a frame."""
    if not type(error).__module__.startswith("mako."):
        return None
    return _place(getattr(error, "filename", None), getattr(error, "lineno", None), "template")


def _place(file: object, line: object, what: str) -> Place | None:
    found = isinstance(file, str) and isinstance(line, int) and line > 0 and os.path.isfile(file)
    return (str(file), int(line), what) if found else None  # type: ignore[call-overload]  # checked above
