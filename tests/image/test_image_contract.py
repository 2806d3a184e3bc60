"""The image before it serves: its size, its contents, its settings for the engine."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import appliance

ROOT = Path(__file__).parents[2]
OURS = "/opt/appliance"


@pytest.fixture(scope="session")
def inspected(image, docker):
    """The engine's record of the image."""
    return json.loads(docker("image", "inspect", image).stdout)[0]


@pytest.fixture(scope="session")
def shell(image, docker):
    """``shell("ls /")``: the output of a shell command in a new container."""

    def shell(script, *options):
        return docker("run", "--rm", "--entrypoint", "sh", *options, image, "-c", script).stdout

    return shell


def test_the_image_is_small(inspected):
    """The image takes under 195 MB, of which the base has 130."""
    assert inspected["Size"] < 195_000_000


def test_the_image_declares_port_folder_stop_signal_and_labels(inspected):
    """The port, the folder, the stop signal and the labels are the contract's."""
    config = inspected["Config"]
    assert set(config["ExposedPorts"]) == {"8000/tcp"}
    assert config["WorkingDir"] == "/workspace"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Cmd"] is None
    assert config["User"] == "0"  # a number, by which a cluster knows that it is root
    assert "APPLIANCE_IMAGE=slim" in config["Env"]
    assert config["Labels"]["org.opencontainers.image.version"] == appliance.__version__


def test_the_health_check_is_patient_and_light(inspected):
    """The health check asks every five seconds, isolated and without site; a long installation never times out."""
    check = inspected["Config"]["Healthcheck"]
    second = 1_000_000_000
    assert check["Test"][:4] == ["CMD", f"{OURS}/bin/python", "-I", "-S"]
    assert check["Interval"] == 5 * second
    assert check["Timeout"] >= 600 * second
    assert "StartPeriod" not in check, "it would hide for its whole length that a project is broken"


def test_no_variable_changes_the_projects_python(inspected):
    """The image sets none of Python's own variables: they would apply to the project too."""
    names = {pair.partition("=")[0] for pair in inspected["Config"]["Env"]}
    assert not {name for name in names if re.fullmatch(r"PYTHON(?!_VERSION|_SHA256).*", name)}


def test_the_image_has_no_compiler_and_no_pip_of_ours(shell):
    """No compiler is in it, and our own environment has no pip."""
    assert shell("command -v gcc cc make git curl || true") == ""
    assert shell(f"ls {OURS}/lib/python3*/site-packages | grep -i '^pip' || true") == ""


def test_versions_are_the_pinned_ones(shell):
    """Our environment holds what pyproject.toml asks for, in the versions of the lock, and what these need."""
    words = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    installed = {pin.lower().replace("_", "-") for pin in shell(f'{OURS}/bin/python -I -c "{words}"').split()}
    pinned = {line.split(" ")[0] for line in (ROOT / "locks" / "appliance.txt").read_text().splitlines()}
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    asked = [each for each in map(Requirement, listed) if not each.marker or each.marker.evaluate()]
    assert installed <= pinned
    assert {each.name for each in asked} <= {pin.partition("==")[0] for pin in installed}


def test_nothing_of_ours_is_importable_by_the_bases_python(shell):
    """The Python that projects run on finds neither our package nor what it depends on."""
    words = "import importlib.util as u; print([n for n in ('appliance', 'structlog', 'pathspec') if u.find_spec(n)])"
    assert shell(f'python3 -c "{words}"').strip() == "[]"


def test_the_exporter_has_what_it_loads(shell):
    """The exporter imports none of the removed parts of OpenTelemetry's packages."""
    words = "import appliance.telemetry.exporter, sys; print('google.protobuf' in sys.modules)"
    assert shell(f'{OURS}/bin/python -I -c "{words}"').strip() == "True"


def test_the_image_has_the_bytecode(shell):
    """Each module of ours has its bytecode, and so has what we use of the standard library."""
    missing = f"""
        for source in $(find {OURS}/lib/python3*/site-packages/appliance -name '*.py'); do
            ls "$(dirname "$source")/__pycache__/$(basename "$source" .py)".*.pyc >/dev/null || echo "$source"
        done"""
    assert shell(missing) == ""
    assert "socket." in shell("ls /usr/local/lib/python3*/__pycache__")


def test_the_cache_is_anyones(shell, volume):
    """A fresh cache volume may be written by any user, and none may remove another's folder."""
    assert shell("stat -c %a /cache", "--volume", f"{volume}:/cache").strip() == "1777"


def test_only_root_may_change_ours(shell):
    """Nothing below /opt/appliance can be written by a project's owner."""
    assert shell(f"find {OURS} ! -type l -perm /022") == ""


def test_the_command_is_isolated(shell, tmp_path):
    """``appliance`` on the PATH never loads a module of the project, whatever PYTHONPATH says."""
    for name in ("sitecustomize", "structlog", "logging", "appliance"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the project was loaded')\n")
    options = ("--volume", f"{tmp_path}:/workspace", "--env", "PYTHONPATH=/workspace", "--workdir", "/workspace")
    assert appliance.__version__ in shell("appliance --version", *options)
