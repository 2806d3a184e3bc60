"""``appliance eject`` on dependencies that no index has: repositories, folders and files, and what was compiled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package_index import wheel

BACKEND = """
import pathlib, zipfile
NAME = {name!r}

def build_wheel(folder, *_, **__):
    name = f"{{NAME}}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as archive:
        archive.writestr(f"{{NAME}}.py", "")
        metadata = f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: 1.0\\n"
        archive.writestr(f"{{NAME}}-1.0.dist-info/METADATA", metadata)
        tag = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        archive.writestr(f"{{NAME}}-1.0.dist-info/WHEEL", tag)
        archive.writestr(f"{{NAME}}-1.0.dist-info/RECORD", "")
    return name

build_editable = build_wheel
"""
SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
APP = "import {names}\n\ndef application(environ, start_response):\n    ...\n"


def package(folder, name):
    """A folder that can be installed without an index."""
    folder.mkdir(parents=True)
    (folder / f"{name}.py").write_text("")
    (folder / "backend.py").write_text(BACKEND.format(name=name))
    (folder / "pyproject.toml").write_text(f'{SYSTEM}[project]\nname = "{name}"\nversion = "1.0"\n')
    return folder


@pytest.fixture
def repository(tmp_path):
    """A package in a repository of git's, and its commit."""
    folder = package(tmp_path / "repository", "versioned")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(folder)]
    for argv in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "first"]):
        subprocess.run([*git, *argv], check=True, timeout=60)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, timeout=60, capture_output=True, text=True)
    return folder, commit.stdout.strip()


def test_each_dependency_is_locked_or_named_with_the_reason(eject, shop, repository, tmp_path):
    """Each is locked as its origin allows, or named with the reason and what to do; nothing is dropped silently."""
    source, _ = repository
    abi = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    wheel(shop.wheels, "fast", tag=f"{abi}-{abi}-linux_{os.uname().machine}")
    package(shop.root / "libs" / "inside", "inside")
    package(tmp_path / "outside", "outside")
    (shop.root / "vendor").mkdir()
    wheel(shop.root / "vendor", "vendored")
    wheel(tmp_path, "elsewhere")
    shop.write(
        "requirements.txt",
        f"kettle\nfast\nversioned @ git+file://{source}\n./libs/inside\n{tmp_path}/outside\n"
        f"./vendor/vendored-1.0-py3-none-any.whl\n{tmp_path}/elsewhere-1.0-py3-none-any.whl\n",
    )
    shop.write("wsgi.py", APP.format(names="kettle, fast, versioned, inside, outside, vendored, elsewhere"))
    done = eject("--server", "waitress")
    assert done.returncode == 0, done.stderr
    pins, dockerfile = (
        (shop.root / name).read_text().splitlines() for name in ("requirements.production.txt", "Dockerfile")
    )
    assert [line for line in pins if "==" in line] == ["fast==1.0", "kettle==1.0", "toaster==1.0", "waitress==3.0"]
    said = [line.strip() for line in done.stdout.partition("could not know:")[2].splitlines()]
    assert (
        f"lock: versioned is in a repository on this machine, file://{source}: push it to a server, and name that"
        in said
    )
    assert f"lock: outside is in {tmp_path}/outside, outside of the project: publish it, or move it" in said
    assert (
        f"lock: elsewhere 1.0 is from a file outside of the project: {tmp_path}/elsewhere-1.0-py3-none-any.whl:"
        " copy it into the project" in said
    )
    assert any(line.startswith("system libraries: compiled here: fast; a build installs a compiler") for line in said)
    assert not any(line.startswith("development:") for line in said)
    assert any("build-essential" in line for line in dockerfile)
    assert any(line.endswith("--no-deps './vendor/vendored-1.0-py3-none-any.whl'") for line in dockerfile)
    assert '    PYTHONPATH="/app:/app/libs/inside"' in dockerfile


@pytest.mark.whole
@pytest.mark.parametrize(
    ("url", "locked", "tools"),
    [
        ("https://user:pass@example.org/a.git", "git+https://example.org/a.git", ["git"]),
        ("ssh://git@example.org/a.git", "git+ssh://git@example.org/a.git", ["git", "openssh-client"]),
    ],
)
def test_a_repository_is_locked_by_its_commit(eject, shop, repository, url, locked, tools):
    """The build gets git, and ssh where the address asks for it; a package below the top keeps its folder."""
    source, commit = repository
    shop.write("requirements.txt", f"versioned @ git+file://{source}\n")
    shop.write("wsgi.py", APP.format(names="versioned"))
    assert shop.install().installed
    (noted,) = shop.plan().environment.glob("lib/python3*/site-packages/versioned-1.0.dist-info/direct_url.json")
    origin = {"url": url, "vcs_info": {"vcs": "git", "commit_id": commit}, "subdirectory": "below"}
    noted.write_text(json.dumps(origin))
    done = eject("--server", "waitress")
    assert done.returncode == 0, done.stderr
    lines = (shop.root / "requirements.production.urls.txt").read_text().splitlines()
    assert [line for line in lines if line[0] != "#"] == [f"versioned @ {locked}@{commit}#subdirectory=below"]
    dockerfile = (shop.root / "Dockerfile").read_text()
    assert f"--no-install-recommends {' '.join(tools)} " in dockerfile
    assert ("--mount=type=ssh" in dockerfile) == ("openssh-client" in tools)
    hadolint = Path(sys.executable).parent / "hadolint"
    assert subprocess.run([hadolint, shop.root / "Dockerfile"], check=False, timeout=60).returncode == 0
    assert "pass" not in "".join(file.read_text() for file in shop.root.rglob("*production*") if file.is_file())
