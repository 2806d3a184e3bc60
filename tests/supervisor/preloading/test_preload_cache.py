"""The list of modules: what is added, what is left out, and that it survives a restart and a broken file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from appliance.supervisor.preloading import preload_cache
from appliance.supervisor.preloading.preload_cache import PreloadCache


def test_new_modules_come_last():
    """New modules come last; the same ones again, or ones that are left out, are nothing new to preload."""
    known = PreloadCache()
    assert known.update(["b", "a"], ["app"])
    assert not known.update(["a", "b"], ["app", "alias"])
    assert known.exclude({"a": "starts a thread"}) == {"a": "starts a thread"}
    assert known.exclude({"a": "again"}) == {}
    assert (known.modules, known.others, known.preloaded_count) == (["b", "a"], ["alias", "app"], 1)
    assert known.update(["b", "c"], [])
    assert known.modules == ["b", "a", "c"]


def test_a_saved_cache_is_loaded(tmp_path: Path):
    """A saved cache is loaded as it was; one that is missing, older or damaged is loaded as an empty one."""
    file = tmp_path / "preload" / "list.json"
    assert preload_cache.load(file) == PreloadCache()
    known = PreloadCache(["a"], ["b"], {"a": "why"}, "", proven=True)
    preload_cache.save(file, preload_cache.encoded(known))
    assert preload_cache.load(file) == known
    for damage in ('{"modules": [', "[]", '{"colour": "red"}', ""):
        file.write_text(damage, encoding="utf-8")
        assert preload_cache.load(file) == PreloadCache()


def test_a_folder_with_an_undecodable_name_has_its_own_list(tmp_path: Path):
    """A project in a folder whose name is not UTF-8 has a list of its own too."""
    plan: Any = SimpleNamespace(python=Path("/python"), interpreter="3.13", fingerprint="f")
    files = {preload_cache.place(tmp_path, plan, Path(name)) for name in ("/caf\udce9", "/caf\udce8", "/cafe")}
    assert len(files) == 3


def test_each_environment_has_its_own_list(tmp_path: Path):
    """Another interpreter, other packages, or another project have another list; the same ones have the same."""
    first: dict[str, Any] = {"python": Path("/python"), "interpreter": "3.13", "fingerprint": "f"}
    others: list[dict[str, Any]] = [{"python": Path("/other")}, {"interpreter": "3.12"}, {"fingerprint": "g"}, {}]
    plans: list[Any] = [SimpleNamespace(**(first | other)) for other in others]
    files = {preload_cache.place(tmp_path, plan, Path("/project")) for plan in (*plans, plans[-1])}
    assert len(files | {preload_cache.place(tmp_path, plans[-1], Path("/mine"))}) == len(others) + 1


def test_a_cache_without_write_access_fails_nothing(tmp_path: Path):
    """If no file can be written, nothing is kept, and nothing fails."""
    (tmp_path / "preload").touch()
    preload_cache.save(tmp_path / "preload" / "list.json", preload_cache.encoded(PreloadCache(["a"])))
    assert preload_cache.load(tmp_path / "preload" / "list.json") == PreloadCache()


def test_a_name_that_cannot_be_encoded_is_not_kept():
    """A list with a name that can't be written is not written, instead of ending the worker's report."""
    assert preload_cache.encoded(PreloadCache(["a\udce9"])) == b""
