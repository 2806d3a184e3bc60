"""Which files say what a project depends on, and what of them matters."""

import pytest

from appliance.dependencies.manifest_search import read_manifest
from appliance.errors import InstallError
from tests.dependencies.projects import POETRY, PROJECT, SETUP, asked

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
        ({"setup.py": SETUP, "setup.cfg": "[flake8]\nmax-line-length = 100\n"}, "setup.py", FLASK),
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
def test_the_nearest_file_above_the_application_counts(read, tmp_path, files, application, source):
    """If the project's folder has none, the nearest file above its application counts, and is watched."""
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
def test_a_file_for_development_includes_the_requirements(read, files, names):
    """Test tools alone would not serve the project: the requirements that the file leaves out are included."""
    assert asked(read(files)) == names


@pytest.mark.parametrize(
    "files", [{}, {"requirements-dev.txt": "pytest"}, {"requirements/dev.txt": ""}, {"requirements.in": "-e ."}]
)
def test_needs_that_only_running_would_tell(read, files):
    """A setup.py that works out its needs is noted in the installer's progress, with what to do."""
    setup = "from setuptools import setup\nsetup(name='s', install_requires=work_out())\n"
    (note,) = read({"setup.py": setup, **files}).contents("3.13").notes
    assert "requirements.txt" in note


def test_needs_that_a_hook_of_the_build_works_out_are_noted(read):
    """Dynamic dependencies that no file shows are noted, unless another file has them; a library with such is built."""
    described = '[project]\nname = "shop"\nversion = "1"\ndynamic = ["dependencies"]\n'
    (note,) = read({"pyproject.toml": described}).contents("3.13").notes
    assert "a hook of the build" in note
    assert asked(read({"requirements/prod.txt": "flask\n"})) == FLASK
    built = read({"requirements.txt": "-e ./lib\n", "lib/pyproject.toml": described})
    assert "/lib" in built.contents("3.13").lines


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
def test_a_lock_of_uv_comes_before_all_other_files(read, tmp_path, files, sync):
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


def test_options_that_only_arguments_can_give_are_passed(read, tmp_path):
    """Uv ignores --pre and --trusted-host in a file, and takes them as arguments."""
    options = "--trusted-host index.test\n--pre  # early\n--trusted-host=other.test\n--prefer-binary\n"
    asked = ("--allow-insecure-host", "index.test", "--allow-insecure-host", "other.test", "--prerelease=allow")
    contents = read({"requirements.txt": f"{options}flask\n"}).contents("3.13")
    assert contents.arguments == ("-r", str(tmp_path / "requirements.txt"), *asked)
    assert read({"requirements.txt": f"{options}-e .\nflask\n"}).contents("3.13").arguments == asked


def test_files_that_the_setting_names_count_alone(read, tmp_path):
    """APPLIANCE_DEPENDENCIES names files, of any form, and nothing is looked for."""
    files = {"requirements.txt": "", "one.txt": "a\n", "two.txt": "b\n", "pyproject.toml": PROJECT}
    assert read(files, "one.txt", "two.txt").files[:2] == (tmp_path / "one.txt", tmp_path / "two.txt")
    assert read(files, "pyproject.toml").source == "pyproject.toml"
    assert read({"sub/poetry.lock": ""}, "sub/poetry.lock").source.endswith("poetry.lock")
    with pytest.raises(InstallError, match=r"gone\.txt, which is not there"):
        read(files, "gone.txt")
    with pytest.raises(InstallError, match=r"sub, which is a folder"):
        read(files, "sub")


@pytest.mark.parametrize("files", [{"pyproject.toml": "[tool.ruff]\n"}, {"uv.lock": "version = 1\n"}])
def test_a_named_file_that_declares_nothing_is_reported(read, files):
    """A file that the setting names and that nothing can be installed from is a warning, not silence."""
    (name,) = files
    manifest = read(files, name)
    (note,) = manifest.contents("3.13").notes
    assert (manifest.source, note.partition(":")[0]) == (name, f"APPLIANCE_DEPENDENCIES names {name}")


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


def test_extras_and_groups_are_passed_to_the_installer(read, tmp_path):
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
def test_the_digest_changes_with_what_is_installed(read, before, after, same):
    """The digest changes with what is installed, includes too, and with nothing else."""
    assert (read(before).digest == read(after).digest) is same


@pytest.mark.parametrize("name", ["pyproject.toml"])
def test_a_broken_file_is_named(read, name):
    """A pyproject.toml that can't be read is an error with its line."""
    with pytest.raises(InstallError) as caught:
        read({name: '[project]\nname = "shop\n'})
    assert name in caught.value.found
    assert "line 2" in caught.value.action


@pytest.mark.parametrize(
    ("own", "source"),
    [
        ("-r ../requirements.txt\nflask\n", "shop/requirements.txt"),
        ("-r requirements/base.txt\n", "requirements.txt, shop/requirements.txt"),
        ("flask-admin\n", "requirements.txt, shop/requirements.txt"),
        ("click\n", "requirements.txt"),
    ],
)
def test_the_applications_own_file_counts(tmp_path, own, source):
    """The application's own file counts if it includes the one of the repository, or alone names the web framework."""
    (tmp_path / "shop" / "requirements").mkdir(parents=True)
    (tmp_path / "shop" / "requirements" / "base.txt").write_text("flask\n")
    (tmp_path / "requirements.txt").write_text("click\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "shop" / "requirements.txt").write_text(own)
    manifest = read_manifest(tmp_path, application=tmp_path / "shop")
    assert manifest.source == source
    assert "click" in manifest.contents("3.13").index_query
