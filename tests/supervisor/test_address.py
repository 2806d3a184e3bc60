"""The URL that is shown to people: right, or none."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from appliance.supervisor.address import Address

IN_IMAGE = {"APPLIANCE_IMAGE": "slim"}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_the_sockets_port_is_the_browsers_outside_a_container(listener: socket.socket) -> None:
    """Without a container the socket's own port is the browser's."""
    port = listener.getsockname()[1]
    address = Address.of(listener, "", {}, secure=False)
    assert address.url == f"http://localhost:{port}"
    assert address.fields("/p") == {"url": address.url, "address": f"127.0.0.1:{port}", "project": "/p"}
    assert Address.of(listener, "", {}, secure=True).url == f"https://localhost:{port}"


def test_an_address_of_ipv6_has_brackets() -> None:
    """The address of a socket on IPv6 is in brackets, as in a URL: ``:::8000`` can't be read."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        address = Address.of(listener, "", {}, secure=False)
    assert address.url == f"http://localhost:{port}"
    assert address.fields("/p")["address"] == f"[::1]:{port}"


def test_a_container_shows_the_command_and_no_url(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container does not know its published port: no URL, and the command that shows the port."""
    port = listener.getsockname()[1]
    monkeypatch.setattr(socket, "gethostname", lambda: "0123456789ab")
    address = Address.of(listener, "", IN_IMAGE, secure=False)
    assert address.url is None
    fields = address.fields("/p")
    assert "url" not in fields
    assert f"`docker port 0123456789ab {port}`" in fields["action"]


def test_a_chosen_host_name_is_not_a_containers_name(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that a person chose is not treated as a container's name."""
    monkeypatch.setattr(socket, "gethostname", lambda: "shop")
    assert "`docker ps`" in Address.of(listener, "", IN_IMAGE, secure=False).fields("/p")["action"]


@pytest.mark.parametrize(
    ("public", "secure", "url"),
    [
        ("http://localhost:8119", False, "http://localhost:8119"),
        ("http://localhost:8119", True, "https://localhost:8119"),
        ("https://shop.test", False, "https://shop.test"),
    ],
)
def test_a_public_url_counts_everywhere(listener: socket.socket, public: str, secure: bool, url: str) -> None:
    """The public URL counts everywhere, with the scheme that is served."""
    assert Address.of(listener, public, IN_IMAGE, secure=secure).url == url
    assert Address.of(listener, public, {}, secure=secure).url == url
