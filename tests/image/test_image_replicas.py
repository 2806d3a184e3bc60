"""Replicas on one cache volume, and their probes, while an index of the test's own is slow to send its packages."""

from __future__ import annotations

import functools
import hashlib
import http.client
import http.server
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.image.conftest import docker
from tests.package_index import wheel

APP = """
import slowly

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [slowly.VERSION.encode()]
"""
BUSY = """
import threading

def burn():
    while True:
        pass

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"busy"]

threading.Thread(target=burn, daemon=True).start()
"""
PROBED = ("--env", "APPLIANCE_PROBE_PORT=8081", "--publish", "127.0.0.1::8081")
VERSIONS = ("1.0", "2.0", "3.0")
WAITS = "waiting for another installation of the same environment"


class SlowIndex(http.server.ThreadingHTTPServer):
    """A package index that sends no wheel before it is told to."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = {name: threading.Event() for name in VERSIONS}
        self.sends = threading.Event()
        super().__init__(("0.0.0.0", 0), _Answer)


def _link(file):
    """A link with a hash: nobody needs the wheel to find out what it would install."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f'<a href="{file.name}#sha256={digest}" data-core-metadata="true">{file.name}</a>'


class _Answer(http.server.BaseHTTPRequestHandler):
    server: SlowIndex

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        file = self.server.folder / name.removesuffix(".metadata")
        if name.endswith(".metadata"):
            with zipfile.ZipFile(file) as archive:
                (member,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
                body, kind = archive.read(member), "text/plain"
        elif name.endswith(".whl"):
            self.server.asked[name.split("-")[1]].set()
            self.server.sends.wait(120)
            body, kind = file.read_bytes(), "application/octet-stream"
        else:
            links = "".join(map(_link, self.server.folder.iterdir()))
            body, kind = f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # its container was killed

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def index(engine, tmp_path):
    """The index, and its address as containers see it."""
    (tmp_path / "wheels").mkdir()
    for version in VERSIONS:
        wheel(tmp_path / "wheels", "slowly", version)
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").stdout.strip()
    with SlowIndex(tmp_path / "wheels") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server, f"http://{gateway}:{server.server_port}/simple"
        server.sends.set()
        server.shutdown()
        thread.join()


def probe(container, path):
    """The answer to a probe; it waits longer than a kubelet's, because the machine may be busy."""
    port = int(docker("port", container.name, "8081").stdout.split(":")[-1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def installed(container):
    """Return the packages that its installer has installed."""
    texts = [event["text"] for event in container.events("install.output")]
    return [text.strip() for text in texts if text.strip().startswith("+ ")]


@pytest.fixture
def release(project, tmp_path, index):
    """``release("1.0")``: the project at a version of its dependency."""

    @functools.cache
    def release(version):
        text = f"--index-url {index[1]}\nslowly=={version}\n"
        return project({"wsgi.py": APP, "requirements.txt": text}).rename(tmp_path / version)

    return release


@pytest.mark.waits
def test_replicas_share_nothing_but_locks(start, release, volume, index, docker):
    """One replica installs. Killed, it leaves the work to the one that waits; another version waits for none."""
    server, _ = index
    cache = (*PROBED, "--volume", f"{volume}:/cache")
    killed = start(release("1.0"), *cache)
    assert server.asked["1.0"].wait(60)
    waiting, other = start(release("1.0"), *cache), start(release("2.0"), *cache)
    waiting.wait_for("install.output", text=WAITS)
    assert server.asked["2.0"].wait(60)
    for container in (killed, waiting, other):
        assert probe(container, "/livez")[0] == 200
        status, text = probe(container, "/readyz")
        assert (status, text.split(": ")[:2]) == (503, ["not ready", "installing"])

    server.asked["1.0"].clear()
    docker("kill", killed.name)
    assert server.asked["1.0"].wait(60)
    server.sends.set()
    for container, version in ((waiting, "1.0"), (other, "2.0")):
        container.wait_for("worker.ready")
        assert (container.get().text, installed(container)) == (version, [f"+ slowly=={version}"])
        assert probe(container, "/readyz")[0] == 200

    docker("start", killed.name)
    again = type(killed)(killed.name, int(docker("port", killed.name, "8000").stdout.split(":")[-1]))
    again.wait_for("worker.ready")
    assert (again.get().text, installed(again)) == ("1.0", [])

    folder = release("3.0")
    with ThreadPoolExecutor(2) as starts:
        both = list(starts.map(lambda _: start(folder, *cache), range(2)))
    for container in both:
        container.wait_for("worker.ready")
    assert [line for container in both for line in installed(container)] == ["+ slowly==3.0"]

    words = "cd /cache/uid-*/environments && ls -d */ | wc -l && ls -d */.whole.json | wc -l"
    assert other.execute("sh", "-c", words).stdout.split() == ["3", "3"]
