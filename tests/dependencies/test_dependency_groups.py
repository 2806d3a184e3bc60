"""Groups and extras: where they stand, what they bring, and a name that is nowhere."""

import pytest

from appliance.errors import InstallError
from tests.dependencies.projects import POETRY, PROJECT, SETUP, asked

GROUPS = """\
[dependency-groups]
dev = ["flask", {include-group = "test"}]
test = ["pytest"]
"""


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"requirements.txt": "click\n", "pyproject.toml": GROUPS}, ["group:dev"]),
        ({"pyproject.toml": PROJECT + GROUPS}, []),
        ({"pyproject.toml": PROJECT + GROUPS}, ["group:Test"]),
        ({"setup.cfg": "[metadata]\nname = x\n", "requirements.txt": "x\n", "pyproject.toml": GROUPS}, ["group:*"]),
        ({"poetry.lock": "", "pyproject.toml": POETRY + GROUPS}, []),
        ({"pyproject.toml": POETRY + GROUPS}, []),
    ],
)
def test_a_group_brings_the_groups_that_it_includes(read, files, named):
    """A group brings what it includes, in each form of dependencies that has groups."""
    if "poetry.lock" in files:
        files["poetry.lock"] = "".join(f'[[package]]\nname = "{name}"\nversion = "1"\n' for name in ("flask", "pytest"))
    contents = read(files, *named).contents("3.13")
    assert "pytest" in contents.index_query


SETUP_CFG = "[metadata]\nname = shop\n[options]\ninstall_requires =\n  click\n"
DYNAMIC = '[project]\nname = "s"\nversion = "1"\ndynamic = ["dependencies", "optional-dependencies"]\n'
FROM_FILES = (
    '[tool.setuptools.dynamic]\ndependencies = {file = ["needs.in"]}\noptional-dependencies.db = {file = ["db.in"]}\n'
)


@pytest.mark.parametrize(
    ("files", "named", "source", "names"),
    [
        ({"setup.cfg": SETUP_CFG}, [], "setup.cfg", ["click", "flask", "pytest"]),
        ({"setup.py": SETUP.replace("flask>=2", "click")}, [], "setup.py", ["click", "flask", "pytest"]),
        ({"setup.cfg": SETUP_CFG}, ["group:none", "group:test"], "setup.cfg", ["click", "pytest"]),
        ({"setup.cfg": SETUP_CFG}, ["group:none"], "setup.cfg", ["click"]),
        ({"requirements/prod.txt": "click\n"}, [], "requirements/prod.txt", ["click", "flask", "pytest"]),
        ({"environment.yml": "dependencies: [click]\n"}, [], "environment.yml", ["click", "flask", "pytest"]),
        ({"Pipfile": '[packages]\nclick = "*"\n'}, [], "Pipfile", ["click"]),
        ({"Pipfile": '[packages]\nclick = "*"\n'}, ["group:test"], "Pipfile", ["click", "pytest"]),
        ({"requirements.txt": "click\n"}, [], "requirements.txt", ["click"]),
    ],
)
def test_groups_are_added_to_the_file_beside_them(read, tmp_path, files, named, source, names):
    """A pyproject.toml that has groups alone adds them to the file that says what the project needs, and is watched."""
    manifest = read({"pyproject.toml": GROUPS, **files}, *named)
    assert manifest.source == source
    assert asked(manifest) == names
    assert ("pytest" not in names) or tmp_path / "pyproject.toml" in manifest.files


@pytest.mark.parametrize(
    ("text", "named", "names"),
    [
        (DYNAMIC + FROM_FILES + GROUPS, [], ["click", "flask", "pytest"]),
        (DYNAMIC + FROM_FILES, ["extra:db"], ["click", "psycopg"]),
        ('[tool.flit.metadata]\nmodule = "s"\nrequires = ["click"]\n' + GROUPS, [], ["click", "flask", "pytest"]),
    ],
)
def test_dependencies_in_files_beside_the_project_file_are_read(read, text, named, names):
    """Dependencies and extras that stand in other files are read from these, and the groups come too."""
    assert asked(read({"pyproject.toml": text, "needs.in": "click\n", "db.in": "psycopg\n"}, *named)) == names


@pytest.mark.parametrize(
    ("files", "named", "missing"),
    [
        ({"requirements.txt": "click\n", "pyproject.toml": PROJECT + GROUPS}, ["group:nope", "extra:no"], 2),
        ({"requirements.txt": "click\n", "pyproject.toml": PROJECT + GROUPS}, ["group:Test"], 0),
        ({"requirements.txt": "click\n"}, ["group:*", "extra:*"], 0),
        ({"pyproject.toml": PROJECT}, ["extra:no"], 1),
        ({"pyproject.toml": PROJECT + '[tool.uv]\ndev-dependencies = ["x"]\n'}, ["group:dev"], 0),
        ({"pyproject.toml": POETRY + "[tool.poetry.group.docs.dependencies]\n"}, ["group:docs", "extra:no"], 1),
        ({"setup.cfg": SETUP_CFG + "[options.extras_require]\ndb = x\n"}, ["extra:db"], 0),
        ({"Pipfile": "[packages]\n[docs]\n"}, ["group:docs", "group:no"], 1),
        ({"Pipfile.lock": '{"default": {}}', "pyproject.toml": PROJECT + GROUPS}, ["group:test"], 1),
        ({"pylock.toml": 'lock-version = "1.0"\npackages = []\n', "pyproject.toml": GROUPS}, ["group:test"], 1),
    ],
)
def test_an_unknown_extra_or_group_is_reported_and_fails_nothing(read, files, named, missing):
    """An extra or a group that was asked for and is nowhere is reported by its name, and fails nothing."""
    notes = read(files, *named).contents("3.13").notes
    assert len(notes) == missing
    assert all("APPLIANCE_DEPENDENCIES names" in note and "which" in note for note in notes)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ('dev = [{include-group = "gone"}]', "not found"),
        ('dev = [{include-group = "dev"}]', "includes itself"),
        ('dev = [{include = "x"}]', "Invalid"),
        ('dev = "flask"', "rather than a list"),
        ('dev = ["a b"]', "Expected"),
        ('dev = []\nDev = ["x"]', "Duplicate"),
    ],
)
def test_a_malformed_group_is_reported_with_its_file(read, groups, words):
    """A group that is written wrong says what is wrong with it, and in which file."""
    with pytest.raises(InstallError, match=words) as caught:
        read({"pyproject.toml": f"{PROJECT}[dependency-groups]\n{groups}\n"})
    assert caught.value.details["file"].endswith("pyproject.toml")
