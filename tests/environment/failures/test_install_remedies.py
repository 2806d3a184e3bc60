"""Each remedy for a failed build is followed exactly, and then the project is installed.

The words of the builds are what real packages printed in the image: see ``builds/``. A stand-in of the package
says them again, to the real installer.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.dependencies.manifest_search import read_manifest
from appliance.environment.failures.build_libraries import IN_FULL
from appliance.environment.failures.uv_errors import failure
from appliance.environment.installer import installer
from appliance.environment.plan import plan
from appliance.environment.python.interpreter import Interpreter, Known
from appliance.environment.python.python_choice import Subject, after_failure
from appliance.environment.python.pythons import SERVED, find_python
from appliance.errors import InstallError
from tests.package_index import BACKEND, OLD_BACKEND, Shop, wheel
from tests.thorough import one_in

BUILDS = Path(__file__).parent / "builds"
OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
_FAILING_BACKEND = """\
import pathlib, sys

def build_wheel(*_, **__):
    sys.stderr.write((pathlib.Path(__file__).parent / "words.txt").read_text())
    raise SystemExit(1)
"""


def unbuildable(shop: Shop, build: str) -> tuple[str, str]:
    """Put a package that says these words when it is built into the shop's index; its name and version."""
    words = (BUILDS / f"{build}.txt").read_text()
    found = re.search(r"build `([\w.-]+)==([^`]+)`", words)
    assert found
    name, version = found[1], found[2]
    said = "".join(line for line in words.splitlines(keepends=True) if not re.match(r"error:|  cause:|hint:", line))
    if "TOML parse error" in words:  # the cause is uv's own
        said = words
    shop.sdist(
        name,
        version,
        {
            "pyproject.toml": BACKEND,
            "backend.py": _FAILING_BACKEND,
            "words.txt": said,
            "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n",
        },
    )
    return name, version


def failed(shop: Shop) -> InstallError:
    """The error of an installation that fails."""
    with pytest.raises(InstallError) as caught:
        shop.install()
    return caught.value


def error_of(shop: Shop, build: str, image: str = "") -> InstallError:
    """The error for these words, as the installer would say them; what that makes of them has a test of its own."""
    words = (BUILDS / f"{build}.txt").read_text().splitlines()
    files = [shop.root / name for name in ("requirements.txt",)]
    return failure(words, 1, "", files, image, shop.root)


def follow_in_files(shop: Shop, action: str) -> None:
    """Follow the advice in the project's files."""
    edit = re.search(r"[Rr]eplace '([^']+)' with (\S+) in ([\w./-]+)(?=[.:])", action)
    assert edit, action
    file = shop.root / edit[3].rstrip(".")
    text = file.read_text()
    assert edit[1] in text
    file.write_text(text.replace(edit[1], edit[2]))


@pytest.mark.parametrize(
    ("build", "instead"),
    one_in(
        2,
        [
            ("slim-psycopg2-2.9.9", "psycopg2-binary"),
            ("full-psycopg2-2.9.9", "psycopg2-binary"),
            ("full-psycopg2-2.8.6", "psycopg2-binary"),
            ("slim-pycrypto-2.6.1", "pycryptodome"),
            ("slim-psycopg-c-3.1.18", "psycopg[binary]"),
            ("slim-dlib-19.22.0", "dlib-bin"),
            ("slim-mysql-python-1.2.5", "mysqlclient"),
        ],
    ),
)
def test_a_wheel_under_another_name_is_offered(shop: Shop, build: str, instead: str):
    """If the same module comes as a wheel under another name, it is named, and installed once it is written."""
    name, version = unbuildable(shop, build)
    wheel(shop.wheels, instead.partition("[")[0].replace("-", "_"), "3.0")
    shop.write("requirements.txt", f"toaster\n{name}=={version}\n")
    error = error_of(shop, build)
    assert error.details["line"] == 2
    follow_in_files(shop, error.action)
    shop.install()
    assert shop.versions()[instead.partition("[")[0].replace("-", "_")] == "3.0"


@pytest.mark.parametrize("build", ["slim-psycopg2-2.9.9", "full-gevent-1.4.0", "slim-orjson-3.6.0"])
def test_the_real_installers_words_are_understood_as_the_builds(shop: Shop, build: str):
    """A build's words in the real installer's output are understood as the words themselves are."""
    shop.alone()
    name, version = unbuildable(shop, build)
    shop.write("requirements.txt", f"{name}=={version}\n")
    error, same = failed(shop), error_of(shop, build)
    assert error.found.partition(" (")[0] == same.found.partition(" (")[0]
    assert error.action.startswith(same.action)


@pytest.mark.whole
@pytest.mark.parametrize(
    ("build", "why"),
    one_in(  # each reason once in the short form
        2,
        [
            ("slim-fabric-1.0", "written for Python 2"),
            ("slim-pylibmc-1.6.1", "needs Python 3.10 or older"),
            ("full-gevent-1.4.0", "needs Python 3.10 or older"),
            ("slim-markupsafe-1.0", "needs Python 3.10 or older"),
            ("slim-flask-limiter-1.0.1", "needs Python 3.11 or older"),
            ("slim-pymongo-2.4.1", "needs Python 3.11 or older"),
            ("slim-pillow-8.0.1", "needs Python 3.12 or older"),
            ("slim-numpy-1.19.5", "needs Python 3.11 or older"),
            ("slim-orjson-3.6.0", "inner workings"),
            ("full-typed-ast-1.4.0", "inner workings"),
        ],
    ),
)
def test_a_newer_release_is_asked_for_and_installed(shop: Shop, build: str, why: str):
    """A release that is too old for this Python needs no compiler: a newer one is asked for, and installed."""
    shop.alone()
    name, version = unbuildable(shop, build)
    wheel(shop.wheels, name.replace("-", "_"), "99.0")
    shop.write("requirements.txt", f"{name}=={version}\n")
    error = error_of(shop, build)
    assert why in error.found
    assert "build-essential" not in error.action
    follow_in_files(shop, error.action)
    shop.install()
    assert shop.versions() == {name.replace("-", "_"): "99.0"}


@pytest.mark.parametrize(
    ("build", "image", "packages"),
    [
        ("slim-mysqlclient-2.1.1", "slim", ""),
        ("slim-lxml-4.6.3", "slim", ""),
        ("slim-misaka-2.1.1", "slim", ""),
        ("slim-gdal-3.6.2", "slim", "build-essential libgdal-dev"),
        ("slim-pycairo-1.20.0", "slim", "build-essential libcairo2-dev pkg-config"),
        ("slim-pycurl-7.44.1", "slim", "build-essential libcurl4-openssl-dev libssl-dev"),
        ("slim-pyodbc-4.0.30", "slim", "build-essential unixodbc-dev"),
        ("slim-python-ldap-3.4.0", "slim", "build-essential libldap2-dev libsasl2-dev"),
        ("slim-xmlsec-1.3.12", "slim", "build-essential pkg-config libxml2-dev libxmlsec1-dev libxmlsec1-openssl"),
        ("full-pycairo-1.20.0", "full", "libcairo2-dev"),
        ("full-pygraphviz-1.7", "full", "libgraphviz-dev"),
        ("full-pyodbc-4.0.30", "full", "unixodbc-dev"),
        ("full-python-ldap-3.4.0", "full", "libldap2-dev libsasl2-dev"),
        ("full-xmlsec-1.3.12", "full", "libxmlsec1-dev libxmlsec1-openssl"),
        ("slim-python-ldap-3.4.0", "", "build-essential libldap2-dev libsasl2-dev"),
    ],
)
def test_a_missing_build_tool_is_named_with_the_line_that_brings_it(shop: Shop, build: str, image: str, packages: str):
    """A missing tool is read from the build's words; the line names its package, where the appliance runs."""
    action = error_of(shop, build, image).action
    if image and packages:
        assert f"RUN apt-get update && apt-get install -y {packages}\\n' | docker build -t wsgi-appliance -" in action
    elif packages:
        assert action.endswith(f"apt-get install -y {packages}")
    else:
        assert "docker build --target full -t wsgi-appliance /path/to/wsgi-appliance" in action


@pytest.mark.whole
def test_a_uv_lock_is_changed_by_uv_alone(shop: Shop):
    """A uv.lock is changed by uv alone: its commands are named, and their result is installed."""
    name, version = unbuildable(shop, "slim-psycopg2-2.9.9")
    other, old = unbuildable(shop, "slim-pymongo-2.4.1")
    wheel(shop.wheels, "psycopg2_binary", "3.0")
    wheel(shop.wheels, "pymongo", "99.0")
    shop.write(
        "pyproject.toml",
        '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.10"\n'
        f'dependencies = ["{name}=={version}", "{other}=={old}"]\n',
    )
    environment = {**shop.values, "PATH": f"{Path(sys.prefix, 'bin')}:/usr/bin:/bin", "UV_PYTHON": sys.executable}
    environment["UV_CACHE_DIR"] = str(shop.cache / "uv")

    def run(command: str) -> None:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=shop.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr

    shop.alone()
    run("uv lock")
    seen = set()
    for _ in range(2):
        action = failed(shop).action
        command = re.search(r"uv (?:add|remove) .*?(?= Or:|\Z)", action)
        assert command, action
        seen.add(command[0])
        run(command[0])
    assert seen == {
        "uv remove --no-sync psycopg2 && uv add --no-sync 'psycopg2-binary'",
        "uv add --no-sync 'pymongo>2.4.1'",
    }
    assert shop.install().source == "uv.lock"
    assert set(shop.versions()) == {"psycopg2_binary", "pymongo", "shop"}


@pytest.mark.whole
@pytest.mark.parametrize(
    ("lock", "files", "words"),
    [
        ("poetry.lock", {}, "poetry update pymongo"),
        (
            "poetry.lock",
            {"pyproject.toml": '[tool.poetry.dependencies]\npymongo = "2.4.1"\n'},
            "poetry add pymongo@latest",
        ),
        ("Pipfile.lock", {"Pipfile": "[packages]\n"}, "pipenv upgrade pymongo"),
        ("Pipfile.lock", {"Pipfile": '[packages]\npymongo = "==2.4.1"\n'}, "pipenv install 'pymongo>2.4.1'"),
    ],
)
def test_locks_of_poetry_and_pipenv_are_changed_by_their_own_tools(
    shop: Shop, lock: str, files: dict[str, str], words: str
):
    """Poetry's and Pipenv's locks are theirs: what the project asks for is added, the rest brought up to date."""
    unbuildable(shop, "slim-pymongo-2.4.1")
    shop.alone()
    text = '[[package]]\nname = "pymongo"\nversion = "2.4.1"\n'
    shop.write(lock, text if lock == "poetry.lock" else '{"_meta": {}, "default": {"pymongo": {"version": "==2.4.1"}}}')
    for name, content in files.items():
        shop.write(name, content)
    assert f"Use a newer release of it: {words}" in failed(shop).action


@pytest.mark.parametrize(
    ("asked", "image", "words"),
    [
        ("", "full", "Or: run the project on Python 3.11: APPLIANCE_PYTHON=3.11"),
        ("", "slim", "APPLIANCE_PYTHON=3.11. Build the image that has Python 3.10 to 3.14"),
        (">=3.9,<3.11", "full", "APPLIANCE_PYTHON=3.10"),
        (f">={SERVED[0]}", "full", ""),
    ],
)
def test_an_older_python_is_offered_if_the_projects_range_admits_it(shop: Shop, asked: str, image: str, words: str):
    """The last Python on which a release can be built is offered where the project's own range admits it."""
    shop.alone()
    unbuildable(shop, "slim-pymongo-2.4.1")
    shop.write("requirements.txt", "pymongo==2.4.1\n")
    program = installer(shop.values, shop.cache, shop.root, shop.lines.append, -1)
    error = failure((BUILDS / "slim-pymongo-2.4.1.txt").read_text().splitlines(), 1, "", (), image)
    if asked:
        shop.write("pyproject.toml", f'[project]\nname = "s"\nversion = "1"\nrequires-python = "{asked}"\n')
    manifest = read_manifest(shop.root)
    values = {**shop.values, "APPLIANCE_IMAGE": image}
    with pytest.raises(InstallError) as caught:
        after_failure(
            Subject(shop.root, shop.settings, values, manifest), Interpreter(OWN, None, ""), Known(), error, program
        )
    assert words in caught.value.action
    assert words or "APPLIANCE_PYTHON" not in caught.value.action
    offered = [need["version"] for need in caught.value.needs if need["kind"] == "use-python"]
    assert offered == re.findall(r"APPLIANCE_PYTHON=(3\.\d+)", words)[:1]


@pytest.mark.whole
def test_an_installed_older_python_is_used_without_being_asked_for(shop: Shop):
    """A package that only an older Python can build is built on the newest such one here, without being asked."""
    older = [version for version in SERVED if version < "3.11" and find_python(version, shop.cache, shop.values)]
    if OWN < "3.11" or not older:
        pytest.skip("not run: this machine has no other Python that is old enough")
    shop.sdist("legacy", "1.0", {"pyproject.toml": BACKEND, "backend.py": OLD_BACKEND})
    shop.write("requirements.txt", "legacy==1.0\n")
    shop.install()
    planned = shop.plan()
    assert planned.installed
    assert planned.because == "legacy==1.0 can't be built on a Python newer than 3.10"
    assert planned.interpreter.startswith(older[0])
    assert plan(shop.root, shop.settings, shop.values) == planned


@pytest.mark.whole
@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "Pipfile.lock",
            ('{"_meta": {}, "default": {"toaster": {"version": "==1.0"}},'
            ' "develop": {"pymongo": {"version": "==2.4.1"}}}'),
        ),
        ("Pipfile", '[packages]\ntoaster = "*"\n[dev-packages]\npymongo = "*"\n'),
        ("pyproject.toml", ('[tool.poetry]\nname = "s"\n[tool.poetry.dependencies]\ntoaster = "*"\n'
         '[tool.poetry.group.dev.dependencies]\npymongo = "2.4.1"\n')),
        ("pyproject.toml", ('[project]\nname = "s"\nversion = "1"\ndependencies = ["toaster"]\n'
         '[dependency-groups]\ndev = ["pymongo"]\n')),
        ("requirements/dev.txt", "-r ../requirements.txt\npymongo\n"),
        ("requirements/dev.txt", "pymongo\n"),
    ],
)  # fmt: skip
def test_a_package_for_development_that_cannot_be_built_is_left_out(shop: Shop, name: str, text: str):
    """A package that only development needs, and that can't be built, is left out with a warning."""
    unbuildable(shop, "slim-pymongo-2.4.1")
    shop.alone()
    (shop.root / "requirements").mkdir()
    shop.write(name, text)
    if name.startswith("requirements"):
        shop.write("requirements.txt", "toaster\n")
    shop.install()
    assert set(shop.versions()) - {"s"} == {"toaster"}
    (warning,) = shop.warnings
    assert "pymongo==2.4.1 can't be installed" in warning
    assert shop.plan().installed


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "toaster\nuWSGI==2.0.18\npkg-resources==0.0.0\nenum34 ; python_version > '3'\n"),
        (
            "pyproject.toml",
            '[project]\nname = "s"\nversion = "1"\ndependencies = ["toaster", "uwsgi", "pywin32==300"]\n',
        ),
        (
            "Pipfile.lock",
            '{"_meta": {}, "default": {"toaster": {"version": "==1.0"}, "uwsgi": {"version": "==2.0.18"}}}',
        ),
        (
            "uv.lock",
            (
                'version = 1\nrequires-python = ">=3.10"\n[[package]]\nname = "s"\nversion = "1"\n'
                'source = { virtual = "." }\ndependencies = [{ name = "toaster" }, { name = "uwsgi" }]\n'
                '[[package]]\nname = "toaster"\nversion = "1.0"\nsource = { registry = "WHEELS" }\n'
                'wheels = [{ path = "toaster-1.0-py3-none-any.whl" }]\n'
                '[[package]]\nname = "uwsgi"\nversion = "2.0.18"\nsource = { registry = "WHEELS" }\n'
                'sdist = { path = "uwsgi-2.0.18.tar.gz" }\n'
            ),
        ),
    ],
)
def test_packages_of_no_use_here_are_left_out_with_one_warning_each(shop: Shop, name: str, text: str):
    """A package that can't be built and is of no use here is left out with one warning; the rest is installed."""
    if name == "uv.lock":
        shop.write("pyproject.toml", '[project]\nname = "s"\nversion = "1"\ndependencies = ["toaster", "uwsgi"]\n')
    shop.write(name, text.replace("WHEELS", str(shop.wheels)))
    shop.install()
    assert set(shop.versions()) - {"s"} == {"toaster"}
    assert shop.warnings
    assert len(shop.warnings) == len(
        re.findall(r"(?i)uwsgi==|\"uwsgi\"|pkg-resources|enum34|pywin32", text.rsplit("[[package]]", maxsplit=1)[-1])
    )
    assert all("is left out: it is" in warning for warning in shop.warnings)


def test_the_packages_of_the_full_image_are_the_dockerfiles():
    """The list of what the target full holds is the Dockerfile's own."""
    text = (Path(__file__).parents[3] / "Dockerfile").read_text()
    installed = re.search(r"(?s)FROM slim AS full.*?--no-install-recommends (.*?) &&", text)
    assert installed
    assert set(installed[1].replace("\\", " ").split()) == IN_FULL
