"""The loader of the project's files: what they hold now, from the cache or compiled, and nothing of anybody else's."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import linecache
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

import pytest

from appliance.worker.files.input_files import InputFiles
from appliance.worker.files.project_places import ProjectPlaces
from appliance.worker.files.source_loader import MAX_VERSIONS, CodeCache, ProjectLoader, install
from tests.users import ATTACKER, OWNER, as_root, place, user, volume

__all__ = ["place", "volume"]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A project's folder on the path, with our hook; everything as before afterwards."""
    folder = tmp_path / "project"
    folder.mkdir()
    path, hooks, modules = sys.path[:], sys.path_hooks[:], set(sys.modules)
    kind: Any = importlib.machinery.SourceFileLoader
    get_code = vars(kind).get("get_code")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path[:], sys.path_hooks[:] = path, hooks
    if "get_code" in vars(kind) and get_code is None:
        del kind.get_code  # it is inherited
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    for entry in [each for each in sys.path_importer_cache if each.startswith(str(tmp_path))]:
        del sys.path_importer_cache[entry]


@pytest.fixture
def cache(tmp_path: Path) -> CodeCache:
    return CodeCache(str(tmp_path / "code"))


def installed(root: Path, cache: CodeCache) -> Callable[[str, str], ProjectLoader]:
    """Our loader, for this root."""
    return install(ProjectPlaces(str(root), sys.path), cache, InputFiles(str(root), -1))


def fresh(name: str) -> ModuleType:
    """The module, imported again."""
    sys.modules.pop(name, None)
    return importlib.import_module(name)


def kept(tmp_path: Path) -> list[Path]:
    """The files of the cache."""
    return [each for each in (tmp_path / "code").rglob("*") if each.is_file()]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("x = 1\n".encode("utf-16"), 1, "null bytes: the file is in UTF-16, save it as UTF-8"),
        (b"x = 1\n\0y = 2\n", 2, "null bytes"),
        (b"# coding: klingon\n", 0, "unknown encoding: klingon"),
    ],
    ids=["UTF-16", "NUL", "coding"],
)
def test_a_file_in_another_encoding_is_named(root: Path, cache: CodeCache, content: bytes, line: int, words: str):
    """The error of a file in another encoding names that file, and not the line that imports it."""
    installed(root, cache)
    (root / "encoded.py").write_bytes(content)
    with pytest.raises(SyntaxError, match=words) as caught:
        fresh("encoded")
    assert (caught.value.filename, caught.value.lineno) == (str(root / "encoded.py"), line)


def test_contents_of_equal_length_and_time_are_told_apart(root: Path, cache: CodeCache):
    """Contents of equal length with the same time of change are told apart."""
    installed(root, cache)
    file = root / "moment.py"
    for word in ("one", "two", "six"):
        file.write_text(f"WORD = '{word}'\n", encoding="utf-8")
        os.utime(file, (1, 1))
        assert word == fresh("moment").WORD
        cache.write()
    file.write_text("WORD = 'two'\n", encoding="utf-8")
    assert fresh("moment").WORD == "two"
    assert not (root / "__pycache__").exists()


def test_ignores_bytecode_beside_it(root: Path, cache: CodeCache):
    """Bytecode that the host's interpreter left in the mount is not looked at."""
    file = root / "stale.py"
    file.write_text("WORD = 'old'\n", encoding="utf-8")
    os.utime(file, (1, 1))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        assert fresh("stale").WORD == "old"
    finally:
        sys.dont_write_bytecode = written
    assert (root / "__pycache__").exists()
    installed(root, cache)
    file.write_text("WORD = 'new'\n", encoding="utf-8")
    os.utime(file, (1, 1))
    assert fresh("stale").WORD == "new"


def test_unchanged_is_not_compiled(root: Path, cache: CodeCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Code in the cache is taken from there, by another process too."""
    loader = installed(root, cache)
    (root / "calm.py").write_text("WORD = 'calm'\n", encoding="utf-8")
    fresh("calm")
    cache.write()
    assert len(kept(tmp_path)) == 1
    again = CodeCache(str(tmp_path / "code"))
    other = ProjectLoader(again, InputFiles(str(root), -1), "calm", str(root / "calm.py"))
    monkeypatch.setattr(ProjectLoader, "source_to_code", lambda *_: pytest.fail("compiled"), raising=False)
    assert other.get_code("calm").co_filename == str(root / "calm.py")
    assert loader("calm", str(root / "calm.py")).get_code("calm") is not None


def test_a_file_that_was_compiled_ahead_is_not_compiled_again(root: Path, cache: CodeCache, tmp_path: Path):
    """The code that was compiled ahead is loaded while the file has the same content; another content is compiled."""
    file = root / "soon.py"
    file.write_text("WORD = 'one'\n", encoding="utf-8")
    loader = installed(root, cache)("soon", str(file))
    ahead = cache.compile_ahead(str(file))
    assert ahead is not None
    assert loader.get_code("soon") is ahead
    file.write_text("WORD = 'two'\n", encoding="utf-8")
    os.utime(file, (1, 1))
    assert "two" in loader.get_code("soon").co_consts
    cache.write()
    assert len(kept(tmp_path)) == 2
    assert CodeCache(str(tmp_path / "code")).compile_ahead(str(file)) == loader.get_code("soon")


def test_what_cannot_be_compiled_ahead_is_left_to_the_import(root: Path, cache: CodeCache):
    """Without a cache's folder nothing is compiled ahead; a file that is missing or broken raises, and is not kept."""
    file = root / "soon.py"
    file.write_text("WORD = 'one'\n", encoding="utf-8")
    assert CodeCache("").compile_ahead(str(file)) is None
    file.write_text("WORD = \n", encoding="utf-8")
    with pytest.raises(SyntaxError):
        cache.compile_ahead(str(file))
    with pytest.raises(FileNotFoundError):
        cache.compile_ahead(str(root / "missing.py"))
    file.write_text("WORD = 'two'\n", encoding="utf-8")
    assert installed(root, cache)("soon", str(file)).get_code("soon").co_consts[0] == "two"


@pytest.mark.parametrize("damage", [b"", b"1234", b"\0\0\0\0nonsense", None])
def test_damaged_code_is_compiled_again(root: Path, cache: CodeCache, tmp_path: Path, damage: bytes | None):
    """Code that a full disk or a power cut has damaged is compiled again, and never passed to marshal."""
    installed(root, cache)
    (root / "torn.py").write_text("WORD = 'whole'\n", encoding="utf-8")
    fresh("torn")
    cache.write()
    file = kept(tmp_path)[0]
    file.write_bytes(file.read_bytes()[:-3] if damage is None else damage)
    assert fresh("torn").WORD == "whole"


def test_a_cache_without_write_access_still_compiles(root: Path, tmp_path: Path):
    """Without a cache that can be written everything is compiled, and nothing fails."""
    (tmp_path / "file").touch()
    cache = CodeCache(str(tmp_path / "file" / "code"))
    installed(root, cache)
    (root / "poor.py").write_text("WORD = 'poor'\n", encoding="utf-8")
    assert fresh("poor").WORD == "poor"
    cache.write()
    assert fresh("poor").WORD == "poor"


def test_the_last_versions_of_a_file_are_kept(root: Path, cache: CodeCache, tmp_path: Path):
    """The last few versions of each file are kept."""
    installed(root, cache)
    for number in range(MAX_VERSIONS * 2):
        (root / "busy.py").write_text(f"WORD = {number}\n", encoding="utf-8")
        fresh("busy")
        cache.write()
    assert len(kept(tmp_path)) == MAX_VERSIONS


def test_two_threads_write_each_thing_once(cache: CodeCache, tmp_path: Path):
    """A worker that is asked to write while it ends writes each thing once, and neither thread fails."""

    class Contested(list[Any]):
        """The other thread writes too, between the look at what is left and the taking of it."""

        def __len__(self) -> int:
            length = super().__len__()
            if length and not other.ident:
                other.start()
                other.join(0.1)  # it waits for us, or has taken what we have seen
            return length

    other = threading.Thread(target=cache.write)
    cache._unwritten = Contested()
    cache.add("0-0-0", compile("", "x.py", "exec"))
    cache.write()
    other.join()
    assert len(kept(tmp_path)) == 1


def test_readers_of_a_modules_source_and_place_find_them(root: Path, cache: CodeCache):
    """Everything that reads a module's source, its data or its place finds it."""
    installed(root, cache)
    package = root / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "data.txt").write_text("data", encoding="utf-8")
    (package / "till.py").write_text("def total():\n    return 1 / 0\n", encoding="utf-8")
    module = fresh("shop.till")
    assert module.__file__ == str(package / "till.py")
    assert module.__spec__ is not None
    assert module.__spec__.cached == importlib.util.cache_from_source(str(package / "till.py"))
    assert inspect.getsource(module.total) == "def total():\n    return 1 / 0\n"
    assert linecache.getline(module.total.__code__.co_filename, 2) == "    return 1 / 0\n"
    assert pkgutil.get_data("shop", "data.txt") == b"data"
    assert resources.files("shop").joinpath("data.txt").read_text() == "data"
    assert [each.name for each in pkgutil.iter_modules([str(package)])] == ["till"]
    assert module.__spec__.loader is module.__loader__


class Louder(importlib.machinery.SourceFileLoader):
    """A loader that changes the code of a module, as that of beartype does."""

    def source_to_code(self, data: Any, path: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        return compile(data.decode().replace("word", "WORD"), path, "exec")


def test_a_loader_that_changes_code_is_asked_and_never_stale(root: Path, cache: CodeCache):
    """A package's hook before the interpreter's own loads the project's modules, as they are now."""
    installed(root, cache)
    sys.path_hooks.insert(-1, importlib.machinery.FileFinder.path_hook((Louder, importlib.machinery.SOURCE_SUFFIXES)))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        for word in ("one", "two"):
            (root / "loud.py").write_text(f"word = '{word}'\n", encoding="utf-8")
            os.utime(root / "loud.py", (1, 1))
            assert word == fresh("loud").WORD
    finally:
        sys.dont_write_bytecode = written
    assert not (root / "__pycache__").exists()


def test_packages_are_left_alone(root: Path, cache: CodeCache, tmp_path: Path):
    """Packages of an environment keep the interpreter's own bytecode, whether it lies in the root or elsewhere."""
    installed(root, cache)
    for folder, name in (
        (root / ".venv" / "lib" / "site-packages", "within"),
        (tmp_path / "env" / "lib" / "site-packages", "beyond"),
    ):
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text("", encoding="utf-8")
        sys.path.append(str(folder))
        fresh(name)
    cache.write()
    assert not kept(tmp_path)


def test_a_library_beside_the_project_is_never_stale(root: Path, cache: CodeCache, tmp_path: Path):
    """A module outside the root that no environment holds is the project's, and is never stale either."""
    beside = tmp_path / "beside"
    beside.mkdir()
    installed(root, cache)
    sys.path.append(str(beside))
    for word in ("one", "two"):
        (beside / "shared.py").write_text(f"WORD = '{word}'\n", encoding="utf-8")
        os.utime(beside / "shared.py", (1, 1))
        assert word == fresh("shared").WORD
    assert list(beside.iterdir()) == [beside / "shared.py"]


def test_a_file_that_is_loaded_by_its_path_is_read_as_it_is_now(root: Path, cache: CodeCache):
    """A file that is loaded by its path, as a plugin or by setuptools' finder, is read as it is now."""
    installed(root, cache)
    file = root / "plugin.py"
    for word in ("one", "two"):
        file.write_text(f"WORD = '{word}'\n", encoding="utf-8")
        os.utime(file, (1, 1))
        spec = importlib.util.spec_from_file_location("plugin", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert word == module.WORD
    assert not (root / "__pycache__").exists()


def test_what_was_compiled_is_noted(root: Path, cache: CodeCache):
    """For each module the state of its file before it was read is noted, and a checksum of what was read."""
    inputs = InputFiles(str(root), -1)
    install(ProjectPlaces(str(root), sys.path), cache, inputs)
    file = root / "noted.py"
    file.write_text("WORD = 'noted'\n", encoding="utf-8")
    before = file.stat()
    fresh("noted")
    mark = [before.st_mtime_ns, before.st_size, before.st_ino, before.st_ctime_ns, crc32(file.read_bytes())]
    assert inputs.files == {str(file): mark}


SOURCE = b"WORD = 'honest'\n"
EVIL = compile("WORD = 'planted'\n", "/workspace/app.py", "exec")


def put(folder: str) -> None:
    """Keep other code under the name and with the checksum of honest code."""
    cache = CodeCache(folder)
    cache.add(cache.find("/workspace/app.py", SOURCE)[1], EVIL)
    cache.write()


@as_root
@pytest.mark.parametrize("given", ["nothing", "the top", "the top, closed", "all but the code", "all but the file"])
def test_another_users_code_is_not_run(volume: Path, given: str):
    """Another user's code under the right name and checksum is not run, whatever user owns the folders."""
    folder = volume / f"uid-{OWNER}"
    with user(ATTACKER):
        folder.mkdir()
        put(f"{folder}/code")
    (kept_code,) = (each for each in folder.rglob("*") if each.is_file())
    code = folder / "code"
    all_folders = [folder, code, kept_code.parent]
    for each in {
        "nothing": [],
        "the top": [folder],
        "the top, closed": [folder],
        "all but the code": [folder, kept_code.parent],
        "all but the file": all_folders,
    }[given]:
        os.chown(each, OWNER, OWNER)
    for each in [*all_folders, kept_code]:
        each.chmod(0o755 if given == "the top, closed" else 0o777)
    with user(OWNER):
        cache = CodeCache(str(code))
        found, place = cache.find("/workspace/app.py", SOURCE)
    assert found is None
    assert cache.refused is not None
    assert cache.refused.filename
    with user(OWNER):
        cache.add(place, compile(SOURCE, "/workspace/app.py", "exec"))
        cache.write()  # nothing fails
        found, _ = CodeCache(str(code)).find("/workspace/app.py", SOURCE)
    assert found is None or found.co_consts[0] == "honest"


@as_root
def test_a_level_open_to_others_is_set_aside(volume: Path):
    """If another user can have written the last level alone, it is set aside, and code is kept again."""
    folder = f"{volume}/uid-{OWNER}/code"
    with user(OWNER):
        put(folder)
    (last,) = Path(folder).iterdir()
    last.chmod(0o777)
    with user(OWNER):
        cache = CodeCache(folder)
        found, place = cache.find("/workspace/app.py", SOURCE)
        assert found is None
        cache.add(place, compile(SOURCE, "/workspace/app.py", "exec"))
        cache.write()
        found, _ = CodeCache(folder).find("/workspace/app.py", SOURCE)
    assert found is not None
    assert found.co_consts[0] == "honest"


@as_root
def test_a_folder_that_replaces_the_opened_one_is_not_read(volume: Path):
    """A folder that replaces the opened one is not looked at."""
    folder = f"{volume}/uid-{OWNER}/code"
    with user(OWNER):
        cache = CodeCache(folder)
        cache.add(cache.find("/workspace/app.py", SOURCE)[1], compile(SOURCE, "/workspace/app.py", "exec"))
        cache.write()
        reader = CodeCache(folder)
        assert reader.find("/workspace/app.py", SOURCE)[0] is not None
    (volume / f"uid-{OWNER}").rename(volume / "away")
    with user(ATTACKER):
        put(folder)
    with user(OWNER):
        found, _ = reader.find("/workspace/app.py", SOURCE)
    assert found is not None
    assert found.co_consts[0] == "honest"
