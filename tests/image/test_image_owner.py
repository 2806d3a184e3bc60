"""Files: the project's belong to the project's owner, and nothing of ours lies among them."""

import pytest

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


def test_what_it_writes_is_the_owners(container, folder):
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
    """Once it serves no process of the container is root's."""
    words = (
        "import os; print({os.stat(f'/proc/{pid}').st_uid for pid in os.listdir('/proc')"
        " if pid.isdigit() and pid != str(os.getpid())})"
    )
    assert container.execute("python3", "-c", words).stdout.strip() == f"{{{OWNER}}}"


def test_any_user_may_be_asked_for(start, project):
    """``user:`` is honoured, also where the id has no name and owns nothing in the container."""
    elsewhere = FILES["wsgi.py"].replace('Path(__file__).with_name("written.txt")', 'Path("/tmp/written.txt")')
    container = start(project(FILES | {"wsgi.py": elsewhere}), "--user", "4321:4321")
    container.wait_for("worker.ready")
    assert container.get().text == "4321:4321"
