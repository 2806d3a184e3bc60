"""Which files say what a project depends on, and what of them matters."""

import re
from pathlib import Path

import pytest

from appliance.dependencies.manifest import read_manifest
from appliance.environment.python.python_requirement import read_wishes
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


POETRY = '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\npython = "^3.10"\nflask = "^3"\n'
SETUP = 'from setuptools import setup\nsetup(name="shop", install_requires=["flask>=2"])\n'
FLASK = ["flask"]


@pytest.mark.parametrize(
    ("files", "source", "names"),
    [
        ({}, "none", []),
        ({"requirements.txt": "flask\n"}, "requirements.txt", FLASK),
        (
            {"requirements.txt": "click", "requirements/dev.txt": "-r ../x\nflask", "x": ""},
            "requirements/dev.txt",
            FLASK,
        ),
        ({"requirements/base.txt": "flask", "requirements/prod.txt": ""}, "requirements/base.txt", FLASK),
        ({"requirements/production.txt": "flask"}, "requirements/production.txt", FLASK),
        ({"requirements": "flask\n"}, "requirements", FLASK),
        ({"requirements-dev.txt": "flask\n"}, "requirements-dev.txt", FLASK),
        ({"requirements.in": "flask\n"}, "requirements.in", FLASK),
        ({"uv.lock": "", "requirements.txt": "flask"}, "requirements.txt", FLASK),
        ({"pyproject.toml": PROJECT, "requirements.txt": "flask"}, "requirements.txt", FLASK),
        ({"pyproject.toml": PROJECT, "Pipfile": '[packages]\nflask = "*"\n'}, "Pipfile", FLASK),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n", "setup.py": SETUP}, "setup.py", FLASK),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, "none", []),
        ({"pyproject.toml": POETRY}, "pyproject.toml", FLASK),
        ({"pyproject.toml": '[tool.flit.metadata]\nmodule = "shop"\nrequires = ["flask"]\n'}, "pyproject.toml", FLASK),
        ({"pyproject.toml": '[tool.uv]\ndev-dependencies = ["flask"]\n'}, "pyproject.toml", FLASK),
        ({"setup.cfg": "[metadata]\nname = shop\n[options]\ninstall_requires =\n  flask\n"}, "setup.cfg", FLASK),
        ({"setup.cfg": "[flake8]\nmax-line-length = 100\n"}, "none", []),
        ({"setup.py": SETUP}, "setup.py", FLASK),
        ({"environment.yml": "dependencies:\n  - python=3.11\n  - pip:\n    - flask\n"}, "environment.yml", FLASK),
        (
            {
                "pyproject.toml": '[project]\nname = "s"\ndynamic = ["dependencies"]\n'
                '[tool.setuptools.dynamic]\ndependencies = {file = ["needs.in"]}\n',
                "needs.in": "flask\n",
            },
            "pyproject.toml",
            FLASK,
        ),
        ({"backend/requirements.txt": "flask", "frontend/package.json": ""}, "backend/requirements.txt", FLASK),
        ({"server/pyproject.toml": POETRY}, "server/pyproject.toml", FLASK),
        ({"a/requirements.txt": "", "b/requirements.txt": ""}, "none", []),
    ],
)
def test_the_order_of_forms(read, files, source, names):
    """One form counts; a lock before requirements, those before a pyproject.toml; what it asks for is known."""
    manifest = read(files)
    assert manifest.source == source
    assert asked(manifest) == names


@pytest.mark.parametrize(
    ("files", "application", "source"),
    [
        ({"src/backend/requirements.txt": ""}, "src/backend", "src/backend/requirements.txt"),
        ({"src/backend/pyproject.toml": PROJECT}, "src/backend/shop/web", "src/backend/pyproject.toml"),
        ({"vote/requirements.txt": "", "worker/requirements.txt": ""}, "vote", "vote/requirements.txt"),
        ({"a/requirements.txt": "", "a/b/requirements.txt": ""}, "a/b/c", "a/b/requirements.txt"),
        ({"requirements.txt": "", "vote/requirements.txt": ""}, "vote", "requirements.txt"),
        ({"pyproject.toml": "[tool.ruff]\n", "vote/requirements.txt": ""}, "vote", "vote/requirements.txt"),
        (
            {"b/requirements/dev.txt": "", "b/requirements/main.txt": ""},
            "b",
            "b/requirements/dev.txt, b/requirements/main.txt",
        ),
        ({"backend/requirements.txt": ""}, "site", "backend/requirements.txt"),
        ({"a/requirements.txt": "", "b/requirements.txt": ""}, ".", "none"),
        ({"a/requirements.txt": "", "b/requirements.txt": ""}, "/usr/lib", "none"),
    ],
)
def test_the_folder_of_the_application(read, tmp_path, files, application, source):
    """Where the project's folder says nothing, the nearest above its application does, and it is watched."""
    read(files)
    manifest = read_manifest(tmp_path, application=tmp_path / application)
    assert manifest.source == source
    assert manifest.files == tuple(tmp_path / name for name in source.split(", ") if name != "none")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"requirements/dev.txt": "pytest", "requirements/base.txt": "flask"}, ["pytest", "flask"]),
        ({"requirements/dev.txt": "pytest", "requirements.txt": "flask"}, ["pytest", "flask"]),
        ({"requirements/dev.txt": "pytest", "requirements/main.txt": "flask"}, ["pytest", "flask"]),
        ({"requirements/dev.txt": "pytest", "requirements/prod.txt": "flask"}, ["pytest", "flask"]),
        (
            {"requirements/development.txt": "pytest", "requirements/deploy.txt": "x", "requirements/main.txt": "y"},
            ["pytest", "y"],
        ),
        ({"requirements/dev.txt": "-r main.txt", "requirements/main.txt": "flask", "requirements/prod.txt": "x"}, []),
        ({"requirements-dev.txt": "pytest", "requirements-base.txt": "flask"}, ["pytest", "flask"]),
        ({"requirements_dev.txt": "pytest", "requirements_prod.txt": "flask"}, ["pytest", "flask"]),
        ({"dev-requirements.txt": "pytest", "main-requirements.txt": "flask"}, ["pytest", "flask"]),
        ({"requirements-dev.txt": "pytest", "requirements-base.txt": "flask", "setup.py": SETUP}, ["pytest", "flask"]),
        ({"requirements/dev.txt": "-r b.txt\nflask", "requirements/b.txt": "x", "requirements.txt": "y"}, FLASK),
        ({"requirements-dev.txt": "pytest", "setup.py": SETUP}, ["pytest", "flask"]),
        ({"requirements-dev.txt": "-e .", "setup.py": SETUP}, FLASK),
        ({"requirements.txt": "pytest", "setup.py": SETUP}, ["pytest"]),
    ],
)
def test_a_file_for_development_alone(read, files, names):
    """Test tools without the project's own needs would not serve it: what the file leaves out comes along."""
    assert asked(read(files)) == names


@pytest.mark.parametrize(
    "files", [{}, {"requirements-dev.txt": "pytest"}, {"requirements/dev.txt": ""}, {"requirements.in": "-e ."}]
)
def test_needs_that_only_running_would_tell(read, files):
    """A setup.py that works out its needs is said in the installer's progress, with what to do."""
    setup = "from setuptools import setup\nsetup(name='s', install_requires=work_out())\n"
    (note,) = read({"setup.py": setup, **files}).contents("3.13").notes
    assert "requirements.txt" in note


def asked(manifest):
    """The names that are asked for, in lines or in the files that the installer is given."""
    contents = manifest.contents("3.13")
    files = [word for word in contents.arguments if not word.startswith("-")]
    lines = "\n".join([contents.lines, *(Path(file).read_text() for file in files)])
    return re.findall(r"(?m)^\w+", lines)


@pytest.mark.parametrize(
    ("files", "sync"),
    [
        ({"uv.lock": "", "pyproject.toml": PROJECT, "requirements.txt": ""}, ("--no-install-project",)),
        (
            {
                "uv.lock": '[[package]]\nname = "tea"\nversion = "1"\nsource = { editable = "packages/tea" }\n',
                "pyproject.toml": PROJECT + '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
                "packages/tea/pyproject.toml": '[project]\nname = "tea"\nversion = "1"\n',
            },
            ("--no-install-project", "--no-install-package", "tea", "--all-packages"),
        ),
    ],
)
def test_a_lock_of_uv(read, tmp_path, files, sync):
    """A uv.lock comes before all; the members of its workspace are linked where they lie, and watched."""
    manifest = read(files)
    assert manifest.source == "uv.lock"
    contents = manifest.contents("3.13")
    assert contents.sync == ("--project", str(tmp_path), *sync)
    assert {tree.folder for tree in contents.trees} == {
        (tmp_path / name).parent for name in files if name.endswith("pyproject.toml")
    }
    assert set(manifest.files) == {tmp_path / name for name in files if name != "requirements.txt"}


def test_a_pylock_is_the_installers(read, tmp_path):
    """A pylock.toml is handed over as it is, and nothing more than it lists is installed."""
    contents = read({"pylock.toml": 'lock-version = "1.0"\npackages = []\n', "requirements.txt": "x"}).contents("3.13")
    assert contents.arguments == ("-r", str(tmp_path / "pylock.toml"))
    assert contents.exact


def test_what_is_named_counts_alone(read, tmp_path):
    """APPLIANCE_DEPENDENCIES names files, of any form, and nothing is looked for."""
    files = {"requirements.txt": "", "one.txt": "a\n", "two.txt": "b\n", "pyproject.toml": PROJECT}
    assert read(files, "one.txt", "two.txt").files[:2] == (tmp_path / "one.txt", tmp_path / "two.txt")
    assert read(files, "pyproject.toml").source == "pyproject.toml"
    assert read({"sub/poetry.lock": ""}, "sub/poetry.lock").source.endswith("poetry.lock")
    with pytest.raises(InstallError, match=r"gone\.txt"):
        read(files, "gone.txt")


@pytest.mark.parametrize(
    ("named", "names"),
    [
        ((), ["click", "pytest"]),
        (("extra:db",), ["click", "pytest", "psycopg"]),
        (("extra:*", "group:docs"), ["click", "pytest", "sphinx", "psycopg"]),
        (("group:none",), ["click"]),
    ],
)
def test_extras_and_groups_are_chosen(read, named, names):
    """``extra:`` and ``group:`` add to what is found, ``group:none`` leaves the development out."""
    poetry = (
        '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\nclick = "*"\n'
        'psycopg = {version = "*", optional = true}\n[tool.poetry.extras]\ndb = ["psycopg"]\n'
        '[tool.poetry.group.dev.dependencies]\npytest = "*"\n'
        '[tool.poetry.group.docs]\noptional = true\n[tool.poetry.group.docs.dependencies]\nsphinx = "*"\n'
    )
    assert sorted(asked(read({"pyproject.toml": poetry}, *named))) == sorted(names)


def test_extras_and_groups_of_the_standard(read, tmp_path):
    """The same for the standard's tables: what is chosen is the installer's to read."""
    text = PROJECT + '[project.optional-dependencies]\ndb = ["x"]\n[dependency-groups]\ndev = ["y"]\ndocs = ["z"]\n'
    file = tmp_path / "pyproject.toml"
    contents = read({"pyproject.toml": text}, "extra:db", "group:docs").contents("3.13")
    dev, docs = f"{file}:dev", f"{file}:docs"
    assert contents.arguments == ("-r", str(file), "--extra", "db", "--group", dev, "--group", docs)
    assert read({}, "group:none").contents("3.13").arguments == ("-r", str(file))
    assert asked(read({"requirements.txt": "flask\n"}, "extra:db", "group:docs")) == ["flask", "x", "z"]


def test_the_project_itself_brings_what_it_needs(read, tmp_path):
    """A requirements file with ``-e .[dev]`` installs what pyproject.toml says, with that extra."""
    text = PROJECT + 'dependencies = ["flask"]\n[project.optional-dependencies]\ndev = ["shop[hot]"]\nhot = ["tea"]\n'
    manifest = read({"requirements.txt": "-e .[dev]\n", "pyproject.toml": text})
    assert asked(manifest) == ["flask", "tea"]
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
        ({"uv.lock": "a = 1", "pyproject.toml": PROJECT}, {"uv.lock": "a = 2"}, False),
        ({"poetry.lock": "a = 1", "pyproject.toml": POETRY}, {"pyproject.toml": POETRY + 'click = "1"'}, False),
        ({"requirements.txt": "", "pyproject.toml": PROJECT}, {"pyproject.toml": PROJECT.replace("1", "2")}, False),
        ({"requirements.txt": "-e ./lib", "lib/setup.py": SETUP}, {"lib/setup.py": SETUP.replace("2", "3")}, False),
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


# Each is refused by the standard's rules, and none keeps pip or uv from a requirements file beside it.
HALF_BROKEN = (
    "[project\n", 'project = "x"\n', '[[project]]\nname = "x"\n', "[project]\nname = 1\n", "[project]\nversion = 1\n",
    '[project]\nname = "../x"\nversion = "1\\n2"\n', PROJECT + 'dependencies = "click"\n',
    PROJECT + '[project.dependencies]\nclick = "^8"\n', PROJECT + "dependencies = [1]\n",
    PROJECT + 'dependencies = ["click = ^8"]\n', PROJECT + 'optional-dependencies = ["x"]\n',
    PROJECT + 'requires-python = "^3.8"\n', PROJECT + "requires-python = 3\n", PROJECT + "[project.scripts]\nx = 1\n",
    PROJECT + '[project.entry-points]\nx = "y"\n', PROJECT + 'dynamic = "dependencies"\n', PROJECT + "dynamic = 1\n",
    PROJECT + '[dependency-groups]\ndev = "x"\n', 'dependency-groups = "x"\n', 'tool = "x"\n', 'build-system = "x"\n',
    '[tool.poetry]\nname = "s"\n[dependency-groups]\ndev = [{include-group = "no"}]\n', '[tool]\npoetry = "x"\n',
    PROJECT + "[tool.setuptools.packages.find]\nwhere = 1\n",
    PROJECT + "[tool.hatch.build.targets.wheel]\npackages = 1\n",
)  # fmt: skip


@pytest.mark.parametrize("text", HALF_BROKEN)
def test_a_half_broken_description_beside_requirements(read, text):
    """What pyproject.toml says wrong fails no project whose needs another file says; the file is watched."""
    manifest = read({"requirements.txt": "flask\n", "pyproject.toml": text})
    assert manifest.source == "requirements.txt"
    assert asked(manifest) == FLASK
    read_wishes(manifest.folder)


def test_what_could_not_be_read_is_told(read, tmp_path):
    """A pyproject.toml that is passed over is told with its reason, and looked at again when it is saved."""
    manifest = read({"requirements.txt": "flask\n", "pyproject.toml": "[project\n"})
    (note,) = manifest.contents("3.13").notes
    assert "pyproject.toml is no TOML" in note
    assert tmp_path / "pyproject.toml" in manifest.files


def test_a_line_of_poetrys_project_is_not_dropped(read):
    """A requirement that no standard knows stays among the lines: the installer says what is wrong with it."""
    text = "[tool.poetry]\npackage-mode = true\n" + PROJECT + 'dependencies = ["flask = ^3"]\n'
    assert "flask = ^3" in read({"pyproject.toml": text}).contents("3.13").lines


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
def test_a_group_that_includes_another(read, files, named):
    """A group brings what it includes, in each form of dependencies that has groups."""
    if "poetry.lock" in files:
        files["poetry.lock"] = "".join(f'[[package]]\nname = "{name}"\nversion = "1"\n' for name in ("flask", "pytest"))
    contents = read(files, *named).contents("3.13")
    assert "pytest" in contents.question


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
def test_groups_beside_another_file(read, tmp_path, files, named, source, names):
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
def test_what_files_beside_it_say(read, text, named, names):
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
def test_a_name_that_nothing_answers_to(read, files, named, missing):
    """An extra or a group that was asked for and is nowhere is told, by its name, and fails nothing."""
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
def test_groups_that_cannot_be_meant(read, groups, words):
    """A group that is written wrong says what is wrong with it, and in which file."""
    with pytest.raises(InstallError, match=words) as caught:
        read({"pyproject.toml": f"{PROJECT}[dependency-groups]\n{groups}\n"})
    assert caught.value.details["file"].endswith("pyproject.toml")


@pytest.mark.parametrize(
    ("own", "source"),
    [
        ("-r ../requirements.txt\nflask\n", "shop/requirements.txt"),
        ("-r requirements/base.txt\n", "requirements.txt"),
        ("flask\n", "requirements.txt"),
    ],
)
def test_what_includes_the_file_that_all_share(tmp_path, own, source):
    """Where the application's own file includes the one of the whole repository, it is the one that counts."""
    (tmp_path / "shop" / "requirements").mkdir(parents=True)
    (tmp_path / "shop" / "requirements" / "base.txt").write_text("flask\n")
    (tmp_path / "requirements.txt").write_text("click\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "shop" / "requirements.txt").write_text(own)
    manifest = read_manifest(tmp_path, application=tmp_path / "shop")
    assert manifest.source == source
    assert "click" in manifest.contents("3.13").question
