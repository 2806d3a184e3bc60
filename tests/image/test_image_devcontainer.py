"""The dev container's template, brought up by the reference implementation as a user of the host who is not root."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.image.conftest import following
from tests.live.dap_client import DapClient

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "appliance" / "templates"
APP = """
import os

def application(environ, start_response):
    word = "{word}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{{word}} {{os.getuid()}}".encode()]
"""
LINE = 6


@pytest.fixture
def folder(image, host_user, others_may_enter):
    """The user's project: a git repository with the template in it."""
    folder = others_may_enter / "project"
    shutil.copytree(TEMPLATES / "devcontainer", folder / ".devcontainer")
    shutil.copytree(TEMPLATES / "vscode", folder / ".vscode")
    dockerfile = folder / ".devcontainer" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("APPLIANCE=wsgi-appliance", f"APPLIANCE={image}"))
    (folder / "wsgi.py").write_text(APP.format(word="one"))
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True, timeout=20)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, host_user.pw_uid, host_user.pw_gid)
    return folder


@pytest.fixture
def devcontainer(image, run_devcontainer, folder, docker):
    """``devcontainer("exec", "git", "status")``: the program, as the host's user, on the project."""

    def run(name, *argv):
        return run_devcontainer(folder, name, *argv)

    yield run
    for found in docker(
        "ps", "--all", "--quiet", "--filter", f"label=devcontainer.local_folder={folder}"
    ).stdout.split():
        shown = json.loads(docker("inspect", found).stdout)[0]["Config"]
        project = shown["Labels"]["com.docker.compose.project"]
        docker("rm", "--force", "--volumes", found)
        docker("volume", "rm", "--force", f"{project}_cache")
        docker("network", "rm", f"{project}_default", check=False)
        docker("rmi", "--force", shown["Image"], f"{project}-app", check=False)


def wait_for_worker(container, generation):
    """Follow the log; the program puts a line of its own before it."""
    with following(["docker", "logs", "--follow", container], 100) as lines:
        for line in lines:
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "worker.ready" and event["generation"] == generation:
                return
    pytest.fail(f"no worker of generation {generation}")


@pytest.mark.waits
def test_an_editor_and_a_server_work_in_one_container(devcontainer, folder, host_user, docker):
    """Up; git and edits as the host's user; the server beside it; a debugger's client before and after a reload."""
    configuration = json.loads(devcontainer("read-configuration"))["configuration"]
    assert configuration["overrideCommand"] is False
    assert configuration["forwardPorts"] == [8000]
    up = json.loads(devcontainer("up").splitlines()[-1])
    assert (up["outcome"], up["remoteUser"]) == ("success", "dev")

    wait_for_worker(up["containerId"], 1)

    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/').read().decode())"
    commands = (
        ("git", "status", "--short"),
        ("id", "-u"),
        ("appliance", "run", "python", "-c", ask),
        ("/tmp/appliance/environment/bin/python", "-c", "import sys; print(sys.prefix)"),
        ("ls", "/cache"),
    )
    script = " && echo -- && ".join(["echo noted > note.txt", *map(shlex.join, commands)])
    said = devcontainer("exec", "sh", "-c", script)  # in one call, since the program takes a second to start
    _, status, user, answer, where, caches = (part.strip() for part in said.split("--\n"))
    assert "wsgi.py" in status
    assert (folder / "note.txt").stat().st_uid == host_user.pw_uid
    assert user == str(host_user.pw_uid)
    assert answer == f"one {host_user.pw_uid}"
    assert where == "/tmp/appliance/environment"
    assert caches.split() == [f"uid-{host_user.pw_uid}"]

    addresses = json.loads(docker("inspect", up["containerId"]).stdout)[0]["NetworkSettings"]["Networks"]
    host = next(iter(addresses.values()))["IPAddress"]
    for generation, word, after in ((1, "one", "two"), (2, "two", "three")):
        wait_for_worker(up["containerId"], generation)
        client = DapClient(5678, host=host)
        client.attach(5678, {"/workspace/wsgi.py": [LINE]}, local="/workspace", remote="/workspace")
        hit = subprocess.Popen(
            ["docker", "exec", up["containerId"], "python3", "-c", ask], stdout=subprocess.PIPE, text=True
        )
        _, line, thread = client.where_it_stopped()
        assert line == LINE
        client.ask("continue", threadId=thread)
        assert hit.communicate(timeout=60)[0].strip() == f"{word} {host_user.pw_uid}"
        devcontainer("exec", "sed", "-i", f"s/{word}/{after}/", "wsgi.py")
        assert client.wait_for("terminated") == {"restart": True}
        client.leave()
    assert {path.stat().st_uid for path in folder.rglob("*")} == {host_user.pw_uid}
