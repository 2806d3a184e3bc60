"""A package is added to the file that counts, and the file keeps its form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.remedies.project_facts import after, made, project_facts

PYPROJECT = """\
# ours
[project]
name = "shop"
dependencies = [
    "flask>=3",  # web
    'requests',
]

[tool.ruff]
line-length = 100
"""

CASES = {
    "a line": ("requirements.txt", "flask\n", "flask\nPillow\n"),
    "no last line break": ("requirements.txt", "flask", "flask\nPillow\n"),
    "CRLF": ("requirements.txt", "flask\r\nrequests\r\n", "flask\r\nrequests\r\nPillow\r\n"),
    "an older line": ("requirements.txt", "pillow==1  # pictures\nflask\n", "Pillow  # pictures\nflask\n"),
    "a name that begins so": ("requirements.txt", "pillow-heif\n", "pillow-heif\nPillow\n"),
    "an array": (
        "pyproject.toml",
        PYPROJECT,
        PYPROJECT.replace("    'requests',\n", "    'requests',\n    \"Pillow\",\n"),
    ),
    "an array without a last comma": (
        "pyproject.toml",
        '[project]\nname = "a"\ndependencies = [\n  "flask"  # it [x]\n]\n',
        '[project]\nname = "a"\ndependencies = [\n  "flask",  # it [x]\n  "Pillow"\n]\n',
    ),
    "an array in one line": (
        "pyproject.toml",
        '[project]\nname = "a"\ndependencies = ["flask[async]"]\n',
        '[project]\nname = "a"\ndependencies = ["flask[async]", "Pillow"]\n',
    ),
    "an empty array": (
        "pyproject.toml",
        '[project]\nname = "a"\ndependencies = []\n\n[tool.x]\na = 1\n',
        '[project]\nname = "a"\ndependencies = ["Pillow"]\n\n[tool.x]\na = 1\n',
    ),
    "no array": (
        "pyproject.toml",
        '[project]\nname = "a"\nversion = "1"\n\n[tool.x]\na = 1\n',
        '[project]\nname = "a"\nversion = "1"\ndependencies = ["Pillow"]\n\n[tool.x]\na = 1\n',
    ),
    "Poetry": (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "*"\n\n[tool.x]\n',
        '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "*"\nPillow = "*"\n\n[tool.x]\n',
    ),
    "a comment about the next table": (
        "pyproject.toml",
        '[tool.poetry.dependencies]\r\nflask = "*"\r\n# ours\r\n\r\n# tools\r\n# more\r\n[tool.x]\r\n',
        '[tool.poetry.dependencies]\r\nflask = "*"\r\n# ours\r\nPillow = "*"\r\n\r\n# tools\r\n# more\r\n[tool.x]\r\n',
    ),
    "a Pipfile": (
        "Pipfile",
        '[packages]\nflask = "*"\n\n[requires]\npython_version = "3.11"\n',
        '[packages]\nflask = "*"\nPillow = "*"\n\n[requires]\npython_version = "3.11"\n',
    ),
    "setup.cfg": (
        "setup.cfg",
        "[metadata]\nname = a\n\n[options]\ninstall_requires =\n    flask\n    requests\n\n[flake8]\n",
        "[metadata]\nname = a\n\n[options]\ninstall_requires =\n    flask\n    requests\n    Pillow\n\n[flake8]\n",
    ),
    "conda with pip": (
        "environment.yml",
        "name: a\ndependencies:\n  - python=3.11\n  - pip:\n      - flask\n  - numpy\n",
        "name: a\ndependencies:\n  - python=3.11\n  - pip:\n      - flask\n      - Pillow\n  - numpy\n",
    ),
    "conda without pip": (
        "environment.yml",
        "name: a\ndependencies:\n- python=3.11\n- numpy\nprefix: /x\n",
        "name: a\ndependencies:\n- python=3.11\n- numpy\n- pip:\n    - Pillow\nprefix: /x\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_form_is_kept(tmp_path: Path, case: str):
    """Each form of file gets one more package, and every other byte stays."""
    file, before, expected = CASES[case]
    where = project_facts(tmp_path, file, {file: before})
    assert after(where, kind="add-dependency", packages="Pillow") == expected


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("requirements.txt", "flask==3 --hash=sha256:00\n"),
        ("pyproject.toml", '[project]\nname = "a"\ndynamic = ["dependencies"]\n'),
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", '[project]\nname = "a"\ndependencies = "flask"\n'),
        ("Pipfile", "[dev-packages]\nflask = '*'\n"),
        ("environment.yml", "dependencies: [flask]\n"),
        ("environment.yml", "dependencies:\n\t- x: [\n"),
        ("setup.cfg", "[options]\ninstall_requires = flask\n"),
        ("setup.py", "from setuptools import setup\nsetup(install_requires=['flask'])\n"),
        ("poetry.lock", "[[package]]\n"),
        ("requirements.txt", "flask\n\udcff"),
    ],
)
def test_a_dependency_file_of_unknown_form_is_left(tmp_path: Path, file: str, text: str):
    """A file with hashes, one that code works out, a broken one, a lock: nothing is offered."""
    where = project_facts(tmp_path, file)
    (tmp_path / file).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert made(where, kind="add-dependency", packages="Pillow") is None


def test_a_requirements_file_is_made_if_there_is_none(tmp_path: Path):
    """Without any file, a requirements file is made with all that is missing; never over one that is there."""
    where = project_facts(tmp_path)
    assert after(where, kind="add-dependency", packages="flask Pillow") == "flask\nPillow\n"
    (tmp_path / "requirements.txt").mkdir()
    assert made(where, kind="add-dependency", packages="flask") is None


@pytest.mark.parametrize(
    "packages", ["a; rm -rf /", "-r/etc/passwd", "a\nb", "git+https://x", "--index-url=x", "", " a"]
)
def test_a_text_that_is_not_a_packages_name_fits_no_row(tmp_path: Path, packages: str):
    """A text that is not a package's name fits no row."""
    assert made(project_facts(tmp_path), kind="add-dependency", packages=packages) is None


def test_the_last_file_has_the_projects_own(tmp_path: Path):
    """If a file for development includes another one, the included one is changed."""
    where = project_facts(tmp_path, "requirements-dev.txt, requirements.txt", {"requirements.txt": "flask\n"})
    remedy = made(where, kind="add-dependency", packages="Pillow")
    assert remedy is not None
    assert remedy.proposal.edit is not None
    assert remedy.proposal.edit.file == "requirements.txt"
    assert remedy.page()["diff"].splitlines() == [
        "--- a/requirements.txt", "+++ b/requirements.txt", "@@ -1 +1,2 @@", " flask", "+Pillow"
    ]  # fmt: skip
