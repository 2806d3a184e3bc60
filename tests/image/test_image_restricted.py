"""Under the Pod Security Standard "restricted": as the image's user or any other, on volumes of a group."""

import re

import pytest

from tests.image.conftest import STOP_S, docker
from tests.image.restricted_pods import FS_GROUP, RESTRICTED, empty_dir, image_of_10001, mounted, synchronise

__all__ = ["image_of_10001"]

APP = """
import os, WHAT

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getuid()}:{os.getgid()} {WHAT.__name__}".encode()]
"""
FIRST = {"wsgi.py": APP.replace("WHAT", "itsdangerous"), "requirements.txt": "itsdangerous==2.2.0\n"}
SECOND = {"wsgi.py": APP.replace("WHAT", "markupsafe._speedups"), "requirements.txt": "markupsafe\n"}
OPENSHIFT = 1000670000  # one of a range of a project there; each is in group 0, and in a group of the same number
PRIVILEGES = re.compile(r"^(?:Uid|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):.*", re.MULTILINE)


def privileges(container):
    """The kernel's words for the privileges of the processes that the container itself has started.

    The runtime starts the health check's processes, and this one, with parent 0: they are root's until they have
    given their privileges away, which may be seen.
    """
    statuses = container.execute("sh", "-c", "cat /proc/[0-9]*/status; true").stdout.split("Name:\t")
    own = [status for status in statuses if re.search(r"^Pid:\t1$|^PPid:\t[1-9]", status, re.MULTILINE)]
    assert len(own) > 1
    return {word for status in own for line in PRIVILEGES.findall(status) for word in line.split()}


def test_a_build_argument_names_the_user(image, image_of_10001):
    """An image built with RUN_AS=10001 is that user's, as runAsNonRoot asks; without it the image is root's."""
    assert docker("inspect", "--format", "{{.Config.User}}", image, image_of_10001).stdout.split() == ["0", "10001"]


@pytest.mark.parametrize(
    ("uid", "group", "options"),
    [(10001, FS_GROUP, ()), (OPENSHIFT, OPENSHIFT, ("--user", f"{OPENSHIFT}:0"))],
    ids=["fsGroup", "OpenShift"],
)
def test_a_restricted_pod_serves_what_is_synchronised(start, volumes, image_of_10001, uid, group, options):
    """From empty volumes it serves, reloads and installs, with no privilege, and writes nothing into the project."""
    places = [
        each
        for folder in ("/workspace", "/cache", "/tmp")
        for each in mounted(empty_dir(volumes, f"gid={group},mode=2777"), folder)
    ]
    container = start(None, *RESTRICTED, *options, "--group-add", str(group), *places, tag=image_of_10001)
    container.wait_for("application.missing")
    for generation, (files, package) in enumerate(((FIRST, "itsdangerous"), (SECOND, "markupsafe._speedups")), 1):
        synchronise(container, files)
        container.wait_for("worker.ready", generation=generation)
        assert container.get().text == f"{uid}:0 {package}"
    assert privileges(container) == {
        "Uid:", str(uid), "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2",
    }  # fmt: skip
    found = container.execute("find", "/workspace", "-mindepth", "1", "-printf", "%f %U:%G\n").stdout
    assert sorted(found.splitlines()) == [f"{name} {uid}:{group}" for name in sorted(SECOND)]
    assert docker("diff", container.name).stdout == ""
    unwanted = [event["event"] for event in container.events() if event["level"] in {"warning", "error"}]
    assert unwanted == ["application.missing"]
    assert container.stop() < STOP_S


CLOSED = f"gid={FS_GROUP + 1},mode=2770"  # a volume of another Pod's group


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({}, {
            "status.unavailable": "mount a writable folder at /tmp",
            "cache.unavailable": "Mount a volume there; in Kubernetes one with fsGroup",
            "install.failed": "Mount a volume there that this user can write",
        }),
        ({"/cache": CLOSED, "/tmp": f"gid={FS_GROUP},mode=2777"}, {"cache.moved": "in Kubernetes set fsGroup"}),
    ],
    ids=["no volume", "another group's"],
)  # fmt: skip
def test_a_cache_that_can_not_be_written_is_explained(start, project, volumes, image_of_10001, made, words):
    """The log names the error of the volumes and the action; if /tmp can be written, the project is served."""
    places = [each for folder, options in made.items() for each in mounted(empty_dir(volumes, options), folder)]
    folder = project(FIRST)
    folder.chmod(0o755)
    container = start(folder, *RESTRICTED, "--group-add", str(FS_GROUP), *places, tag=image_of_10001)
    container.wait_for("worker.ready" if made else "install.failed")
    said = {event["event"]: event["action"] for event in container.events() if event["level"] in {"warning", "error"}}
    assert set(said) == set(words)
    assert all(text in said[event] for event, text in words.items())
    page = container.get(accept="text/plain").text
    assert page == "10001:0 itsdangerous" if made else words["install.failed"] in page


def test_a_project_of_another_group_is_explained(start, volumes, image_of_10001):
    """A volume that the Pod's groups can't enter ends the container with the group that it needs."""
    place = mounted(empty_dir(volumes, CLOSED), "/workspace")
    container = start(None, *RESTRICTED, "--tmpfs", "/tmp", *place, tag=image_of_10001)
    assert container.wait() == 3
    (event,) = container.events("project.missing")
    assert f"group_add: ['{FS_GROUP + 1}']; fsGroup" in event["action"]


def test_a_cache_without_exec_is_explained(start, project, image_of_10001):
    """The engine mounts --tmpfs with noexec: a compiled package can't be loaded from there, and the page says why."""
    folder = project(SECOND)
    folder.chmod(0o755)
    memory = ("--tmpfs", "/cache:mode=1777", "--tmpfs", "/tmp")
    container = start(folder, *RESTRICTED, *memory, tag=image_of_10001)
    container.wait_for("worker.failed")
    assert "/cache is mounted noexec" in container.get(accept="text/plain").text
    assert (
        "problem  cache        /cache is mounted noexec" in container.execute("appliance", "doctor", check=False).stdout
    )
