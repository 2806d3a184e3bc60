"""Modules that nobody finds: where the project could have them, and which it had until a moment ago."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.worker.files.missing_modules import MissingModules
from appliance.worker.files.project_places import ProjectPlaces
from appliance.worker.hooks import Hooks

Begin = Callable[..., tuple[MissingModules, list[str]]]


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begin a finder after all others, with the record of its calls; the project's folder is on the path."""
    monkeypatch.setattr(
        sys,
        "path",
        [str(tmp_path), *(each for each in sys.path if not ProjectPlaces("/", sys.path).is_project_path(each))],
    )
    finders, modules = sys.meta_path[:], set(sys.modules)

    def begun(removed: tuple[str, ...] = (), hooks: Hooks | None = None) -> tuple[MissingModules, list[str]]:
        record: list[str] = []
        missing = MissingModules(ProjectPlaces(str(tmp_path), sys.path), record.append, removed, hooks or Hooks())
        missing.begin()
        return missing, record

    yield begun
    sys.meta_path[:] = finders
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_missing_module_is_reported_once(begin: Begin, tmp_path: Path):
    """A module that is not found, by import or by a look for it, is reported once; one that is found is not."""
    _, record = begin()
    with pytest.raises(ImportError):
        importlib.import_module("local_settings_of_nobody")
    assert importlib.util.find_spec("local_settings_of_nobody") is None
    importlib.import_module("colorsys")
    assert record == [f"{tmp_path}/local_settings_of_nobody.py", f"{tmp_path}/local_settings_of_nobody/__init__.py"]


def test_a_part_of_a_package_is_looked_for_where_the_package_is(begin: Begin, tmp_path: Path):
    """A part of a package is looked for where the package is; of one that is installed, nowhere."""
    (tmp_path / "shop_of_nobody").mkdir()
    (tmp_path / "shop_of_nobody" / "__init__.py").touch()
    _, record = begin()
    for name in ("shop_of_nobody.local", "pytest.local"):
        with pytest.raises(ImportError):
            importlib.import_module(name)
    assert record == [f"{tmp_path}/shop_of_nobody/local.py", f"{tmp_path}/shop_of_nobody/local/__init__.py"]


def test_the_names_of_missing_modules_are_bounded(begin: Begin, monkeypatch: pytest.MonkeyPatch):
    """A package that asks for another name at each call fills no memory."""
    monkeypatch.setattr("appliance.worker.files.missing_modules.MAX_NAMES", 5)
    missing, record = begin()
    for number in range(20):
        missing.find_spec(f"nobody{number}")
    assert len(record) == 10


def test_an_import_goes_on_with_any_path(begin: Begin):
    """An import goes on as it would without us, whatever its path contains."""
    hooks = Hooks()
    missing, record = begin(hooks=hooks)
    missing.find_spec("nobody", [None, 3])  # type: ignore[list-item]  # as a project may
    assert record == []
    assert hooks.dropped == set()


def test_a_failing_hook_is_reported_once_and_left_out(begin: Begin, monkeypatch: pytest.MonkeyPatch):
    """A failure of ours in the hook is not the project's; the hook is reported once, and left out from then on."""
    hooks = Hooks()
    missing, _ = begin(hooks=hooks)
    monkeypatch.setattr(missing, "_project_places", lambda *_: 1 / 0)
    assert importlib.util.find_spec("nobody") is None
    assert hooks.dropped == {"missing modules"}


def test_removed_modules_are_known(begin: Begin, tmp_path: Path):
    """A module, a part of a package and a package that were there until a moment ago are known, and nothing else."""
    missing, _ = begin(
        (f"{tmp_path}/prices.py", f"{tmp_path}/cart/__init__.py", f"{tmp_path}/cart/items.py", "/elsewhere/other.py")
    )
    assert missing.removed("prices") == f"{tmp_path}/prices.py"
    assert missing.removed("cart") == f"{tmp_path}/cart"
    assert missing.removed("other") == ""
    assert missing.removed("flask") == ""
