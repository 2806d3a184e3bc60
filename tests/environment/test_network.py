"""Looks at the network that end soon."""

import socket
import threading

import pytest

from appliance.environment.network import answers, network_is_there

HEADING = "Iface\tDestination\n"


@pytest.mark.parametrize(
    ("route", "six", "there"),
    [
        (HEADING, "", False),
        (HEADING, "0000 00 0000 00 0000 ffffffff 1 0 00200200 lo\n", False),
        (HEADING + "eth0\t00000000\n", "", True),
        (HEADING, "0000 00 0000 00 0000 ffffffff 1 0 00200200 eth0\n", True),
    ],
)
def test_no_network_is_known_at_once(tmp_path, route, six, there):
    """If only the loopback has a route, there is no network; if the routes are not known, there is one."""
    files = (tmp_path / "route", tmp_path / "ipv6_route")
    files[0].write_text(route)
    files[1].write_text(six)
    assert network_is_there(files) is there
    assert network_is_there((tmp_path / "gone",))


def test_a_listening_port_answers():
    """A listening port answers, a closed one does not; an address of another kind is left to the installer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert answers(f"http://127.0.0.1:{port}/simple", {})
        assert answers("https://index.test", {"HTTPS_PROXY": f"127.0.0.1:{port}"})
    assert not answers(f"http://127.0.0.1:{port}/simple", {})
    assert not answers("https://index.test", {"HTTPS_PROXY": f"http://127.0.0.1:{port}"})
    assert answers("file:///srv/simple", {})
    assert answers("http://index.test:port", {})


def test_the_installer_finds_out_if_no_thread_can_ask(monkeypatch: pytest.MonkeyPatch):
    """If no thread can be started, or the URL is invalid, the installer itself finds out."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    assert answers("http://[index", {})
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert answers("http://127.0.0.1:1/simple", {})
