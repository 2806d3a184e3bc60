"""The order of imports: who is asked for first, not who is done first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance.worker.preload.import_order import ImportOrder


def test_an_importing_module_comes_before_the_imported_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """sys.modules has it the other way round; names that nobody asked for come last; nothing of ours stays."""
    (tmp_path / "order_outer.py").write_text("import order_inner\n", encoding="utf-8")
    (tmp_path / "order_inner.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    finders = sys.meta_path[:]
    order = ImportOrder()
    order.begin()
    import order_outer  # type: ignore[import-not-found]  # noqa: F401, PLC0415  it is there now

    order.end()
    done = [name for name in sys.modules if name.startswith("order_")]
    assert done == ["order_inner", "order_outer"]
    assert order.sorted(["late", *done]) == ["order_outer", "order_inner", "late"]
    assert sys.meta_path == finders
    for name in done:
        del sys.modules[name]
