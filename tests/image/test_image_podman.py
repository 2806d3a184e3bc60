"""The Kubernetes base that ``appliance deploy`` writes, played by Podman: restricted, synchronised, and updated."""

from __future__ import annotations

import base64
import io
import socket
import tarfile
import uuid

import pytest
import yaml

from tests.image.conftest import command, docker
from tests.image.podman_engine import podman_engine
from tests.thorough import long_form

SECRET = base64.b64encode(b"correct-horse-battery-staple").decode()  # Podman 4.3 gives it to the project as it is
APP = """
import os, itsdangerous
print("the token is", os.environ["API_TOKEN"])

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getuid()}:{os.getgid()} WORD {os.environ['GREETING']} {len(os.environ['API_TOKEN'])}".encode()]
"""
FILES = {
    "wsgi.py": APP.replace("WORD", "first"),
    "requirements.txt": "itsdangerous==2.2.0\n",
    ".env.example": "GREETING=hello\nAPI_TOKEN=\n",
}
NONE = "0" * 16  # capabilities
POD, CONTAINER = "shop-pod-0", "shop-pod-0-app"
STATUS = "grep -hE '^(Uid|CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/1/status | tr -s '[:space:]' ' '"


@pytest.fixture
def podman(engine):
    """A Podman of this test's own."""
    with podman_engine() as podman:
        yield podman


@pytest.fixture
def preview(image, project):
    """A project with the files of ``appliance deploy``, and its image in the Docker engine."""
    folder = project(FILES)
    mount = ["--volume", f"{folder}:/workspace"]
    docker("run", "--rm", *mount, image, "deploy", "--for", "kubernetes", "--name", "shop")
    tag = f"shop-preview:{uuid.uuid4().hex[:12]}"
    docker("build", "--quiet", "--file", f"{folder}/deploy/Dockerfile", "--tag", tag, str(folder))
    yield folder, tag
    docker("rmi", "--force", tag, check=False)


def rendered(folder, tag, kinds):
    """The base's manifests of these kinds, as Kustomize renders them, and as Podman 4.3 can play them.

    It plays an optional Secret as none, and starts the init containers of a Pod whose restartPolicy is Always again and
    again. It publishes each port, also where other tests listen.
    """
    documents = list(yaml.safe_load_all(command("kubectl", "kustomize", f"{folder}/deploy/kubernetes/base").stdout))
    (deployment,) = (each for each in documents if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    pod["restartPolicy"] = "OnFailure"
    for volume in pod["volumes"]:
        if "secret" in volume:
            volume["secret"]["optional"] = False
    for container in [*pod["initContainers"], *pod["containers"]]:
        container["image"] = tag
        for port in container.get("ports", ()):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port["hostPort"] = free.getsockname()[1]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-secrets"}, "data": {"API_TOKEN": SECRET}}
    return yaml.safe_dump_all(each for each in [secret, *documents] if each["kind"] in kinds)


def archive(text):
    """A tar of a new wsgi.py."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        info = tarfile.TarInfo("wsgi.py")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    return whole.getvalue()


@pytest.mark.waits
@long_form("another engine loads the image")
def test_podman_plays_the_kubernetes_base(podman, preview, tmp_path):
    """The Pod runs restricted; what tar brings and a ConfigMap's update are served, and the update installs nothing."""
    folder, tag = preview
    podman.load(tag)
    played = tmp_path / "played.yaml"
    played.write_text(rendered(folder, tag, {"Secret", "ConfigMap", "PersistentVolumeClaim", "Deployment", "Service"}))
    podman("kube", "play", str(played))
    podman.wait_for(CONTAINER, "worker.ready")
    assert podman.get(POD, 8000).text == f"10001:0 first hello {len(SECRET)}"
    assert podman.get(POD, 8081, "/readyz").status == 200
    said = podman("exec", CONTAINER, "sh", "-c", STATUS).stdout.split()
    assert said == ["Uid:", *["10001"] * 4, "CapEff:", NONE, "CapBnd:", NONE, "NoNewPrivs:", "1", "Seccomp:", "2"]
    assert "Read-only" in podman("exec", CONTAINER, "touch", "/usr/new", check=False).stderr
    assert [each["text"] for each in podman.events(CONTAINER) if each["event"] == "output"] == ["the token is ********"]

    podman.unpack(CONTAINER, archive(APP.replace("WORD", "synchronised")))
    podman.wait_for(CONTAINER, "reload.finished")
    assert podman.get(POD, 8000).text == f"10001:0 synchronised hello {len(SECRET)}"
    assert [each for each in podman.events(CONTAINER) if each["level"] in {"warning", "error"}] == []

    settings = folder / "deploy/kubernetes/base/settings.env"
    settings.write_text(settings.read_text().replace("GREETING=hello", "GREETING=goodbye"))
    played.write_text(rendered(folder, tag, {"Secret", "ConfigMap", "Deployment"}))  # it plays a claim only once
    podman("kube", "play", "--replace", str(played))
    podman.wait_for(CONTAINER, "worker.ready")
    assert podman.get(POD, 8000).text == f"10001:0 first goodbye {len(SECRET)}"
    assert [each["event"] for each in podman.events(CONTAINER) if each["event"].startswith("install.")] == []
