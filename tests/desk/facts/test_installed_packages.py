"""Which packages of an environment are listed, and where each comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.desk.facts.declared_names import declared_names
from appliance.desk.facts.installed_packages import counts, installed_packages

Environment = dict[str, Any]


def package(library: Path, name: str, version: str, *requires: str, text: str = "", url: Any = None) -> None:
    """An installed package."""
    folder = library / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    fields = "".join(f"Requires-Dist: {each}\n" for each in requires)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: of {name}\n{fields}\n{text}",
        encoding="utf-8",
    )
    if url is not None:
        (folder / "direct_url.json").write_text(json.dumps(url))


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An environment of which requirements.txt asks for two packages."""
    library = tmp_path / "environment" / "lib" / "python3.13" / "site-packages"
    package(library, "Flask", "3.1", "Jinja2>=3", "async-x>1; extra == 'async'", text="Requires-Dist: in-the-text\n")
    package(library, "Jinja2", "3.2", "markup_safe")
    package(library, "markup-safe", "2.0")
    package(library, "in-the-text", "1")
    git = {"url": "https://example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef"}}
    package(library, "from-git", "1", url=git)
    package(library, "strange", "1", url=["no object"])
    (library / "broken-1.dist-info").mkdir()
    (tmp_path / "requirements.txt").write_text(
        "# comment\nflask[async]>=3  # why\n-r other.txt\nfrom_git @ git+https://x\n"
    )
    files = [str(tmp_path / "requirements.txt"), str(tmp_path / "missing.txt")]
    folder = str(tmp_path / "environment")
    return {"folder": folder, "files": files, "project": str(tmp_path), "added": ["setuptools<81", "markup.safe>=0"]}


def test_packages_name_what_asks_for_them(environment: Environment):
    """A direct package has its line, another one the packages that need it; extras do not count."""
    found = {each["name"]: each for each in installed_packages(environment)}
    assert found["Flask"]["asked_by"] == ["requirements.txt:2"]
    assert found["Jinja2"] == {
        "name": "Jinja2", "version": "3.2", "summary": "of Jinja2", "origin": "index", "direct": False,
        "asked_by": ["Flask"],
    }  # fmt: skip
    assert found["markup-safe"]["asked_by"] == ["added by the appliance"]
    assert found["from-git"]["origin"] == "https://example.org/x.git@0123456789ab"
    assert (found["in-the-text"]["direct"], found["in-the-text"]["asked_by"]) == (True, [])
    assert found["strange"]["origin"] == "index"
    assert counts(list(found.values())) == (5, 1)
    assert list(found)[-1] == "Jinja2"


def test_a_folder_without_packages_has_none(tmp_path: Path, environment: Environment):
    """An environment that is not made yet is empty, not an error."""
    assert installed_packages({**environment, "folder": str(tmp_path / "none")}) == []


PYPROJECT = """[project]
name = "shop"
dependencies = [
  "a[b]>=1", # "comment"
  "c",
]
other = ["not-this"]
[dependency-groups]
dev = ["d>=1", {include-group = "x"}]
[tool.poetry.group.test.dependencies]
python = "^3.11"
"e-f" = {version = "1"}
[tool.ruff]
select = ["g"]
"""
CONDA = """dependencies:
  - python=3.11
  - conda-forge::numpy>=1
  - pip:
    - a==1
"""
FORMS = {
    "pyproject.toml": (PYPROJECT, {"a": 4, "c": 5, "d": 9, "e-f": 12}),
    "Pipfile": ('[[source]]\nname = "pypi"\n[packages]\na = "*"\n[dev-packages]\n"b" = "*"\n', {"a": 4, "b": 6}),
    "environment.yml": (CONDA, {"python": 2, "numpy": 3, "a": 5}),
    "dev.in": ("A.B==1\nhttps://example.org/x.whl\n--hash=sha256:1\nc;python_version<'3'\n", {"a-b": 1, "c": 4}),
    "setup.cfg": ("[options]\ninstall_requires =\n    a>=1\n    b\n", {"install-requires": 2, "a": 3, "b": 4}),
    "uv.lock": ('[[package]]\nname = "a"\ndependencies = [{ name = "b" }]\n', {}),
    "setup.py": ("a = 1\n", {}),
}


@pytest.mark.parametrize("name", FORMS)
def test_each_form_names_its_packages(tmp_path: Path, name: str):
    """A package is found on its line in each form of file; comments, hashes and other tables name none."""
    content, expected = FORMS[name]
    (tmp_path / name).write_text(content)
    found = declared_names([tmp_path / name], tmp_path)
    assert found == {package: [f"{name}:{line}"] for package, line in expected.items()}
