"""Find the variables that the project reads and that are not set, and the files that set or list them."""

from __future__ import annotations

import os
import re
import sys

from ....conventions import COMPOSE_FILES, EXAMPLE_FILES, VARIABLE_FILES
from .project_files import text_of

_LINE_MAX = 1000
_VARIABLES_MAX = 8
_READ = re.compile(
    r"(?:environ\.get|getenv)\([ \t]{0,8}[\"']([A-Za-z_]\w{0,80})[\"'][ \t]{0,8}"
    r"(?:,[ \t]{0,8}(?:\"\"|''|None)[ \t]{0,8})?\)"
)
_OF_DATABASE = re.compile(r"DB|DATABASE|PG|POSTGRES|SQL", re.IGNORECASE)
_BLANK = r"[ \t]{0,80}"


def variable_of_setting(setting: str) -> str:
    """Return the variable that Django's settings read ``setting`` from, judged by their source; else ``setting``."""
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))  # noqa: TID251  the project's environment
    text = text_of(getattr(module, "__file__", None) or "")
    found = re.search(
        rf"^{_BLANK}{setting}{_BLANK}=[^\n]{{0,200}}?(?:env|config)[^\n\"']{{0,40}}[\"']([A-Z][A-Z0-9_]{{2,80}})[\"']",
        text,
        re.MULTILINE,
    )
    return found[1] if found else setting


def variable_read_at(error: BaseException) -> str:
    """Return the unset variable that the raising line reads, as in ``os.environ.get("HOSTS").split()``; else ""."""
    import linecache  # noqa: PLC0415  imported only where needed, to save its cost

    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return next(
        iter(_unset_reads(linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)[:_LINE_MAX])), ""
    )


def variables_read_by(error: BaseException, root: str) -> str:
    """Return the unset variables that the project's innermost file reads, separated by commas; "" if there are none."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(f"{root}/"):
            found = ", ".join(_unset_reads(text_of(file))[:_VARIABLES_MAX]) or found
        trace = trace.tb_next
    return found


def variables_of_database() -> str:
    """Return the unset variables that Django's settings read for a database, separated by commas; "" if none."""
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))  # noqa: TID251  the project's environment
    names = _unset_reads(text_of(getattr(module, "__file__", None) or ""))
    return ", ".join([name for name in names if _OF_DATABASE.search(name)][:_VARIABLES_MAX])


def _unset_reads(text: str) -> list[str]:
    """Return the variables that a text reads without a default, and that are not set."""
    read = _READ.findall(text)
    return [name for name in dict.fromkeys(read) if name not in os.environ]  # noqa: TID251  the project's environment


def variable_files(root: str, key: str) -> tuple[str, str]:
    """Return the project's file of variables, and the example that has ``key``; either may be ""."""
    first = key.partition(",")[0]
    own = next((name for name in (".env", *VARIABLE_FILES) if os.path.isfile(f"{root}/{name}")), "")
    for name in EXAMPLE_FILES:
        sets = rf"^{_BLANK}#?{_BLANK}(?:export{_BLANK})?{re.escape(first)}{_BLANK}="
        if re.search(sets, text_of(f"{root}/{name}"), re.MULTILINE):
            return own, name
    return own, ""


def compose_file(root: str, key: str) -> str:
    """Return the compose file that sets a variable; "" if none does."""
    sets = re.compile(
        rf"^{_BLANK}(?:-{_BLANK})?[\"']?{re.escape(key.partition(',')[0])}[\"']?{_BLANK}[=:]", re.MULTILINE
    )
    return next((name for name in COMPOSE_FILES if sets.search(text_of(f"{root}/{name}"))), "")
