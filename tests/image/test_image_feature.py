"""The dev container Feature on images that are not the appliance's, by the reference implementation."""

import json
import os
import shutil
import ssl
from pathlib import Path

import pytest

from tests.image.conftest import following
from tests.thorough import THOROUGH
from tools import feature

APP = """
import os

import itsdangerous

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getuid()} {os.getcwd()} {itsdangerous.__name__}".encode()]
"""
# The certificates of this machine: behind a company's proxy the index is reached with them alone.
DOCKERFILE = """
FROM {base}
COPY certificates.crt /usr/local/share/certificates.crt
ENV SSL_CERT_FILE=/usr/local/share/certificates.crt REQUESTS_CA_BUNDLE=/usr/local/share/certificates.crt
RUN useradd --create-home coder
{more}
"""
BASES = ["debian:trixie-slim", *(["python:3.13-slim"] if THOROUGH else [])]
PYTHON_FILES = "find /usr -xdev -path '*python3*' -type f -not -name '*.pyc' | sort | xargs -r md5sum"
INSTALLED = "find /opt/appliance /usr/local/share/appliance -type f -not -name '*.pyc' | sort | xargs md5sum"


@pytest.fixture(params=BASES)
def base(request, docker):
    """The name of a base image that this machine has."""
    if docker("image", "inspect", request.param, check=False).returncode:
        pytest.skip(f"not run: there is no image {request.param}")
    return request.param


@pytest.fixture
def workspace(others_may_enter, host_user, base, docker):
    """The host user's project, whose dev container is the base with the Feature."""
    folder = others_may_enter / "feature"
    config = folder / ".devcontainer"
    config.mkdir(parents=True)
    feature.pack(config / "appliance")
    found = ssl.get_default_verify_paths().cafile
    (config / "certificates.crt").write_bytes(Path(found).read_bytes() if found else b"")
    (config / "Dockerfile").write_text(DOCKERFILE.format(base=base, more=""))
    described = {"build": {"dockerfile": "Dockerfile"}, "features": {"./appliance": {}}, "remoteUser": "coder"}
    (config / "devcontainer.json").write_text(json.dumps(described))
    (folder / "requirements.txt").write_text("itsdangerous\n")
    (folder / "wsgi.py").write_text(APP)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, host_user.pw_uid, host_user.pw_gid)
    yield folder
    label = f"label=devcontainer.local_folder={folder}"
    for container in docker("ps", "--all", "--quiet", "--filter", label).stdout.split():
        used = docker("inspect", "--format", "{{.Config.Image}}", container).stdout.strip()
        docker("rm", "--force", "--volumes", container)
        docker("rmi", "--force", used, used.removesuffix("-uid"), check=False)
    shutil.rmtree(folder)


@pytest.mark.waits
def test_the_feature_serves_in_any_image(workspace, base, run_devcontainer, host_user, docker):
    """A prebuilt workspace of another image installs nothing at its start, serves as its user, and keeps its Python."""
    up = json.loads(run_devcontainer(workspace, "up", "--prebuild").splitlines()[-1])
    assert (up["outcome"], up["remoteUser"]) == ("success", "coder")
    container = up["containerId"]
    docker("restart", "--time", "1", container)
    run_devcontainer(workspace, "up")
    log = f"/tmp/appliance-{host_user.pw_uid}.log"
    with following(["docker", "exec", container, "tail", "-n", "+1", "-f", log], 60) as lines:
        seen = []
        for line in lines:
            seen.append(line)
            if "worker.ready" in line:
                break
    assert "worker.ready" in seen[-1], "".join(seen)
    assert not any("install." in line for line in seen)

    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/').read().decode())"
    script = f"""
        /opt/appliance/bin/python -c "{ask}"
        /usr/local/share/appliance/start.sh
        grep -c worker.ready {log}
        readlink /tmp/appliance/environment
        appliance run python -c 'import sys; print(sys.prefix)'
    """
    said = run_devcontainer(workspace, "exec", "sh", "-c", script).splitlines()
    assert said[0] == f"{host_user.pw_uid} /workspaces/feature itsdangerous"
    assert said[1] == "1", "a second start would begin a new log"
    assert said[-1].startswith(f"/var/cache/wsgi-appliance/uid-{host_user.pw_uid}/environments/")
    assert said[-1] == said[-2]
    if THOROUGH:
        installed = docker("exec", container, "sh", "-c", INSTALLED).stdout
        docker("exec", "--user", "root", container, "sh", "/workspaces/feature/.devcontainer/appliance/install.sh")
        assert docker("exec", container, "sh", "-c", INSTALLED).stdout == installed
    if base.startswith("python"):
        before = docker("run", "--rm", base, "sh", "-c", PYTHON_FILES).stdout
        after = docker("exec", "--user", "root", container, "sh", "-c", PYTHON_FILES).stdout
        assert after == before
