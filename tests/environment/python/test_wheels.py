"""Which pins have a wheel for which Python, asked of an index; and what is settled by it."""

import json
import sys

import pytest
from packaging.tags import platform_tags

from appliance.dependencies.manifest_search import read_manifest
from appliance.environment.environment_folder import make_folders
from appliance.environment.installer import installer
from appliance.environment.plan import plan, python_choices
from appliance.environment.python.interpreter import Known
from appliance.environment.python.last_python import runs_on
from appliance.environment.python.python_choice import PythonChoices, Subject, settle
from appliance.environment.python.pythons import SERVED
from appliance.environment.python.wheels import lacking_wheels, pins_old_releases
from appliance.errors import InstallError
from appliance.identity.identity import user_cache
from appliance.protocol.record import replace
from tests.package_index import sdist, wheel

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHER = next(version for version in SERVED if version != OWN)
PLATFORM = next(iter(platform_tags()))


def tag(version):
    """The tag of a wheel that is compiled for this Python and machine."""
    short = "cp" + version.replace(".", "")
    return f"{short}-{short}-{PLATFORM}"


@pytest.fixture
def old(shop):
    """The shop with a package that was compiled for another Python alone, and one that never was."""
    for version in SERVED:
        if version != OWN:
            wheel(shop.wheels, "compiled", tag=tag(version))
    wheel(shop.wheels, "compiled", "2.0", tag=tag(OWN))
    sdist(shop.wheels, "compiled")
    sdist(shop.wheels, "never")
    wheel(shop.wheels, "stable", tag=f"cp39-abi3-{PLATFORM}")
    return shop


@pytest.fixture
def asked(old):
    """``asked(OWN, OTHER)``: what lacks a wheel for each of these, of the project as it is now."""

    def asked(*versions):
        manifest = read_manifest(old.root)
        program = installer(old.values, old.cache, old.root, old.lines.append, -1)
        return lacking_wheels(manifest.contents, versions, program)

    return asked


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "compiled==1.0\nnever==1.0  # x\ntoaster\n"),
        ("requirements.txt", "-r more/base.txt\n"),
        ("requirements.txt", "compiled<2 ; python_version > '3.0'\nhere @ file:///nowhere/x.whl\n-e .\n"),
        ("pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["compiled~=1.0", "never"]\n'),
        ("pyproject.toml", '[dependency-groups]\ndev = ["compiled==1.0"]\n'),
        ("pyproject.toml", '[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\ncompiled = "~1.0"\n'),
        ("setup.cfg", "[metadata]\nname = x\n[options]\ninstall_requires =\n  compiled == 1.0\n"),
        ("Pipfile", '[packages]\ncompiled = "==1.0"\n'),
        ("Pipfile.lock", json.dumps({"_meta": {}, "default": {"compiled": {"version": "==1.0"}}})),
        ("environment.yml", "dependencies:\n  - pip:\n    - compiled==1.0\n"),
        ("poetry.lock", '[[package]]\nname = "compiled"\nversion = "1.0"\n'),
        (
            "uv.lock",
            (
                'version = 1\n[[package]]\nname = "compiled"\nversion = "1.0"\nsource = { registry = "x" }\nwheels = ['
                f'\n{{ url = "https://x.test/compiled-1.0-{tag(OTHER)}.whl", hash = "x" }},\n]\n'
            ),
        ),
        (
            "pylock.toml",
            (
                f'lock-version = "1.0"\n[[packages]]\nname = "compiled"\nversion = "1.0"\n[[packages.wheels]]\n'
                f'name = "compiled-1.0-{tag(OTHER)}.whl"\n'
            ),
        ),
    ],
)
def test_a_pin_without_a_wheel_is_found_in_each_format(old, asked, name, text):
    """In each form of dependencies the pin without a wheel is found, and nothing is built or installed to know it."""
    old.write(name, text)
    (old.root / "more").mkdir()
    old.write("more/base.txt", "compiled==1.0\n")
    if name == "uv.lock":
        old.write("pyproject.toml", '[project]\nname = "x"\nversion = "1"\n')
    assert pins_old_releases(read_manifest(old.root).contents(OWN))
    assert asked(OWN, OTHER) == {OWN: ("compiled==1.0",), OTHER: ()}
    assert not (old.cache / "environments").exists()


@pytest.mark.parametrize(
    ("pin", "python", "runs"),
    [
        ("six==1.15.0", "3.12", False),
        ("six==1.15.0", "3.11", True),
        ("six==1.16.0", "3.13", True),
        ("django==2.2.14", "3.13", False),
        ("django==4.2", "3.13", True),
        ("flask==2.2.5", "3.14", False),
        ("django==1.11.29", "3.10", False),
        ("django==2.1", "3.10", True),
        ("werkzeug==0.14.1", "3.10", False),
        ("kettle==1", "3.15", True),
        ("six==what", "3.15", True),
    ],
)
def test_a_wheel_for_every_python_may_be_too_old(pin, python, runs):
    """A pure wheel does not say that it can't be imported on a newer Python: the table does."""
    assert runs_on(pin, python) is runs


@pytest.mark.parametrize("line", ["stable==1.0", "toaster==1.0", "compiled==2.0", "never==1.0"])
def test_other_pythons_are_not_asked_about_where_no_wheel_is_lacking(old, asked, line):
    """A wheel for every Python or for this one, or no wheel at all: then no other Python is asked about."""
    old.write("requirements.txt", line)
    found = asked(OWN, OTHER)
    assert found[OWN] == ()


def test_a_python_that_a_pinned_release_forbids_is_ruled_out(old, tmp_path):
    """A release that does not run on a Python at all rules that Python out, as the index's page says."""
    newest = SERVED[0]
    page = tmp_path / "simple" / "modern"
    page.mkdir(parents=True)
    wheel(page, "modern")
    file = "modern-1.0-py3-none-any.whl"
    page.joinpath("index.html").write_text(f'<a href="{file}" data-requires-python="&gt;={newest}">{file}</a>')
    old.write("requirements.txt", f"--index-url {page.parent.as_uri()}\nmodern==1.0\n")
    values = {name: value for name, value in old.values.items() if not name.startswith("UV_")}
    program = installer(values, old.cache, old.root, old.lines.append, -1)
    found = lacking_wheels(read_manifest(old.root).contents, ("3.10", newest), program)
    assert found == {newest: ()}


@pytest.mark.parametrize("lines", ["toaster\n", "toaster>=0.5\n# x==1\n", "", "-e .\nx @ file:///x.whl\n"])
def test_nothing_is_asked_without_old_releases(old, lines):
    """If nothing is pinned or bounded from above, there is no question."""
    old.write("requirements.txt", lines)
    assert not pins_old_releases(read_manifest(old.root).contents(OWN))


def test_wheels_are_unknown_if_the_index_does_not_answer(old):
    """Without an answer nothing is known, and the installer says why."""
    old.write("requirements.txt", "compiled==1.0\n")
    values = {**old.values, "UV_NO_INDEX": "", "UV_OFFLINE": "", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
    program = installer(values, old.cache, old.root, old.lines.append, -1)
    assert lacking_wheels(read_manifest(old.root).contents, (OWN, OTHER), program) == {}


@pytest.fixture
def settled(old, tmp_path):
    """``settled()``: what is known once it is settled, on a machine that has another Python, which is a stand-in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / f"python{OTHER}"
    file.write_text(f"#!/bin/sh\necho '[\"{file}\", {OTHER.replace('.', ', ')}, 1]'\n")
    file.chmod(0o755)
    old.values |= {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(tmp_path), "PYENV_ROOT": "/nowhere"}
    make_folders(user_cache(old.cache))
    memory = PythonChoices(user_cache(old.cache) / "environments", "memory.json")

    def settled(**values):
        manifest = read_manifest(old.root)
        program = installer({**old.values, **values}, old.cache, old.root, old.lines.append, -1)
        subject = Subject(old.root, old.settings, {**old.values, **values}, manifest)
        known = settle(subject, memory.read(), program)
        memory.write(known)
        return known, memory

    return settled


def test_the_chosen_python_is_remembered(old, settled):
    """The result is kept for these dependencies: the second time no program is asked."""
    old.write("requirements.txt", "compiled==1.0\n")
    known, memory = settled()
    assert known.lacking[OWN] == ("compiled==1.0",)
    assert memory.read() == known
    assert settled(UV_FIND_LINKS="/nowhere")[0] == known


@pytest.mark.parametrize("text", ["", "[]", "{", '{"lacking": 1}', '{"lacking": {"3.11": 3}, "unfetched": {}}', '""'])
def test_a_cache_file_of_another_form_is_ignored(old, text):
    """A file of the cache in another form is ignored, and fails nothing."""
    make_folders(user_cache(old.cache))
    environments = user_cache(old.cache) / "environments"
    (environments / "memory.json").write_text(text)
    assert PythonChoices(environments, "memory.json").read() == Known()
    assert PythonChoices(environments, "gone.json").read() == Known()


def test_the_plan_follows_what_is_remembered(old, settled):
    """Once the Python is settled, every look takes the other Python, and says which pins decided."""
    old.write("requirements.txt", "compiled==1.0\n")
    before = plan(old.root, old.settings, old.values)
    assert before.interpreter.startswith(OWN)
    known, _ = settled()
    with pytest.raises(InstallError):
        old.install()  # the stand-in makes no environment
    python_choices(old.settings, read_manifest(old.root)).write(known)
    after = plan(old.root, old.settings, old.values)
    assert after.because == f"compiled==1.0 has no wheel for Python {OWN}"
    assert after.interpreter == f"{OTHER} ({after.because})"
    assert after.environment != before.environment
    off = replace(old.settings, python=OWN)
    assert plan(old.root, off, old.values).interpreter.startswith(f"{OWN} (APPLIANCE_PYTHON")
    assert known.lacking
