"""Under the Pod Security Standard "restricted": as the image's user or any other, on volumes of a group."""

import re

import pytest

from tests.image.conftest import docker
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
STATUS = "grep -hE '^(Uid|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/[0-9]*/status | sort -u"


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
    assert set(re.split(r"\s+", container.execute("sh", "-c", STATUS).stdout.strip())) == {
        "Uid:", str(uid), "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2",
    }  # fmt: skip
    found = container.execute("find", "/workspace", "-mindepth", "1", "-printf", "%f %U:%G\n").stdout
    assert sorted(found.splitlines()) == [f"{name} {uid}:{group}" for name in sorted(SECOND)]
    assert docker("diff", container.name).stdout == ""
    unwanted = [event["event"] for event in container.events() if event["level"] in {"warning", "error"}]
    assert unwanted == ["application.missing"]
    assert container.stop() < 2
