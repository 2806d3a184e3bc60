"""Which clients are this machine."""

import pytest

from appliance.server.browser.local_peers import gateways, is_local

ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
eth0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
eth1	0000000A	0100000A	0003	0	0	0	000000FF	0	0	0
"""
ROUTES_V6 = (
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 "
    "00000400 00000001 00000000 00000003     eth0\n"
    "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 "
    "00000100 00000001 00000000 00000001     eth0\n"
)


def test_the_gateway_is_that_of_the_default_route():
    """The gateways of the default routes alone count: the clients of a published port come from there."""
    assert gateways(ROUTES, ROUTES_V6) == {"172.17.0.1", "fd00::1"}


@pytest.mark.parametrize("text", ["", "nonsense\n", "a b\nc d e\n"])
def test_a_table_that_lacks_a_default_route_trusts_nobody(text: str):
    """A routing table without a default route names no gateway."""
    assert gateways(text, text) == frozenset()


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("172.17.0.1", True),
        ("::ffff:172.17.0.1", True),
        ("172.17.0.9", False),  # another container
        ("192.168.1.20", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_another_container_is_not_local(peer: str, local: bool):
    """Loopback and the gateway are this machine; every other address is not."""
    assert is_local(peer, frozenset({"172.17.0.1"})) is local
