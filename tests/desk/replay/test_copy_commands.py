"""The commands to copy send what was received: they are run against a socket."""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import threading

import pytest

from appliance.desk.replay.copy_commands import copies
from appliance.desk.replay.sent_request import SentRequest
from appliance.server.pages.visible_text import visible

BODIES = [b"", b"@file 'quoted' \"$HOME\" `id` \\ %s\nnext\n", b'{"a": "\xc3\xa4"}', b"\x00\xff'%\n"]
UNSHOWN = [b"--b\r\nContent-Disposition: form-data\r\n", b"soft\xc2\xadhyphen", b"\xef\xbb\xbfmark", b"\x1b[0m"]


class Server:
    """Answers one connection, and keeps what came."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._came = bytearray()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as client:
            while b"\r\n\r\n" not in self._came or not self._is_whole():
                self._came += client.recv(65_536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    def _is_whole(self) -> bool:
        head, _, body = self._came.partition(b"\r\n\r\n")
        length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        return len(body) >= (int(length[0].partition(b":")[2]) if length else 0)

    def came(self) -> tuple[str, dict[str, str], bytes]:
        """Return the request line, the fields and the body."""
        self._thread.join(20)
        head, _, body = bytes(self._came).partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        return line, {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}, body


def request(port: int, method: str, body: bytes) -> SentRequest:
    """A request whose every part needs a quote."""
    fields = [
        ("Host", f"127.0.0.1:{port}"),
        ("X-Name", "caf\xc3\xa9"),
        ("X-Odd", 'it\'s $(id) "q" \\ =:@'),
        ("X-Mark", "=a;b"),
        ("X-Empty", ""),
    ]
    if body:
        fields.append(("Content-Type", "text/odd"))
    return SentRequest(method, "/a/../b;c?x=%20'$[1]{2}", tuple(fields), body)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("body", [*BODIES, *UNSHOWN], ids=range(8))
def test_curl_sends_the_same_request(body: bytes):
    """The target, each field and the body arrive byte for byte, and no field more than curl must send."""
    server = Server()
    sent = request(server.port, "PUT" if body else "GET", body)
    command = copies(sent, secure=False)["curl"]
    subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, timeout=30)
    line, fields, came = server.came()
    assert line == f"{sent.method} {sent.target} HTTP/1.1"
    assert came == body
    wanted = {name.lower(): value for name, value in sent.fields}
    assert {name: value for name, value in fields.items() if name != "content-length"} == wanted


@pytest.mark.parametrize("body", UNSHOWN, ids=range(4))
@pytest.mark.parametrize("form", ["curl", "httpie", "requests"])
def test_a_page_shows_a_command_as_it_is(form: str, body: bytes):
    """A command has only characters that a page shows as they are: any other would be copied in another way."""
    command = copies(request(80, "PUT", body), secure=False)[form]
    assert visible(command) == command


def test_python_is_quoted_as_python():
    """The program can be compiled, and has the values as they are."""
    sent = request(80, "POST", BODIES[1])
    program = copies(sent, secure=True)["requests"]
    compile(program, "copied", "exec")
    assert repr(BODIES[1]) in program
    assert repr(f"https://127.0.0.1:80{sent.target}") in program


@pytest.mark.parametrize("body", BODIES, ids=range(4))
def test_options_of_httpie_come_first(body: bytes):
    """After the URL, HTTPie reads fields alone: each argument there is one, and the body is an option or the input."""
    command = copies(request(80, "PUT", body), secure=False)["httpie"].replace(" \\\n  ", " ")
    arguments = shlex.split(command.rpartition("| ")[2] if b"\0" in body else command)
    end = arguments.index("PUT")
    assert arguments[0] == "http"
    assert all(each.startswith("--") for each in arguments[1:end])
    assert not any(each.startswith("--") for each in arguments[end:])
    raw = [each.removeprefix("--raw=") for each in arguments if each.startswith("--raw=")]
    assert raw == ([body.decode()] if body and b"\0" not in body else [])
    assert ("--ignore-stdin" in arguments) == (b"\0" not in body)


def test_masked_values_become_names():
    """A placeholder names the field or the cookie, in each form."""
    fields = (("Authorization", "Basic ********"), ("Cookie", "sid=********; a=b"))
    for command in copies(SentRequest("GET", "/?token=********", fields), secure=False).values():
        assert "Basic <Authorization>" in command
        assert "sid=<sid>; a=b" in command
        assert "token=<value>" in command
        assert "****" not in command
