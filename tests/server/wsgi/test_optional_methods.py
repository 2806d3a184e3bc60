"""Optional methods of a server and its sink: the server finds each by name, and a protocol declares it."""

from __future__ import annotations

import ast

import pytest

from appliance.protocol.channel import Channel
from appliance.server.pool.pool import PooledWSGIServer
from appliance.server.wsgi.access_log.sink import OptionalSinkMethods
from appliance.server.wsgi.server_context import OptionalServerMethods
from appliance.worker.records import RecordSink
from tests.parsed_files import parsed
from tests.test_house import PACKAGE

# Values of a server, which ``socketserver`` and ``wsgiref`` document, or which are ours; a server may lack any.
VALUES = {"base_environ", "server_context", "server_name", "server_port", "sink"}


def declared(protocol: type) -> set[str]:
    """The names that a protocol declares."""
    return {name for name in vars(protocol) if not name.startswith("_")}


def looked_for(end: str) -> set[str]:
    """The names that modules of the server look for at an expression that ends like this."""
    nodes = (node for path in (PACKAGE / "server").rglob("*.py") for node in ast.walk(parsed(path)))
    calls = (node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr")
    asked = (call.args[1] for call in calls if ast.unparse(call.args[0]).rpartition(".")[2] == end)
    return {str(name.value) for name in asked if isinstance(name, ast.Constant)}


@pytest.mark.parametrize(
    ("end", "names"),
    [("sink", declared(OptionalSinkMethods)), ("server", declared(OptionalServerMethods) | VALUES)],
    ids=["sink", "server"],
)
def test_what_the_server_looks_for_is_declared(end, names):
    """The names that the server looks for at a sink, or at a server, are those that the protocol declares."""
    assert looked_for(end) == names


def test_the_sink_of_a_worker_has_all_optional_methods():
    """A worker's sink has each optional method; a type checker compares their arguments."""
    ours, theirs = Channel.pair()
    with ours, theirs:
        sink: OptionalSinkMethods = RecordSink(Channel(ours))
        assert [name for name in declared(OptionalSinkMethods) if not hasattr(sink, name)] == []


def test_the_server_with_a_pool_has_all_optional_methods():
    """The server with a pool has each optional method; a type checker compares their arguments."""
    server: type[OptionalServerMethods] = PooledWSGIServer
    assert [name for name in declared(OptionalServerMethods) if not hasattr(server, name)] == []
