"""An index of packages on this machine that keeps back the ends of some: an installation stands still for a picture.

The packages are made here and have names of known ones; nothing is downloaded.
"""

from __future__ import annotations

import os
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = ("blinker", "click", "flask", "idna", "itsdangerous", "jinja2", "markupsafe", "requests", "urllib3", "werkzeug")
LARGE = {"pillow": 4_200_000, "numpy": 16_600_000, "pandas": 12_100_000}  # bytes
HELD = ("numpy", "pandas")


@contextmanager
def slow_index(folder: Path) -> Iterator[tuple[dict[str, str], threading.Event]]:
    """Serve the packages; return the variables that make uv use them, and what lets the held ones go."""
    files = {name: _wheel(folder, name, LARGE.get(name, 0)) for name in (*SMALL, *LARGE)}
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Print nothing."""

        def do_GET(self) -> None:
            name = self.path.rstrip("/").rpartition("/")[2]
            package = name.partition("-")[0]
            if name.endswith(".metadata"):
                self._send("text/plain", _metadata(package).encode())
            elif name.endswith(".whl"):
                self._send("application/zip", files[package].read_bytes(), held=package in HELD)
            else:
                link = f'<a href="/{files[package].name}" data-core-metadata="true">{files[package].name}</a>'
                self._send("text/html", f"<!doctype html>{link}".encode())

        def _send(self, kind: str, body: bytes, *, held: bool = False) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            half = len(body) // 2
            self.wfile.write(body[:half])
            if held:
                self.wfile.flush()
                released.wait()
            self.wfile.write(body[half:])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Nothing of this machine's own settings for pip: other indexes, folders of wheels.
    own = {"UV_DEFAULT_INDEX": f"http://127.0.0.1:{server.server_port}", "PIP_CONFIG_FILE": os.devnull}
    try:
        yield {**own, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}, released
    finally:
        released.set()
        server.shutdown()
        server.server_close()


def requirements() -> str:
    """Return a requirements file of all packages."""
    return "".join(f"{name}\n" for name in sorted((*SMALL, *LARGE)))


def _metadata(package: str) -> str:
    return f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"


def _wheel(folder: Path, package: str, size: int) -> Path:
    """Make a wheel that holds one module, and as many bytes of data."""
    path = folder / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{package}/__init__.py", "")
        archive.writestr(f"{package}/data", os.urandom(size))
        archive.writestr(f"{info}/METADATA", _metadata(package))
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        names = [*archive.namelist(), f"{info}/RECORD"]
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    return path
