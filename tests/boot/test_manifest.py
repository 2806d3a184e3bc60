"""Which files say what a project depends on, and what of them matters."""

import pytest

from appliance.boot.manifest import read_manifest
from appliance.errors import InstallError

PROJECT = '[project]\nname = "shop"\nversion = "1"\n'


@pytest.fixture
def read(tmp_path):
    """``read({"requirements.txt": ".."}, "named.txt")``: the manifest of such a project."""

    def read(files, *named):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return read_manifest(tmp_path, named)

    return read


@pytest.mark.parametrize(
    ("files", "form", "source"),
    [
        ({}, "none", "none"),
        ({"requirements.txt": ""}, "requirements", "requirements.txt"),
        ({"requirements.txt": "", "requirements/dev.txt": ""}, "requirements", "requirements/dev.txt"),
        ({"requirements/base.txt": "", "requirements/prod.txt": ""}, "requirements", "requirements/base.txt"),
        ({"requirements": "flask\n"}, "requirements", "requirements"),
        ({"uv.lock": "", "pyproject.toml": PROJECT, "requirements.txt": ""}, "lock", "uv.lock"),
        ({"uv.lock": "", "requirements.txt": ""}, "requirements", "requirements.txt"),
        ({"pyproject.toml": PROJECT, "requirements.txt": ""}, "requirements", "requirements.txt"),
        ({"pyproject.toml": PROJECT}, "pyproject", "pyproject.toml"),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, "none", "none"),
        ({"pyproject.toml": '[dependency-groups]\ndev = ["flask"]\n'}, "pyproject", "pyproject.toml"),
        (
            {
                "pyproject.toml": '[project]\nname = "s"\ndynamic = ["dependencies"]\n'
                '[tool.setuptools.dynamic]\ndependencies = {file = ["needs.in"]}\n',
                "needs.in": "flask\n",
            },
            "requirements",
            "needs.in",
        ),
        ({"backend/requirements.txt": "", "frontend/package.json": ""}, "requirements", "backend/requirements.txt"),
        ({"a/requirements.txt": "", "b/requirements.txt": ""}, "none", "none"),
    ],
)
def test_the_order_of_forms(read, files, form, source):
    """One form counts; a lock before requirements, those before a pyproject.toml."""
    manifest = read(files)
    assert (manifest.form, manifest.source) == (form, source)


def test_what_is_named_counts_alone(read, tmp_path):
    """APPLIANCE_DEPENDENCIES names files, of any form, and nothing is looked for."""
    files = {"requirements.txt": "", "one.txt": "a\n", "two.txt": "b\n", "pyproject.toml": PROJECT}
    assert read(files, "one.txt", "two.txt").files == (tmp_path / "one.txt", tmp_path / "two.txt")
    assert read(files, "pyproject.toml").form == "pyproject"
    with pytest.raises(InstallError, match=r"gone\.txt"):
        read(files, "gone.txt")


def test_the_project_itself_brings_its_pyproject(read, tmp_path):
    """A requirements file with ``-e .[dev]`` installs what pyproject.toml says, with that extra."""
    manifest = read({"requirements.txt": "-e .[dev]\n", "pyproject.toml": PROJECT})
    assert (manifest.pyproject, manifest.extras) == (True, ("dev",))
    assert tmp_path / "pyproject.toml" in manifest.files


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ({"requirements.txt": "flask\n"}, {"requirements.txt": "flask<4\n"}, False),
        ({"requirements.txt": "-r b.txt\n", "b.txt": "x\n"}, {"b.txt": "y\n"}, False),
        ({"requirements.txt": "-c b.txt\n", "b.txt": "x\n"}, {"b.txt": "y\n"}, False),
        ({"pyproject.toml": PROJECT}, {"pyproject.toml": PROJECT + 'dependencies = ["x"]\n'}, False),
        ({"pyproject.toml": PROJECT}, {"pyproject.toml": PROJECT + "[tool.ruff]\nline-length = 9\n"}, True),
        ({"requirements.txt": "flask\n"}, {"app.py": "import flask\n"}, True),
        ({"uv.lock": "1", "pyproject.toml": PROJECT}, {"uv.lock": "2"}, False),
    ],
)
def test_what_matters(read, before, after, same):
    """The digest changes with what is installed, includes too, and with nothing else."""
    assert (read(before).digest == read(after).digest) is same


@pytest.mark.parametrize("name", ["pyproject.toml"])
def test_a_broken_file_is_named(read, name):
    """A pyproject.toml that can't be read is an error with its line."""
    with pytest.raises(InstallError) as caught:
        read({name: '[project]\nname = "shop\n'})
    assert name in caught.value.found
    assert "line 2" in caught.value.action
