"""Pipenv's two files as requirement lines."""

import json

import pytest

from appliance.dependencies.dependency_selection import DependencySelection
from appliance.dependencies.formats.pipfile import pipfile_lines, pipfile_python, read_pipfile_lock
from appliance.errors import InstallError

PYPI = {"name": "pypi", "url": "https://pypi.org/pypi", "verify_ssl": True}
OURS = {"name": "ours", "url": "https://${USER}@index.test/simple", "verify_ssl": True}


def lock(folder, sources, **sections):
    file = folder / "Pipfile.lock"
    file.write_text(json.dumps({"_meta": {"sources": sources}, **sections}))
    return file


def test_pins_keep_extras_markers_and_hashes(tmp_path):
    """Pins keep their extras, markers, hashes and repositories; development packages are included."""
    tea = {"version": "==1.0", "hashes": ["sha256:aa"], "markers": "python_version >= '3.8'", "extras": ["hot"]}
    file = lock(
        tmp_path,
        [PYPI],
        default={
            "tea": tea,
            "pot": {"git": "https://x.test/pot.git", "ref": "abc"},
            "me": {"path": ".", "editable": True},
        },
        develop={"tea": {"version": "==1.0"}, "cup": {"version": "==2"}},
    )
    lines, indexes = read_pipfile_lock(file, DependencySelection())
    assert lines == [
        "tea[hot]==1.0 ; python_version >= '3.8' --hash=sha256:aa",
        "pot @ git+https://x.test/pot.git@abc",
        "-e ./.",
        "cup==2",
    ]
    assert indexes == []
    assert "cup==2" not in read_pipfile_lock(file, DependencySelection(development=False))[0]


@pytest.mark.parametrize(
    ("sources", "indexes"),
    [
        ([PYPI], []),
        ([PYPI, OURS], ["--extra-index-url https://${USER}@index.test/simple"]),
        (
            [OURS, PYPI],
            ["--index-url https://${USER}@index.test/simple", "--extra-index-url https://pypi.org/pypi"],
        ),
        (None, []),
    ],
)
def test_sources_beside_pypi_are_named(tmp_path, sources, indexes):
    """PyPI as the first is left to the installer, which may have a mirror of it; others are named."""
    assert read_pipfile_lock(lock(tmp_path, sources), DependencySelection())[1] == indexes


def test_a_broken_pipfile_lock_names_file_and_line(tmp_path):
    """File and line are named."""
    file = tmp_path / "Pipfile.lock"
    file.write_text('{\n"default": {,\n}')
    with pytest.raises(InstallError, match=r"Pipfile\.lock is not valid JSON") as caught:
        read_pipfile_lock(file, DependencySelection())
    assert "line 2" in caught.value.action


def test_a_pipfile_without_a_lock_gives_its_packages_and_python():
    """A Pipfile without a lock gives its packages, those for development, and its Python."""
    data = {"packages": {"tea": "*"}, "dev-packages": {"cup": ">=1"}, "requires": {"python_version": "3.12"}}
    assert pipfile_lines(data, DependencySelection())[0] == ["tea", "cup>=1"]
    assert pipfile_lines(data, DependencySelection(development=False))[0] == ["tea"]
    assert pipfile_python(data) == "3.12"
