"""Load the appliance's copy of a2wsgi from its folder, under a private name.

The project's environment is not touched: no path entry, no name that the project could import, and the project's own
version of a2wsgi stays as it is.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import typing
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..standard_path import standard_library_alone

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = f"{__package__}.a2wsgi"
_EXTENSIONS = "typing_extensions"


def load_middleware(folder: str) -> Any:
    """Return the class ``ASGIMiddleware`` of the package in this folder.

    Raises:
        ImportError: there is no such package.
    """
    if _NAME not in sys.modules:
        with standard_library_alone(), _typing_extensions():
            _load(folder)
    return sys.modules[_NAME].ASGIMiddleware


def _load(folder: str) -> None:
    spec = importlib.util.spec_from_file_location(_NAME, f"{folder}/__init__.py", submodule_search_locations=[folder])  # noqa: TID251  a library of ours
    if spec is None or spec.loader is None:
        raise ImportError(f"no package in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_NAME]
        raise


@contextlib.contextmanager
def _typing_extensions() -> Iterator[None]:
    """Hide the project's ``typing_extensions`` from a2wsgi, which uses one of its names in annotations.

    a2wsgi needs that module before Python 3.11, and the project may not have it: a substitute exists during the import.
    """
    theirs = sys.modules.get(_EXTENSIONS)
    if not hasattr(typing, "NotRequired"):
        ours: Any = ModuleType(_EXTENSIONS)
        ours.NotRequired = dict  # used only in annotations, which nobody evaluates
        sys.modules[_EXTENSIONS] = ours
    try:
        yield
    finally:
        sys.modules.pop(_EXTENSIONS, None)
        if theirs is not None:
            sys.modules[_EXTENSIONS] = theirs
