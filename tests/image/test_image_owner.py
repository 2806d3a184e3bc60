"""Files: the project's belong to the project's owner, and nothing of ours lies among them."""

import uuid

import pytest

from tests.image.conftest import ROOT
from tests.thorough import one_in

OWNER = 1234

FILES = {
    "wsgi.py": """
import os
from pathlib import Path

def application(environ, start_response):
    import lazily
    Path(__file__).with_name("written.txt").write_text("by the application")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getuid()}:{os.getgid()}".encode()]
""",
    "lazily.py": "",
}

OWNERS = """
import contextlib, os

found = set()  # without the engine's health check, which begins as runc's init
for pid in {each for each in os.listdir("/proc") if each.isdigit()} - {str(os.getpid())}:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        command, owner = open(f"/proc/{pid}/cmdline", "rb").read(), os.stat(f"/proc/{pid}").st_uid
        if b"healthcheck.py" not in command and not command.startswith(b"runc\\0init"):
            found.add(owner)
print(found)
"""


@pytest.fixture
def folder(project):
    """A project of a user of the host who is not root."""
    return project(FILES, owner=OWNER)


@pytest.fixture
def container(start, folder):
    """The container that serves it."""
    container = start(folder)
    container.wait_for("worker.ready")
    return container


def test_files_that_the_application_writes_are_the_owners(container, folder):
    """An application writes as the owner of the mount, and nothing else appears there: no bytecode, nothing of ours."""
    assert container.get().text == f"{OWNER}:{OWNER}"
    written = (folder / "written.txt").stat()
    assert (written.st_uid, written.st_gid) == (OWNER, OWNER)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*")} == {*FILES, "written.txt"}


def test_commands_are_the_owners(container):
    """``appliance run``, through exec too, acts as the owner, in the project's folder and environment."""
    words = "import os, sys; print(os.getuid(), os.getcwd(), sys.prefix != sys.base_prefix)"
    shown = container.execute("appliance", "run", "python", "-c", words).stdout
    assert shown.split() == [str(OWNER), "/workspace", "True"]


def test_everything_that_runs_is_the_owners(container):
    """Once the project is served, no process of the container is root's, except the engine's own health check."""
    assert container.execute("python3", "-c", OWNERS).stdout.strip() == f"{{{OWNER}}}"


def test_any_user_may_be_asked_for(start, project):
    """``user:`` is honoured, also where the id has no name and owns nothing in the container."""
    elsewhere = FILES["wsgi.py"].replace('Path(__file__).with_name("written.txt")', 'Path("/tmp/written.txt")')
    container = start(project(FILES | {"wsgi.py": elsewhere}), "--user", "4321:4321")
    container.wait_for("worker.ready")
    assert container.get().text == "4321:4321"


@pytest.fixture
def dev_image(image, docker, tmp_path):
    """An image like the dev container's, without its tools."""
    template = (ROOT / "appliance" / "templates" / "devcontainer" / "Dockerfile").read_text()
    (entry_point,) = (line for line in template.splitlines() if line.startswith("ENTRYPOINT"))
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {image}\nRUN useradd --create-home dev\n{entry_point}\n")
    name = f"appliance-test-{uuid.uuid4().hex[:12]}"
    docker("build", "--quiet", "--tag", name, str(folder))
    yield name
    docker("rmi", "--force", name, check=False)


@pytest.mark.parametrize("owner", one_in(2, [0, 1000, OWNER]))
def test_a_terminal_in_a_dev_container_is_the_owners(start, project, dev_image, docker, owner):
    """In a dev container the terminal's user is the owner, root too: it may write, and nothing is installed twice."""
    folder = project(FILES, owner=owner)
    container = start(folder, tag=dev_image)
    container.wait_for("worker.ready")
    assert container.get().text == f"{owner}:{owner}"
    script = (
        "id -u; touch /workspace/new.txt /home/dev/new.txt; appliance run python -c 'import sys; print(sys.prefix)'"
    )
    shown = docker("exec", "--user", "dev", container.name, "sh", "-ec", script).stdout.split()
    assert shown[0] == str(owner)
    assert (folder / "new.txt").stat().st_uid == owner
    assert shown[1] == container.execute("readlink", "/tmp/appliance/environment").stdout.strip()
    assert container.execute("ls", "/cache").stdout.split() == [f"uid-{owner}"]


def test_a_dev_container_of_another_user_keeps_its_ids(start, project, dev_image):
    """If the container does not run as root, the ids stay the same, and the project is served."""
    elsewhere = FILES["wsgi.py"].replace('Path(__file__).with_name("written.txt")', 'Path("/tmp/written.txt")')
    container = start(project(FILES | {"wsgi.py": elsewhere}), "--user", "4321:4321", tag=dev_image)
    container.wait_for("worker.ready")
    assert container.get().text == "4321:4321"


def test_a_project_of_root_is_served_without_privileges(start, project):
    """Root's project is served by root without privileges; a file of somebody else is refused in words."""
    container = start(project({**FILES, ".env": "KEY=1\n"}, owner=0))
    container.wait_for("worker.ready")
    assert container.get().text == "0:0"
    container.execute(
        "sh", "-c", "chmod 600 wsgi.py; chown 1234 wsgi.py; echo >> other.py"
    )  # exec has root's privileges
    failed = container.wait_for("worker.failed")
    assert "wsgi.py belongs to uid 1234, mode 0600; the project runs as uid 0." in failed["action"]
    assert "sudo chown -R 0 ." in failed["action"]


def test_a_project_that_is_read_only_is_served(start, project):
    """A mount that can't be written is served, and doctor notes it once."""
    text = FILES["wsgi.py"].replace("Path(__file__)", "Path('/tmp/x')")
    folder = project({**FILES, "wsgi.py": text}, owner=0)
    container = start(None, "--volume", f"{folder}:/workspace:ro")
    container.wait_for("worker.ready")
    assert container.get().text == "0:0"
    shown = container.execute("appliance", "doctor", check=False).stdout
    assert shown.count("Read-only file system") == 1
