"""Environments: planned from files, made whole or not at all, and what the project's processes get of them.

What is installed are wheels that the test makes: no index is asked.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.environment.creation import install
from appliance.environment.plan import plan
from appliance.errors import InstallError, InterpreterError
from appliance.protocol.record import replace


def test_a_project_without_dependencies_gets_an_environment(shop):
    """A project without dependencies gets an environment too; nothing of ours can be imported in it."""
    assert not shop.plan().installed
    planned = shop.install()
    assert planned.installed
    assert planned.source == "none"
    assert shop.versions() == {}
    words = "import importlib.util as u; print([n for n in ('appliance', 'structlog', 'dotenv') if u.find_spec(n)])"
    assert shop.python(words) == "[]"


def test_requirements_are_installed(shop):
    """Requirements are installed with what they need, bytecode and all, and the progress is reported line by line."""
    shop.write("requirements.txt", "-r more.txt\n")
    shop.write("more.txt", "kettle==1.0\n")
    planned = shop.install()
    assert shop.versions() == {"kettle": "1.0", "toaster": "1.0"}
    assert planned.files == (shop.root / "requirements.txt", shop.root / "more.txt")
    assert list(planned.environment.rglob("kettle.*.pyc"))
    assert any("kettle" in line for line in shop.lines)


def test_dependencies_near_the_application_are_installed(shop):
    """Dependencies near the application are installed, by a plan made for it, which also reads its Python there."""
    (shop.root / "vote").mkdir()
    (shop.root / "worker").mkdir()
    shop.write("vote/requirements.txt", "toaster\n")
    shop.write("vote/pyproject.toml", '[project]\nrequires-python = ">=3.10"\n')
    shop.write("worker/requirements.txt", "kettle\n")
    planned = plan(shop.root, shop.settings, shop.values, shop.root / "vote")
    install(planned, shop.root, shop.settings, shop.values, shop.lines.append)
    assert plan(shop.root, shop.settings, shop.values, shop.root / "vote").installed
    assert list(planned.environment.rglob("toaster.py"))
    assert not list(planned.environment.rglob("kettle.py"))
    assert planned.files[0] == shop.root / "vote" / "requirements.txt"
    assert "requires-python of pyproject.toml in vote says >=3.10" in planned.interpreter


def test_an_installed_environment_is_not_touched(shop):
    """Nothing changed: nothing is run, and planning takes less than 50 ms of CPU time."""
    shop.write("requirements.txt", "kettle\n")
    shop.install()
    shop.lines.clear()
    started = time.thread_time()  # a busy machine has no part in it
    planned = shop.plan()
    assert time.thread_time() - started < 0.05
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


def test_a_failure_has_the_installers_words(shop):
    """A package that is not available is named, with the installer's message; the environment is not complete."""
    shop.write("requirements.txt", "samovar\n")
    with pytest.raises(InstallError, match="samovar") as caught:
        shop.install()
    output = caught.value.details["output"]
    assert isinstance(output, list)
    assert any("samovar" in line for line in output)
    assert not shop.plan().installed


def test_a_closed_cache_says_so(shop):
    """A cache that is not a folder is an error of ours, with its path."""
    shop.cache.write_text("")
    with pytest.raises(InstallError, match="can't be written") as caught:
        shop.install()
    assert caught.value.action.startswith("Remove the volume")


INSTALL = """
import os, sys
from pathlib import Path
from appliance.environment.creation import install
from appliance.environment.plan import plan
from appliance.config.settings import read_settings
values = dict(os.environ)
settings = read_settings(values, {}, {"project": sys.argv[1], "cache": sys.argv[2]}, Path.cwd())
root = settings.project
install(plan(root, settings, values), root, settings, values, lambda line: print(line, flush=True))
"""


def test_an_environment_of_a_killed_installer_is_made_again(shop):
    """An environment whose installer was killed is incomplete; the next one waits for an orphan, and is whole."""
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
    """A folder without the mark is not an environment, whatever is in it."""
    shop.write("requirements.txt", "toaster\n")
    environment = shop.plan().environment
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").write_text("torn")
    assert shop.install().installed
    assert shop.versions() == {"toaster": "1.0"}


def test_two_installations_at_a_time_make_one_environment(shop):
    """Two installations of the same environment: one makes it, the other waits and finds it."""
    shop.write("requirements.txt", "kettle\n")
    command = [sys.executable, "-c", INSTALL, str(shop.root), str(shop.cache)]
    pair = [subprocess.Popen(command, env=shop.values, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert sum("+ kettle" in output for output in outputs) == 1


def test_install_off_uses_what_there_is(shop, tmp_path):
    """APPLIANCE_INSTALL=off: an active environment, the project's own outside the image, else the appliance's base."""
    shop.settings = replace(shop.settings, install="off")
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


OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def alone(shop):
    """The shop on a machine with no Python but the appliance's, where none can be fetched: a version that is absent."""
    shop.values |= {
        "PATH": "/nowhere",
        "HOME": "/nowhere",
        "PYENV_ROOT": "/nowhere",
        "UV_OFFLINE": "",
        "UV_HTTP_RETRIES": "0",
        "UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9",
    }
    return "3.10" if sys.version_info[:2] != (3, 10) else "3.12"


@pytest.mark.whole
def test_a_range_that_cannot_be_fetched_names_the_pythons_here(shop, alone):
    """If no Python of the range is here or can be fetched, the error names those that are here."""
    shop.write("pyproject.toml", f'[project]\nname = "shop"\nversion = "1"\nrequires-python = "=={alone}.*"\n')
    with pytest.raises(InterpreterError) as caught:
        shop.install()
    assert alone in caught.value.found
    assert caught.value.details["available"] == [OWN]
    assert "APPLIANCE_PYTHON" not in caught.value.action  # the range forbids what is here


@pytest.mark.whole
@pytest.mark.parametrize("name", [".python-version", "runtime.txt", "Pipfile"])
def test_the_nearest_python_serves_if_a_pin_cannot_be_fetched(shop, alone, name):
    """A pin says what somebody ran once: the nearest that is here serves, and the next look needs no second try."""
    shop.write(name, f'[requires]\npython_version = "{alone}"\n' if name == "Pipfile" else alone)
    shop.install()
    planned = shop.plan()
    assert (planned.installed, planned.passed_over) == (True, alone)
    assert planned.interpreter.startswith(f"{OWN} ({name} says {alone}, which is not installed")
    tried = [line for line in shop.lines if line.startswith("downloading")]
    assert tried == [f"downloading Python {alone}"]


def test_the_projects_processes_get_its_values_and_nothing_of_ours(shop):
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
