"""The container with the fewest capabilities, writable places and privileges, as any user."""

import re

import pytest

from tests.image.conftest import STOP_S

LEAST = ("--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID", "--cap-add", "CHOWN")
HARDENED = (*LEAST, "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp")

APP = {
    "wsgi.py": """
import os

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getuid()}:{os.getgid()}".encode()]
""",
    "requirements.txt": "itsdangerous==2.2.0\n",
}


def capabilities(container):
    """The effective sets of PID 1 and of the worker."""
    worker = container.events("worker.ready")[-1]["pid"]
    shown = container.execute("cat", "/proc/1/status", f"/proc/{worker}/status").stdout
    return set(re.findall(r"CapEff:\s*(\w+)", shown))


def test_a_read_only_container_with_three_capabilities_serves(start, project, volume):
    """Read-only, three capabilities, no new privileges, a read-only mount of another user's: healthy, and it serves."""
    folder = project(APP, owner=1234)
    container = start(
        None, *HARDENED, "--volume", f"{folder}:/workspace:ro", "--volume", f"{volume}:/cache",
        "--health-interval", "1s",
    )  # fmt: skip
    container.wait_for_health("healthy", timeout=120)
    assert container.get().text == "1234:1234"
    assert capabilities(container) == {"0" * 16}


def test_the_image_needs_no_capability_as_a_named_user(start, project, volume):
    """As a user that is named to the engine it needs none at all."""
    container = start(
        project(APP, owner=1234), "--cap-drop", "ALL", "--user", "1234:1234", "--volume", f"{volume}:/cache"
    )
    container.wait_for("worker.ready", timeout=120)
    assert container.get().text == "1234:1234"


def test_root_that_stays_root_has_no_powers(start):
    """If the project is root's, no process has a capability, nor can it get one."""
    container = start()
    container.wait_for("worker.ready")
    assert capabilities(container) == {"0" * 16}
    words = "import os; print(os.getuid()); os.chown('/tmp/mine', 1, 1)"
    done = container.execute("sh", "-c", f'touch /tmp/mine; appliance run python -c "{words}"', check=False)
    assert done.stdout.startswith("0")
    assert "PermissionError" in done.stderr


def test_root_that_may_not_become_the_owner_is_reported(start, project):
    """Without SETUID, SETGID and CHOWN it ends with one event that names them."""
    container = start(project(APP, owner=1234), "--cap-drop", "ALL")
    assert container.wait() == 3
    (event,) = container.events("project.missing")
    assert "SETUID" in event["action"]


@pytest.mark.parametrize("pids", [64])
def test_few_processes_are_enough(start, project, pids):
    """A limit of 64 processes and threads is not met."""
    container = start(project("shadowing"), "--pids-limit", str(pids))
    container.wait_for("worker.ready")
    assert container.get().status == 200


def test_the_user_may_change_on_one_cache(start, project, volume):
    """4321, then root, then 9999 use the same cache volume, and none is locked out by what another has left."""
    folder = project(APP)
    for user in ("4321:4321", "0:0", "9999:9999"):
        container = start(folder, "--user", user, "--volume", f"{volume}:/cache")
        container.wait_for("worker.ready", timeout=120)
        expected = user if user != "0:0" else f"{folder.stat().st_uid}:{folder.stat().st_gid}"
        assert container.get().text == expected
        assert container.stop() < STOP_S


def test_the_doctor_finds_what_was_made_wrong(start, project):
    """Without a volume and on loopback alone the doctor says that both hurt; with all as it should be nothing does."""
    container = start(project(APP, owner=1234), "--env", "APPLIANCE_HOST=127.0.0.1", "--memory", "200m")
    container.wait_for("worker.ready", timeout=120)
    done = container.execute("appliance", "doctor", check=False)
    assert done.returncode == 1
    hurts = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("problem")}
    assert hurts == {"port", "cache", "memory"}


def test_the_doctor_is_content(start, project, volume):
    """As the README has it nothing hurts."""
    container = start(project(APP, owner=1234), "--volume", f"{volume}:/cache")
    container.wait_for("worker.ready", timeout=120)
    assert container.execute("appliance", "doctor").returncode == 0
