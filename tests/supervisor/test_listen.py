"""The listening socket: bound with the longest queue, or refused in words."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from appliance.errors import ListenError
from appliance.supervisor.listen import backlog, bind


def test_the_queue_is_the_kernels_longest():
    """The queue is as long as the kernel allows, at most 4096."""
    allowed = int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii"))
    assert backlog() == min(4096, allowed)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "0.0.0.0", "::", ""])
def test_hosts_of_both_families_are_bound(host: str):
    """Names and addresses of both families are bound, and connections to them arrive."""
    with bind(host, 0) as listener:
        family = listener.family
        where = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        with socket.create_connection((where, listener.getsockname()[1]), timeout=5) as client:
            connection, address = listener.accept()
            connection.close()
            assert address[1] == client.getsockname()[1]


def test_a_taken_port_is_an_error():
    """The error for a port in use names the port and what to do."""
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            bind("127.0.0.1", port)
    assert str(port) in caught.value.found
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("host", ["shop..local", "x" * 70, "10.0.0.256"])
def test_a_host_that_no_machine_can_have_is_an_error(host: str):
    """A host without an address is reported with the setting, also if it can't even be looked up."""
    with pytest.raises(ListenError) as caught:
        bind(host, 0)
    assert f"APPLIANCE_HOST={host}" in caught.value.found


def test_a_foreign_address_is_an_error():
    """The error for a host that is not an address of this machine names the host."""
    with pytest.raises(ListenError, match=r"no\.such\.host\.invalid"):
        bind("no.such.host.invalid", 0)
    with pytest.raises(ListenError, match=r"192\.0\.2\.77"):
        bind("192.0.2.77", 0)
