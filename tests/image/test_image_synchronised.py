"""A project that a tool synchronises into the container: by tar over exec, and by ``docker compose watch``."""

import io
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from tests.image.test_image_reload import Visitor

MODULES = 1990
IMPORTED = [f"shop.part{number % 20:02}.m{number}" for number in [*range(0, MODULES, 97), MODULES - 1]]
APP = """
import importlib
EDITIONS = {{importlib.import_module(name).EDITION for name in {names!r}}}
assert EDITIONS == {{{edition!r}}}, EDITIONS
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"edition {edition}"]
"""
COMPOSE = """
services:
  app:
    image: {image}
    build: {{context: ./image}}
    ports: ["127.0.0.1:{port}:8000"]
    volumes:
      - {{type: volume, source: project, target: /workspace}}
      - {{type: volume, source: cache, target: /cache}}
    cap_drop: [ALL]
    develop:
      watch:
        - {{action: sync, path: ./project, target: /workspace}}
volumes: {{project: , cache: }}
"""
LONG_AGO = 1_000_000_000


def contents(edition):
    """The files of one edition: the application comes first, and half of the others are not a project."""
    files = {"wsgi.py": APP.format(names=IMPORTED, edition=edition), "shop/__init__.py": ""}
    files |= {f"shop/part{part:02}/__init__.py": "" for part in range(8)}
    for number in range(MODULES):
        files[f"shop/part{number % 20:02}/m{number}.py"] = f"EDITION = {edition!r}  # {number}\n"
    return files


def archive(edition):
    """The same as a tar, whose files are old."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, text in contents(edition).items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(text), LONG_AGO, 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    return whole.getvalue()


def unpack(container, data, *options, argv=("tar", "-xf", "-"), pause_s=0.0, slices=20):
    """``docker exec -i CONTAINER tar x``; with a pause between its slices as on a slow network."""
    pause = threading.Event()
    with subprocess.Popen(["docker", "exec", "-i", *options, container.name, *argv], stdin=subprocess.PIPE) as program:
        assert program.stdin is not None
        size = len(data) // slices + 1
        for at in range(0, len(data), size):
            program.stdin.write(data[at : at + size])
            program.stdin.flush()
            pause.wait(pause_s)
        program.stdin.close()
        assert program.wait(timeout=60) == 0


def wait_until_served(container, text):
    """Return when the project answers this, after however many reloads."""
    while True:
        reloads = len(container.events("reload.finished"))  # before the question: one that ends meanwhile is not missed
        if container.get().text == text:
            return
        container.wait_for("reload.finished", count=reloads + 1)


def errors(container):
    """The errors of the container's log, without the pages that were answered."""
    return [event for event in container.events() if event["level"] == "error" and event["event"] != "request.finished"]


@pytest.fixture
def container(start):
    """A container whose project's folder is a volume, as an emptyDir of a pod: empty at first."""
    return start(None, "--volume", "/workspace", "--user", "1000:1000", "--cap-drop", "ALL")


def test_an_archive_into_the_folder_is_one_reload_each_time(container):
    """2,000 files come by tar into an empty folder, and again, slowly: each is one reload, and no request fails."""
    container.wait_for("application.missing")
    unpack(container, archive("one"))
    container.wait_for("worker.ready")
    wait_until_served(container, "edition one")
    reloads = []
    with Visitor(container) as visitor:
        for edition, pause_s in (("two", 0.0), ("three", 0.12)):
            before = len(container.events("reload.started"))
            unpack(container, archive(edition), pause_s=pause_s)
            wait_until_served(container, f"edition {edition}")
            reloads.append(len(container.events("reload.started")) - before)
    # A machine that is so busy may let more time pass between two files than a burst waits: then there is one more.
    slow = any(event["duration_s"] > 0.5 for event in container.events("reload.finished"))
    assert reloads == [1, 1] or slow
    assert [failure for failure in visitor.failures if failure != 503 or not slow] == []
    assert visitor.answered > 20
    assert [event["event"] for event in errors(container)] == ["application.missing"]


def test_files_that_skaffold_copies_are_served_as_one_save(container):
    """Files that Skaffold removes and unpacks, with new times, are served as one; a user's save meanwhile is kept."""
    unpack(container, archive("one"), argv=("tar", "xmf", "-", "-C", "/workspace", "--no-same-owner"))
    container.wait_for("worker.ready")
    container.execute("rm", "-rf", "--", "/workspace/shop")
    unpack(container, archive("two"), argv=("tar", "xmf", "-", "-C", "/workspace", "--no-same-owner"), pause_s=0.02)
    wait_until_served(container, "edition two")
    unpack(container, archive("three"), argv=("tar", "-xmf", "-", "-C", "/workspace"))
    wait_until_served(container, "edition three")


def write(folder: Path, edition: str) -> None:
    """Write an edition into a folder of this machine."""
    for name, text in contents(edition).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def watched(compose, image, tmp_path):
    """A compose project that synchronises a folder of this machine, with ``docker compose watch`` at work."""
    (tmp_path / "image").mkdir()
    (tmp_path / "image/Dockerfile").write_text(f"FROM {image}\n", encoding="utf-8")
    (tmp_path / "project").mkdir()
    compose.folder = tmp_path
    tag = f"{compose.name}-app"
    (tmp_path / "compose.yml").write_text(COMPOSE.format(image=tag, port=compose.port), encoding="utf-8")
    compose("up", "--build", "--detach")
    argv = ["docker", "compose", "--project-name", compose.name, "watch", "--no-up"]
    with subprocess.Popen(
        argv, cwd=tmp_path, env=compose.variables(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        assert program.stdout is not None
        watchdog = threading.Timer(240, program.kill)
        watchdog.start()
        assert any("Watch enabled" in line for line in program.stdout)
        drain = threading.Thread(target=program.stdout.read)
        drain.start()
        yield compose.container(), tmp_path / "project"
        watchdog.cancel()
        program.terminate()
        drain.join()
    compose("down", "--volumes", "--timeout", "2", "--rmi", "all", check=False)


@pytest.mark.waits
def test_compose_watch_synchronises(watched):
    """``docker compose watch`` brings 2,000 files, one save, and a removed folder; each is served without a failure."""
    container, folder = watched
    container.wait_for("application.missing")
    write(folder, "one")
    container.wait_for("worker.ready")
    wait_until_served(container, "edition one")
    with Visitor(container) as visitor:
        write(folder, "two")
        wait_until_served(container, "edition two")
    slow = any(event["duration_s"] > 0.5 for event in container.events("reload.finished"))
    assert [failure for failure in visitor.failures if failure != 503 or not slow] == []
    shutil.rmtree(folder / "shop")
    (folder / "wsgi.py").write_text(APP.format(names=[], edition="three").replace("assert", "#"), encoding="utf-8")
    wait_until_served(container, "edition three")
    assert [event["event"] for event in errors(container)] == ["application.missing"]
