"""Workspaces that are prebuilt, brought up by the reference implementation of dev containers as a user of the host."""

import json
import os

import pytest

from tests.image.conftest import following, request

PORT = 8000
APP = """
import os

import itsdangerous

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getuid()} {os.getcwd()} {itsdangerous.__name__}".encode()]
"""


@pytest.fixture
def workspace(others_may_enter, host_user, docker):
    """``workspace("name", devcontainer_json)``: the host user's project, with one dependency."""
    made = []

    def workspace(name, configuration, files=None):
        folder = others_may_enter / name
        (folder / ".devcontainer").mkdir(parents=True)
        (folder / ".devcontainer" / "devcontainer.json").write_text(json.dumps(configuration))
        (folder / "requirements.txt").write_text("itsdangerous\n")
        for path, text in {"wsgi.py": APP, **(files or {})}.items():
            (folder / path).write_text(text)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, host_user.pw_uid, host_user.pw_gid)
        made.append(folder)
        return folder

    yield workspace
    for folder in made:
        label = f"label=devcontainer.local_folder={folder}"
        for found in docker("ps", "--all", "--quiet", "--filter", label).stdout.split():
            used = docker("inspect", "--format", "{{.Config.Image}}", found).stdout.strip()
            docker("rm", "--force", "--volumes", found)
            docker("rmi", "--force", used, used.removesuffix("-uid"), check=False)


def events(lines):
    """The events among the lines of a container; the program that starts it writes a line of its own."""
    return [json.loads(line) for line in lines if line.startswith("{")]


def started_again(docker, container):
    """Stop a container and start it; the events of its second start, up to the served project."""
    docker("stop", container)
    before = docker("logs", container).stdout.count("\n")
    docker("start", container)
    lines = []
    with following(["docker", "logs", "--follow", container], 100) as follows:
        for number, line in enumerate(follows):
            if number >= before:
                lines.append(line)
            if number >= before and '"worker.ready"' in line:
                return events(lines)
    pytest.fail(f"not served:\n{''.join(lines)}")


def test_an_image_alone_is_a_prebuilt_workspace(workspace, image, run_devcontainer, host_user, docker):
    """A devcontainer.json that only names the image serves its folder; prebuilt, it installs nothing at its start."""
    folder = workspace("alone", {"image": image})
    read = run_devcontainer(folder, "read-configuration", "--include-merged-configuration")
    merged = json.loads(read)["mergedConfiguration"]
    assert (merged["remoteUser"], merged["forwardPorts"], merged["overrideCommand"]) == ("vscode", [PORT], False)
    assert merged["portsAttributes"][str(PORT)]["label"] == "the project"
    assert merged["updateContentCommands"] == ["appliance install || true"]
    assert merged["customizations"]["vscode"][0]["extensions"] == ["ms-python.python", "ms-python.debugpy"]

    up = json.loads(run_devcontainer(folder, "up", "--prebuild").splitlines()[-1])
    assert (up["outcome"], up["remoteUser"]) == ("success", "vscode")
    container = up["containerId"]

    second = started_again(docker, container)
    assert [event for event in second if event["event"].startswith("install.")] == []
    address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", container).stdout.strip()
    answer = request(PORT, address=address)
    assert (answer.status, answer.text) == (200, f"{host_user.pw_uid} /workspaces/alone itsdangerous")

    script = "id -un; id -u; touch made; python -c 'import itsdangerous; print(itsdangerous.__file__)'"
    said = run_devcontainer(folder, "exec", "sh", "-c", script).split()
    assert said[:2] == ["vscode", str(host_user.pw_uid)]
    assert said[2].startswith(f"/cache/uid-{host_user.pw_uid}/environments/")
    assert (folder / "made").stat().st_uid == host_user.pw_uid


def test_a_broken_project_is_a_workspace_too(workspace, image, run_devcontainer, docker):
    """A failed installation does not prevent a workspace: the command and the page have the reason."""
    folder = workspace("broken", {"image": image}, {"requirements.txt": "itsdangerous==0.0.0.1\n"})
    up = json.loads(run_devcontainer(folder, "up").splitlines()[-1])
    assert up["outcome"] == "success"
    with following(["docker", "logs", "--follow", up["containerId"]], 60) as lines:
        assert any('"install.failed"' in line for line in lines)
    assert "install" in run_devcontainer(folder, "exec", "sh", "-c", "appliance status || true")
