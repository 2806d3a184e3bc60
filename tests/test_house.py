"""The house rules for files that no linter checks."""

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import appliance
from tests.parsed_files import nodes
from tools import sides

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "appliance"
TESTS = ROOT / "tests"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEST_MODULES = sorted(path for path in TESTS.rglob("test_*.py") if TESTS / "apps" not in path.parents)
PROJECT_SIDE = {each if (PACKAGE / each).is_dir() else f"{each}.py" for each in ("worker", "server", *sides.both())}


def name(path):
    """A path as this repository's."""
    return str(path.relative_to(ROOT))


def imported(path):
    """The absolute imports of a module, by their top-level names."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


def test_the_projects_side_needs_only_the_standard_library():
    """Code of the project's interpreter, or of a process alone, imports the standard library and its siblings only."""
    alone = {"healthcheck.py", "__init__.py"}
    paths = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in alone | PROJECT_SIDE]
    others = {name(path): set(imported(path)) - sys.stdlib_module_names for path in paths}
    assert {path: modules for path, modules in others.items() if modules} == {}


@pytest.mark.parametrize("path", [PACKAGE / "healthcheck.py", PACKAGE / "__init__.py"], ids=name)
def test_what_stands_alone_imports_no_sibling(path):
    """The health check is one file, and the package's own module imports nothing of ours."""
    assert not [node for node in nodes(path) if isinstance(node, ast.ImportFrom) and node.level]


def test_modules_are_short():
    """No module, of ours or of the tests, has over 400 lines, and half of ours have under 200."""
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in [*MODULES, *TEST_MODULES]}
    assert {path: length for path, length in lengths.items() if length > 400} == {}
    assert statistics.median(lengths[name(path)] for path in MODULES) < 200


def lines_of(node):
    """How many lines a node of the syntax tree has."""
    return node.end_lineno - node.lineno + 1


def test_functions_are_short():
    """No function has 50 lines or more, with its signature and without its docstring."""
    long = []
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                opening = node.body[0]
                prose = lines_of(opening) if ast.get_docstring(node) is not None else 0
                if lines_of(node) - prose >= 50:
                    long.append(f"{name(path)}: {node.name}")
    assert long == []


def test_each_banned_name_says_where_it_is_allowed():
    """The message of each banned name lists exactly the modules and folders whose lines are excused from the ban."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    banned = tool["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    excused = [
        (name(path), line)
        for path in MODULES
        for line in path.read_text(encoding="utf-8").splitlines()
        if "noqa: TID251" in line
    ]
    for api, ban in banned.items():
        allowed = re.findall(r"appliance/[\w/]+(?:\.py)?", ban["msg"])
        users = {path for path, line in excused if re.search(rf"\b{re.escape(api)}\b", line)}
        assert {path for path in users if not path.startswith(tuple(allowed))} == set(), api
        assert [place for place in allowed if not any(path.startswith(place) for path in users)] == [], api


def test_only_the_projects_side_runs_code_that_it_has_read():
    """No module of our side, or of the stand-in's, calls ``exec``, ``eval``, ``compile`` or ``__import__``."""
    runs = {
        (path.relative_to(PACKAGE).parts[0], node.func.id)
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"exec", "eval", "compile", "__import__"}
    }
    assert runs == {("worker", "exec"), ("worker", "compile"), ("worker", "__import__")}


def test_names_mean_something():
    """No module is called after nothing: utils, helpers, common, core, base, manager."""
    nothing = {"utils", "util", "helpers", "common", "core", "base", "manager", "misc"}
    assert [name(path) for path in MODULES if path.stem in nothing] == []


def test_each_test_says_what_must_hold():
    """Each test has a docstring of one sentence, whose subject is named: it can be read without the test's name."""
    silent = []
    for path in TEST_MODULES:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                said = ast.get_docstring(node) or ""
                if not said.rstrip().endswith(".") or re.match(r"(?:It|They|Those|Who)\b", said):
                    silent.append(f"{name(path)}: {node.name}")
    assert silent == []


def test_names_of_tests_have_three_words():
    """The name of each test says what holds, so that it can be understood without its file."""
    short = [
        f"{name(path)}: {node.name}"
        for path in TEST_MODULES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef) and re.fullmatch(r"test_[^_]+(_[^_]+)?", node.name)
    ]
    assert short == []


def test_test_files_have_names_of_their_own():
    """Two test files never share a name, because folders of tests are not packages."""
    stems = [path.stem for path in TEST_MODULES]
    assert sorted(stems) == sorted(set(stems))


# -- the image's files ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dockerfile():
    """The Dockerfile without its comments."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("word", ["--link", "<<", "--start-interval", "--parents", "--exclude", "--mount", "--chmod"])
def test_engine_20_10_builds_it(dockerfile, word):
    """Nothing in the Dockerfile is newer than engine 20.10, or asks for BuildKit, its option there."""
    assert word not in dockerfile


def test_the_dockerfile_has_no_syntax_line():
    """No ``# syntax=`` line: the build would have to pull a front end."""
    assert not re.search(r"^#\s*syntax\s*=", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_compose_file_has_no_start_interval():
    """The compose file names no start_interval, which engine 20.10 refuses."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert not [service for service in services.values() if "start_interval" in service.get("healthcheck", {})]


def test_the_base_is_an_argument(dockerfile):
    """All stages use the same base, which a build argument names; further Pythons too, unless they are asked for."""
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    further = [f"${{PYTHON_3_{minor}:-${{PYTHON}}}}" for minor in range(10, 15)]
    assert bases == ["${EXTRA_PYTHON}", "${EXTRA_PYTHON_2}", *further, "${PYTHON}", "${PYTHON}", "slim", "slim"]
    # Only BuildKit, which makes no stage that is not asked for, is told to take them.
    assert re.findall(r"^ARG PYTHON_3_\d+=(.*)$", dockerfile, re.MULTILINE) == [
        f"${{TARGETARCH:+python:3.{minor}-slim}}" for minor in range(10, 15)
    ]
    assert re.findall(r"^ARG EXTRA_PYTHON\w*=(.*)$", dockerfile, re.MULTILINE) == ["${PYTHON}"] * 2
    assert re.search(r"^ARG PYTHON=python:3\.\d+-slim$", dockerfile, re.MULTILINE)


def test_the_label_is_the_version(dockerfile):
    """The image's version is the package's."""
    assert f'image.version="{appliance.__version__}"' in dockerfile


def test_what_the_image_copies_is_sent(dockerfile):
    """Each thing that the Dockerfile copies from the context is let through by .dockerignore."""
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
        for source in sources.split():
            path = source.replace("[t]", "t")  # a pattern, so that it may be missing
            assert path in let_through or path.split("/")[0] in let_through


# -- the project's files ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def metadata():
    """Return the contents of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked(lock):
    """The versions of a lock, by name."""
    lines = (ROOT / "locks" / f"{lock}.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ")[0].split("==") for line in lines if line and not line.startswith(" "))


def test_every_dependency_is_locked(metadata):
    """The lock of an environment has one exact version, within what pyproject.toml asks for, of each name in it."""
    groups = metadata["dependency-groups"]
    plain = {name: [each for each in group if isinstance(each, str)] for name, group in groups.items()}
    asked = {
        "appliance": metadata["project"]["dependencies"],
        **{name: plain[name] for name in ("build", "debugger", "fuzz", "mutants", "browser")},
    }
    apart = {"fuzz", "mutants", "browser"}
    asked["develop"] = list(
        chain(metadata["project"]["dependencies"], *(plain[name] for name in plain if name not in apart))
    )
    for lock, requirements in asked.items():
        pins = locked(lock)
        for requirement in map(Requirement, requirements):
            assert requirement.specifier.contains(pins[requirement.name.lower()]), (lock, requirement)


@pytest.mark.parametrize("lock", ["appliance", "build", "debugger"])
def test_the_image_and_the_tests_have_one_lock(lock):
    """The image installs the releases that the tests run with."""
    assert locked(lock).items() <= locked("develop").items()


@pytest.mark.parametrize("path", sorted((ROOT / "locks").glob("*.txt")), ids=name)
def test_every_lock_has_hashes(path):
    """Each version of a lock has the hashes of its files, so that nothing else can be installed."""
    entries = re.split(r"^(?=\S)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def tracked():
    """The text files of the repository, by name, and what they hold."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not run: this is not a git checkout")
    for path in map(ROOT.joinpath, filter(None, listed.stdout.split("\0"))):
        if path.is_file():
            yield name(path), path.read_text(encoding="utf-8", errors="replace")


def test_no_file_knows_where_it_was_written():
    """No tracked file names a path of one machine, or the host of a package index."""
    machine = re.compile(r"(?<![\w.])/(?:work|farm|root)/|pythonhosted|pypi\.org/simple|npmjs\.(?:org|com)")
    found = [path for path, text in tracked() if path != name(Path(__file__)) and machine.search(text)]
    assert found == []


def test_only_ci_knows_the_engine_beside_the_checkout():
    """The script that brings up an engine is named in .ci/run alone: a clone, where CI has put one, lacks it."""
    assert [path for path, text in tracked() if "shared/" + "engine" in text] == [".ci/run"]


def tasks():
    """The tasks that ``make`` lists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "examples/hello/page.html", ".ci/run"])
def test_the_tasks_that_are_documented_exist(path):
    """Each ``make TASK`` that a reader is told is one that the Makefile has."""
    text = (ROOT / path).read_text(encoding="utf-8")
    assert set(re.findall(r"(?:^\s*|`|<code>|\$ )make ([a-z]+)\b", text, re.MULTILINE)) <= tasks()


def test_contributors_are_told_every_task():
    """CONTRIBUTING.md speaks of each task of the Makefile but the ones that are for users."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert {task for task in tasks() if f"make {task}" not in text} <= {"help"}
