"""One cache volume, several users: nobody runs what another has put there, and nobody loses what is theirs."""

from __future__ import annotations

import pytest

from tests.thorough import one_in

OWNER, ATTACKER = 1234, 4202
CLOSED = ("--read-only", "--tmpfs", "/tmp")

APP = {
    "wsgi.py": """
WORD = "honest"

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [WORD.encode()]
""",
}

# The attacker's own cache holds what the owner's would, under the same names: it is copied, and its code exchanged.
PLANT = """
import os, shutil, zlib
from pathlib import Path
theirs = Path("/cache/uid-OWNER")
shutil.copytree("/cache/uid-ATTACKER", theirs, symlinks=True)
changed = 0
for path in theirs.rglob("*"):
    if path.is_file() and path.is_relative_to(theirs / "code"):
        code = path.read_bytes()[4:].replace(b"honest", b"ravage")
        changed += b"ravage" in code
        path.write_bytes(zlib.crc32(code).to_bytes(4, "little") + code)
    if not path.is_symlink():
        path.chmod(0o777)
theirs.chmod(0o777)
print(changed)
""".replace("OWNER", str(OWNER)).replace("ATTACKER", str(ATTACKER))

# The changes that Kubernetes makes to a volume with fsGroup at each start of a pod.
KUBELET = """
import os
from pathlib import Path
for path in (Path("/cache"), *Path("/cache").rglob("*")):
    os.lchown(path, -1, 2000)
    if not path.is_symlink():
        path.chmod(path.stat().st_mode | (0o2770 if path.is_dir() else 0o660))
"""


@pytest.fixture
def script(docker, image):
    """``script(words, volume, user)``: what a Python of the image prints that runs them as this user on the volume."""

    def script(words, volume, user="0:0", *options):
        argv = [
            "--rm",
            "--user",
            user,
            "--volume",
            f"{volume}:/cache",
            *options,
            "--entrypoint",
            "python3",
            image,
            "-c",
        ]
        return docker("run", *argv, words).stdout.strip()

    return script


@pytest.mark.parametrize("user", one_in(2, ["0:0", f"{OWNER}:{OWNER}"]))
def test_what_another_user_planted_is_not_run(start, project, volume, script, user):
    """Code and an environment under the right names are passed by, with one event; the next start installs nothing."""
    folder = project(APP, owner=OWNER)
    folder.chmod(0o755)
    attacker = start(folder, "--user", f"{ATTACKER}:{ATTACKER}", "--volume", f"{volume}:/cache")
    attacker.wait_for("preload.ready", timeout=120)  # its code is written by then
    attacker.stop()
    assert script(PLANT, volume, f"{ATTACKER}:{ATTACKER}") == "1"
    event = "folder.replaced" if user == "0:0" else "cache.moved"
    for count, installs in ((1, 1), (1 if event == "cache.moved" else 0, 0)):
        container = start(folder, "--user", user, "--volume", f"{volume}:/cache")
        container.wait_for("worker.ready", timeout=120)
        assert container.get().text == "honest"
        reported = container.events("folder.replaced") + container.events("cache.moved")
        assert [each["event"] for each in reported] == [event] * count
        assert all(each["reason"] and each["path"] == f"/cache/uid-{OWNER}" for each in reported)
        assert len(container.events("install.started")) == installs
        container.stop()


def test_root_gives_nobody_what_a_link_leads_to(start, project, volume, volumes, script, docker):
    """A link under the owner's name leaves what it leads to as it was, and the project is served."""
    victim = f"{volume}-victim"
    docker("volume", "create", victim)
    volumes.append(victim)
    mounted = ("--volume", f"{victim}:/victim")
    script(f"import os; os.symlink('/victim', '/cache/uid-{OWNER}')", volume, f"{ATTACKER}:{ATTACKER}")
    script("import os; os.chmod('/victim', 0o700)", volume, "0:0", *mounted)
    container = start(project(APP, owner=OWNER), "--volume", f"{volume}:/cache", *mounted)
    container.wait_for("worker.ready", timeout=120)
    assert container.get().text == "honest"
    seen = script("import os; s = os.stat('/victim'); print(s.st_uid, oct(s.st_mode))", volume, "0:0", *mounted)
    assert seen == "0 0o40700"


def test_a_volume_of_kubernetes_is_kept_for_any_uid_in_its_group(start, project, volume, script):
    """Any uid in group 0, and a volume of root's that is a group's: kept, though all in it is opened to that group."""
    # Not empty, as a disk is: the engine would give it the mode of the image's folder again.
    script("import os; os.mkdir('/cache/lost+found'); os.chown('/cache', 0, 2000); os.chmod('/cache', 0o2775)", volume)
    folder = project(APP)
    folder.chmod(0o755)
    for installs in (1, 0):
        options = ("--user", "1000680000:0", "--group-add", "2000", *CLOSED, "--cap-drop", "ALL")
        container = start(folder, *options, "--volume", f"{volume}:/cache")
        container.wait_for("worker.ready", timeout=120)
        assert container.get().text == "honest"
        assert len(container.events("install.started")) == installs
        assert not [each for each in container.events() if each["level"] == "warning"]
        container.stop()
        script(KUBELET, volume)


def test_a_read_only_cache_is_used_silently(start, project, volume, docker, image):
    """An environment that was installed before is used, without a message."""
    folder = project(APP)
    folder.chmod(0o755)
    as_user = ("--user", "4321:0", "--volume", f"{folder}:/workspace")
    docker("run", "--rm", *as_user, "--volume", f"{volume}:/cache", image, "install")
    container = start(None, *as_user, "--volume", f"{volume}:/cache:ro")
    container.wait_for("worker.ready", timeout=120)
    assert container.get().text == "honest"
    assert not [each for each in container.events() if each["level"] in {"warning", "error"}]


def test_a_container_without_a_cache_serves_from_tmp_and_says_so(start, project):
    """Any uid, a root that is read only and no volume: it is served from /tmp, and one event says what is lost."""
    folder = project(APP)
    folder.chmod(0o755)
    container = start(folder, "--user", "4321:0", *CLOSED)
    container.wait_for("worker.ready", timeout=120)
    assert container.get().text == "honest"
    (event,) = container.events("cache.moved")
    assert (event["path"], event["instead"]) == ("/cache", "/tmp/wsgi-appliance-cache-4321")
    assert "Read-only" in event["reason"]
