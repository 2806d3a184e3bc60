"""Libraries are hooked once they are imported, and never by us."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from appliance.worker.hooks import Hooks
from appliance.worker.instrumentation.library_hooks import LibraryHooks


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LibraryHooks, list[str]]]:
    """Hooks that wait for two libraries in a folder, and the events that were reported."""
    for name in ("first_library", "second_library"):
        (tmp_path / f"{name}.py").write_text("value = 1\n", encoding="utf-8")
    (tmp_path / "broken_library.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    hooks, events = Hooks(), list[str]()
    hooks.report_to(lambda _, event, __: events.append(event))
    found = LibraryHooks(hooks)
    yield found, events
    if found in sys.meta_path:
        sys.meta_path.remove(found)
    for name in ("first_library", "second_library", "broken_library"):
        sys.modules.pop(name, None)


def test_a_library_is_hooked_before_anybody_uses_it(libraries: tuple[LibraryHooks, list[str]]):
    """One that is imported already is hooked at once, another when its code has run; each once."""
    found, _ = libraries
    hooked: list[tuple[str, int]] = []
    for name in ("first_library", "second_library", "absent_library"):
        found.add(name, "test", lambda module: hooked.append((module.__name__, module.value)))
    importlib.import_module("first_library")
    found.begin()
    assert hooked == [("first_library", 1)]
    second = importlib.import_module("second_library")
    assert hooked[1:] == [("second_library", 1)]
    spec: Any = second.__spec__
    assert "exec_module" not in vars(spec.loader)
    importlib.reload(second)
    found.install()
    assert len(hooked) == 2
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("absent_library")


def test_a_hook_or_a_library_that_fails_harms_nobody(libraries: tuple[LibraryHooks, list[str]]):
    """The import of a library goes on when its hook fails, and its own failure is the project's to see."""
    found, events = libraries

    def fail(_: ModuleType) -> None:
        raise ValueError("wrong")

    for name in ("first_library", "broken_library"):
        found.add(name, f"test of {name}", fail)
    found.begin()
    assert importlib.import_module("first_library").value == 1
    assert events == ["hook.dropped"]
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("broken_library")
    assert events == ["hook.dropped"]


def test_a_library_that_is_being_imported_is_left_for_later(libraries: tuple[LibraryHooks, list[str]]):
    """Half a module is not hooked: it is looked at again after a request."""
    found, _ = libraries
    hooked: list[object] = []
    found.add("first_library", "test", hooked.append)
    module = importlib.import_module("first_library")
    spec: Any = module.__spec__
    spec._initializing = True
    found.install()
    assert not hooked
    spec._initializing = False
    found.install()
    assert hooked == [module]
