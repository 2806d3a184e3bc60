"""The modules that are loaded, as far as they have run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from appliance.worker.files.loaded_modules import namespaces


def test_a_lazy_module_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module that is loaded lazily has a namespace, and does not run."""
    (tmp_path / "lazy_one.py").write_text("RAN = True\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("lazy_one", tmp_path / "lazy_one.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lazy_one", module)
    spec.loader.exec_module(module)
    found = dict(namespaces())
    assert "RAN" not in found["lazy_one"]
    assert found[__name__]["namespaces"] is namespaces


def test_what_is_not_a_module_is_passed_over(monkeypatch: pytest.MonkeyPatch):
    """An object without a namespace in the place of a module is left out."""
    monkeypatch.setitem(sys.modules, "no_module", object())  # as some packages do
    assert "no_module" not in dict(namespaces())
