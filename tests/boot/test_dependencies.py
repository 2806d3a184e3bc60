"""Environments: planned from files, made whole or not at all, and what the project's processes get of them.

What is installed are wheels that the test makes: no index is asked.
"""

import base64
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from appliance.boot.dependencies import install, plan, project_environment
from appliance.boot.settings import read_settings
from appliance.errors import InstallError, InterpreterError


def wheel(folder, name, version="1.0", requires=()):
    """A wheel with one module, named like its distribution."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-cli = {name}:main\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


class Shop:
    """A project with a cache and an index of its own."""

    def __init__(self, folder, values):
        self.root = folder / "project"
        self.wheels = folder / "wheels"
        self.cache = folder / "cache"
        self.root.mkdir()
        self.wheels.mkdir()
        self.values = {
            **{name: value for name, value in values.items() if not name.startswith(("UV_", "PIP_", "VIRTUAL_"))},
            "UV_FIND_LINKS": str(self.wheels),
            "UV_NO_INDEX": "1",
            "UV_OFFLINE": "1",
        }
        flags = {"project": str(self.root), "cache": str(self.cache)}
        self.settings = read_settings(self.values, {}, flags, folder)
        self.lines = []

    def write(self, name, text):
        (self.root / name).write_text(text)

    def plan(self):
        return plan(self.root, self.settings, self.values)

    def install(self):
        install(self.plan(), self.root, self.settings, self.values, self.lines.append)
        return self.plan()

    def environment(self):
        return project_environment(self.plan(), self.settings, self.values)

    def python(self, words):
        """What a Python of the project prints."""
        done = subprocess.run(
            ["python", "-c", words],
            env=self.environment(),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def versions(self):
        """What is installed, by name."""
        words = (
            "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
        )
        return json.loads(self.python(words))


@pytest.fixture
def shop(tmp_path):
    """An empty project, and wheels of two packages, of which one needs the other."""
    shop = Shop(tmp_path, os.environ)
    wheel(shop.wheels, "kettle", requires=["toaster>=1"])
    wheel(shop.wheels, "kettle", "2.0")
    wheel(shop.wheels, "toaster")
    return shop


def test_no_dependencies_at_all(shop):
    """A project without any gets an environment all the same, in which nothing of ours can be imported."""
    assert not shop.plan().installed
    planned = shop.install()
    assert planned.installed
    assert planned.source == "none"
    assert shop.versions() == {}
    words = "import importlib.util as u; print([n for n in ('appliance', 'structlog', 'dotenv') if u.find_spec(n)])"
    assert shop.python(words) == "[]"


def test_requirements(shop):
    """Requirements are installed with what they need, bytecode and all, and the progress is told line by line."""
    shop.write("requirements.txt", "-r more.txt\n")
    shop.write("more.txt", "kettle==1.0\n")
    planned = shop.install()
    assert shop.versions() == {"kettle": "1.0", "toaster": "1.0"}
    assert planned.files == (shop.root / "requirements.txt", shop.root / "more.txt")
    assert list(planned.environment.rglob("kettle.*.pyc"))
    assert any("kettle" in line for line in shop.lines)


def test_an_installed_environment_is_not_touched(shop):
    """Nothing changed: nothing is run, and planning takes less than 50 ms."""
    shop.write("requirements.txt", "kettle\n")
    shop.install()
    shop.lines.clear()
    started = time.perf_counter()
    planned = shop.plan()
    assert time.perf_counter() - started < 0.05
    install(planned, shop.root, shop.settings, {}, shop.lines.append)
    assert shop.lines == []


def test_other_dependencies_are_another_environment(shop):
    """A change makes a new environment and leaves the old one; going back finds it whole."""
    shop.write("requirements.txt", "kettle==1.0\n")
    old = shop.install()
    shop.write("requirements.txt", "kettle==2.0\n")
    assert not shop.plan().installed
    new = shop.install()
    assert new.environment != old.environment
    assert shop.versions()["kettle"] == "2.0"
    shop.write("requirements.txt", "kettle==1.0\n")
    assert shop.plan() == old


def test_a_lock(shop):
    """A uv.lock is taken at its word: a newer version that there is now is not installed."""
    shop.write(
        "pyproject.toml",
        '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["toaster"]\n'
        '[dependency-groups]\ndev = ["kettle"]\n',
    )
    uv = str(Path(sys.prefix) / "bin" / "uv")
    command = [uv, "lock", "--python", sys.executable, "--cache-dir", str(shop.cache / "uv")]
    subprocess.run(command, cwd=shop.root, env=shop.values, check=True, capture_output=True, timeout=60)
    lock = (shop.root / "uv.lock").read_bytes()
    wheel(shop.wheels, "toaster", "3.0")
    planned = shop.install()
    assert planned.source == "uv.lock"
    assert shop.versions() == {"toaster": "1.0", "kettle": "2.0"}
    assert (shop.root / "uv.lock").read_bytes() == lock
    assert {path.name for path in shop.root.iterdir()} == {"pyproject.toml", "uv.lock"}


@pytest.mark.parametrize("requirements", [None, "-e .[hot]\n"])
def test_pyproject_is_read_and_not_built(shop, requirements):
    """The project's own dependencies are installed, it itself is not: nothing appears in its folder."""
    shop.write(
        "pyproject.toml",
        '[build-system]\nrequires = ["no-such-backend"]\nbuild-backend = "no_such_backend"\n'
        '[project]\nname = "shop"\nversion = "1"\ndependencies = ["toaster"]\n'
        '[project.optional-dependencies]\nhot = ["kettle==2.0"]\n',
    )
    if requirements:
        shop.write("requirements.txt", requirements)
    before = {path.name for path in shop.root.iterdir()}
    shop.install()
    assert shop.versions() == ({"toaster": "1.0", "kettle": "2.0"} if requirements else {"toaster": "1.0"})
    assert {path.name for path in shop.root.iterdir()} == before


def test_a_development_group(shop):
    """The group dev of a pyproject.toml is what a developer installs too."""
    shop.write("pyproject.toml", '[dependency-groups]\ndev = ["kettle==2.0"]\n')
    shop.install()
    assert shop.versions() == {"kettle": "2.0"}


def test_a_failure_has_the_installers_words(shop):
    """What can't be had is named, with the installer's own words, and nothing is taken for whole."""
    shop.write("requirements.txt", "samovar\n")
    with pytest.raises(InstallError, match="samovar") as caught:
        shop.install()
    output = caught.value.details["output"]
    assert isinstance(output, list)
    assert any("samovar" in line for line in output)
    assert not shop.plan().installed


def test_a_closed_cache_says_so(shop):
    """A cache that is no folder is an error of ours, with its path."""
    shop.cache.write_text("")
    with pytest.raises(InstallError, match="can't be written"):
        shop.install()


INSTALL = """
import os, sys
from pathlib import Path
from appliance.boot.dependencies import install, plan
from appliance.boot.settings import read_settings
values = dict(os.environ)
settings = read_settings(values, {}, {"project": sys.argv[1], "cache": sys.argv[2]}, Path.cwd())
root = settings.project
install(plan(root, settings, values), root, settings, values, lambda line: print(line, flush=True))
"""


def test_killed_in_the_middle_it_is_made_anew(shop):
    """What was killed is no whole environment; the next one waits for an orphan's end, and is whole."""
    shop.write("requirements.txt", "kettle==1.0\n")
    command = [sys.executable, "-c", INSTALL, str(shop.root), str(shop.cache)]
    with subprocess.Popen(command, env=shop.values, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        process.kill()
    assert not shop.plan().installed
    assert shop.install().installed
    assert shop.versions() == {"kettle": "1.0", "toaster": "1.0"}


def test_a_torn_environment_is_removed(shop):
    """A folder without the mark is no environment, whatever is in it."""
    shop.write("requirements.txt", "toaster\n")
    environment = shop.plan().environment
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").write_text("torn")
    assert shop.install().installed
    assert shop.versions() == {"toaster": "1.0"}


def test_two_at_a_time_are_one(shop):
    """Two installations of the same environment: one makes it, the other waits and finds it."""
    shop.write("requirements.txt", "kettle\n")
    command = [sys.executable, "-c", INSTALL, str(shop.root), str(shop.cache)]
    pair = [subprocess.Popen(command, env=shop.values, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert sum("+ kettle" in output for output in outputs) == 1


def test_install_off_uses_what_there_is(shop, tmp_path):
    """APPLIANCE_INSTALL=off: an active environment, the project's own outside the image, else the appliance's base."""
    shop.settings = dataclasses.replace(shop.settings, install="off")
    assert shop.plan().installed
    assert shop.plan().python.parent.parent != Path(sys.prefix)
    (shop.root / ".venv" / "bin").mkdir(parents=True)
    (shop.root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (shop.root / ".venv" / "pyvenv.cfg").touch()
    assert shop.plan().environment == shop.root / ".venv"
    assert shop.environment()["VIRTUAL_ENV"] == str(shop.root / ".venv")
    shop.values["APPLIANCE_IMAGE"] = "1"
    assert shop.plan().environment != shop.root / ".venv"
    shop.values["VIRTUAL_ENV"] = str(shop.root / ".venv")
    assert shop.plan().environment == shop.root / ".venv"


def test_a_python_that_cannot_be_fetched(shop):
    """Where the asked Python is not here and can't be fetched, the error names those that are here."""
    absent = "3.10" if sys.version_info[:2] != (3, 10) else "3.12"
    shop.values |= {
        "PATH": "/nowhere",
        "PYENV_ROOT": "/nowhere",
        "UV_OFFLINE": "",
        "UV_HTTP_RETRIES": "0",
        "UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9",
    }
    shop.write(".python-version", absent)
    with pytest.raises(InterpreterError) as caught:
        shop.install()
    assert absent in caught.value.found
    assert caught.value.details["available"] == [f"{sys.version_info[0]}.{sys.version_info[1]}"]


def test_the_projects_environment(shop):
    """The project's processes get its values, its environment first on PATH, a HOME, and nothing of ours."""
    shop.values |= {
        "APPLIANCE_PORT": "1",
        "PYTHONHOME": "/x",
        "PYTHONPATH": "/lib",
        "VIRTUAL_ENV": "/host",
        "HOME": "/nowhere",
        "PATH": f"{sys.prefix}/bin:/usr/bin",
        "SECRET_KEY": "hunter2",
    }
    planned, variables = shop.plan(), shop.environment()
    assert variables["PATH"] == f"{planned.environment}/bin:/usr/bin"
    assert variables["VIRTUAL_ENV"] == str(planned.environment)
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"
    assert (variables["PYTHONPATH"], variables["SECRET_KEY"]) == ("/lib", "hunter2")
    assert "PYTHONHOME" not in variables
    assert not [name for name in variables if name.startswith("APPLIANCE_")]
    assert os.access(variables["HOME"], os.W_OK)
