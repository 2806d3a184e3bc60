"""Decide what a page masks: secrets by their names and values, and also every value of a ``.env`` file.

A page shows much more than a log line: values of variables, headers, source. So it masks more than the log does. The
value of a variable in ``.env`` stays readable only if it says nothing: a truth value, a short number, a usual word, a
path or a module of the project, which the traceback itself names. Runs in the worker.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ....masking import Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MIN_LENGTH = 5
_MAX_LENGTH = 4096
_PLAIN = re.compile(
    r"true|false|\d{1,5}|none|null|localhost|127\.0\.0\.1|0\.0\.0\.0|(?:dev|test|prod|stag)[a-z]*|debug|info|warn(?:ing)?|error"
    r"|critical|local|default|sqlite|postgres(?:ql)?|mysql|redis|utf-?8|https?",
    re.IGNORECASE,
)
# Names of settings that frameworks and the appliance document, and whose values pages themselves show.
_PUBLIC_NAME = re.compile(r"APPLIANCE_|FLASK_(?:APP|ENV|DEBUG|RUN_)|DJANGO_SETTINGS_MODULE$|PYTHON|TZ$|LANG$|LC_|PATH$")


def page_mask(environment: Mapping[str, str], file_names: Iterable[str], root: str) -> Mask:
    """Return the mask of a page.

    Args:
        environment: the project's environment.
        file_names: the names of the variables that came from the project's ``.env`` files.
        root: the project's folder.
    """
    return Mask(environment, more=_file_values(environment, file_names, root))


def _file_values(environment: Mapping[str, str], names: Iterable[str], root: str) -> Iterator[str]:
    for name in names:
        value = environment.get(name, "")
        if _PUBLIC_NAME.match(name):
            continue
        for line in {value.strip(), *map(str.strip, value.splitlines())}:
            if _MIN_LENGTH <= len(line) <= _MAX_LENGTH and not _PLAIN.fullmatch(line) and not _is_named(line, root):
                yield line


def _is_named(text: str, root: str) -> bool:
    """Whether a text is the name of a file, a folder or a module of the project."""
    if "\0" in text or text in root:
        return True
    places = (text, f"{text.partition(':')[0].replace('.', os.sep)}.py", text.replace(".", os.sep))
    return any(os.path.lexists(os.path.join(root, place)) for place in places)  # noqa: PTH118  pathlib costs 5 ms at import
