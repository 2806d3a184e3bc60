"""The advice of a page or an event about the image is followed exactly on a real engine: then the project is served."""

from __future__ import annotations

import re
import subprocess
import uuid
from itertools import chain
from pathlib import Path

import pytest

from appliance.environment.failures.build_libraries import DEVELOPMENT, NEEDS
from appliance.server.pages.advice.system_libraries import LIBRARIES, MESSAGES, PROGRAMS
from tests.package_index import sdist, wheel
from tests.thorough import long_form

ROOT = Path(__file__).parents[2]
OTHER = "python:3.14-slim"
# Of the five that the target has those that this engine can't have; it takes the base for each.
STAND_INS = [f"PYTHON_3_{minor}=python:3.13-slim" for minor in (10, 11, 12)]
NATIVE = """\
#include <Python.h>
#include <libpq-fe.h>
#include <mysql.h>
#include <libxml/parser.h>
#include <libxslt/xslt.h>
#include <stdio.h>
#include <jpeglib.h>
#include <zlib.h>
#include <ffi.h>
#include <openssl/ssl.h>
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "native", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&def); }
"""
SETUP = """\
from setuptools import Extension, setup
folders = ["/usr/include/mariadb", "/usr/include/libxml2", "/usr/include/postgresql"]
setup(name="native", version="1", ext_modules=[Extension("native", ["native.c"], include_dirs=folders)])
"""
APP = """\
import sys
{imports}

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["{{}}.{{}}".format(*sys.version_info).encode()]
"""


@pytest.fixture
def run(image, docker):
    """``run("docker build ...")``: a command as a page shows it, for an image under a name of the test's own."""
    made = []

    def run(command: str, *arguments: str) -> str:
        tag = f"{image}-remedy-{uuid.uuid4().hex[:12]}"  # other tests build at the same time
        made.append(tag)
        meant = command.replace("-t wsgi-appliance", f"-t {tag}").replace("FROM wsgi-appliance", f"FROM {image}")
        meant = meant.replace("/path/to/wsgi-appliance", str(ROOT))
        more = "".join(f" --build-arg {argument}" for argument in arguments)
        done = subprocess.run(
            ["sh", "-c", meant + more], cwd="/", capture_output=True, text=True, check=False, timeout=280
        )
        assert done.returncode == 0, done.stderr
        return tag

    yield run
    for tag in made:
        docker("image", "rm", "--force", tag, check=False)


def command_in(action: str) -> str:
    """The command that the words end with, or that ends before the next remedy."""
    found = re.search(r"(?:printf '.*?' \| )?docker build .*?(?= Or:|\Z)", action)
    assert found, action
    return found[0]


@pytest.mark.waits
@long_form("it compiles a package in the larger image")
def test_the_slim_image_names_the_full_one_which_serves_old_pins(start, project, run, docker, volume):
    """The slim image names the Python that has the pinned wheels, and the line that brings it: there it is served."""
    if docker("image", "inspect", OTHER, check=False).returncode:
        pytest.skip(f"not run: the engine has no {OTHER}")
    folder = project(
        {
            "requirements.txt": "--find-links wheels\ncompiled==1.0\n./native\n",
            "app.py": APP.format(imports="import compiled, native"),
            "native/setup.py": SETUP,
            "native/native.c": NATIVE,
            "wheels/.keep": "",
        }
    )
    sdist(folder / "wheels", "compiled")
    wheel(folder / "wheels", "compiled", tag="cp314-cp314-manylinux_2_17_x86_64")
    cache = ("--volume", f"{volume}:/cache", "--env", "UV_PYTHON_DOWNLOADS=never")
    failed = start(folder, *cache).wait_for("install.failed", timeout=120)
    assert "compiled==1.0 has a wheel for Python 3.14." in failed["action"]
    tag = run(command_in(failed["action"]), *STAND_INS, f"PYTHON_3_14={OTHER}")
    container = start(folder, *cache, tag=tag)
    chosen = container.wait_for("interpreter.chosen", timeout=240)
    assert chosen["reason"] == "compiled==1.0 has no wheel for Python 3.13"
    container.wait_for("worker.ready", timeout=240)
    assert container.get().text == "3.14"
    # The base's own Python has its headers too.
    container = start(
        folder, *cache, "--env", "APPLIANCE_PYTHON=3.13", "--env", "APPLIANCE_DEPENDENCIES=native.txt", tag=tag
    )
    (folder / "native.txt").write_text("./native\n")
    container.wait_for("install.finished", timeout=240)


def test_a_missing_system_library_is_added_by_the_shown_line(start, project, run):
    """A library that a package misses is added by the line that the page shows; the project is then served."""
    folder = project({"requirements.txt": "python-magic\n", "app.py": APP.format(imports="import magic")})
    failed = start(folder).wait_for("worker.failed", timeout=120)
    container = start(folder, tag=run(command_in(failed["action"])))
    container.wait_for("worker.ready", timeout=120)
    assert container.get().status == 200


@pytest.mark.waits
@long_form("it asks Debian for each package")
def test_every_named_package_of_debian_can_be_installed(image, docker):
    """Each package that a remedy names can be installed in the image."""
    libraries = {*LIBRARIES.values(), *PROGRAMS.values(), *chain.from_iterable(names for _, names in MESSAGES)}
    names = " ".join(sorted({*DEVELOPMENT, *chain.from_iterable(NEEDS.values()), *libraries}))
    script = (
        f"apt-get update > /dev/null && apt-get install --simulate --yes --no-install-recommends {names} > /dev/null"
    )
    assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", script).returncode == 0
