"""``wsgi.file_wrapper``: how a file is sent, and what only looks like one."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.served import Served, get

Serve = Callable[..., Served]
START = tuple[str, list[tuple[str, str]]]


@pytest.mark.parametrize("size", [0, 100, 300_000])
def test_files_are_sent_whole(serve: Serve, tmp_path: Path, size: int):
    """wsgi.file_wrapper sends a file from where it stands, with its length, and closes it."""
    path = tmp_path / "file"
    path.write_bytes(b"skipped" + bytes(size))
    opened: list[Any] = []

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        file = path.open("rb")
        file.read(7)
        opened.append(file)
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    client = serve(application).client()
    response = client.ask()
    assert (response["Content-Length"], response.body) == (str(size), bytes(size))
    assert client.ask(get(method="HEAD"))["Content-Length"] == (str(size) if size else None)
    assert client.ask().body == bytes(size)
    assert all(file.closed for file in opened[:2])


def test_what_only_looks_like_a_file_is_iterated(serve: Serve, tmp_path: Path):
    """A wrapped object whose descriptor holds other bytes, or that has none, is read and not sent by the kernel."""
    path = tmp_path / "file.gz"
    with gzip.open(path, "wb") as file:
        file.write(bytes(200_000))

    def compressed(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](gzip.open(path), 8192)

    def memory(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](io.BytesIO(bytes(200_000)), 8192)

    assert serve(compressed).ask().body == bytes(200_000)
    assert serve(memory).ask().body == bytes(200_000)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a file of that kind is needed")
def test_a_file_without_a_size_is_read_to_its_end(serve: Serve):
    """A file whose content is made when it is read, as in /proc, is sent whole although its size is 0."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](Path("/proc/self/status").open("rb"))

    assert serve(application).ask().body.startswith(b"Name:")


class Upper(io.BufferedReader):
    """A file whose text is read in capital letters."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size).upper()


class Wrapped:
    """An object that reads its file in capital letters."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")

    def read(self, size: int) -> bytes:
        return self.file.read(size).upper()

    def close(self) -> None:
        self.file.close()


@pytest.mark.parametrize("size", [100, 200_000])
@pytest.mark.parametrize("make", [lambda path: Upper(io.FileIO(path)), Wrapped], ids=["subclass", "attribute"])
def test_a_file_like_object_is_read_by_its_own_method(
    serve: Serve, tmp_path: Path, make: Callable[[Path], Any], size: int
):
    """An object with a ``read`` of its own is sent as it reads, and not as the file that it has."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * size)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](make(path))

    assert serve(application).ask().body == b"A" * size


@pytest.mark.parametrize("size", [100, 200_000])
def test_a_temporary_file_is_sent_whole(serve: Serve, size: int):
    """A file of tempfile is sent from where it stands, with its length."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115  the server closes it
        file.write(bytes(size))
        file.seek(0)
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    response = serve(application).ask()
    assert (response["Content-Length"], response.body) == (str(size), bytes(size))


def test_a_file_is_held_to_its_content_length(serve: Serve, tmp_path: Path):
    """A file that is longer than Content-Length is cut, one that is shorter closes the connection."""
    path = tmp_path / "file"
    path.write_bytes(bytes(200_000))
    for declared, sent in (("100000", 100_000), ("300000", 200_000)):

        def application(environ: dict[str, Any], start_response: Any, declared: str = declared) -> Any:
            start_response("200 OK", [("Content-Length", declared)])
            return environ["wsgi.file_wrapper"](path.open("rb"))

        served = serve(application)
        assert len(served.ask().body) == sent
        assert served.sink.wait_for("response.long" if declared == "100000" else "response.short")
