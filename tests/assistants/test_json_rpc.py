"""JSON-RPC: what is a message, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.assistants import json_rpc
from appliance.assistants.json_rpc import RpcError


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (json.dumps([1] * 51).encode(), -32600),
        (b" " * (json_rpc.MESSAGE_MAX + 1), -32600),
    ],
    ids=["cut", "no text", "deep", "no message", "many", "long"],
)
def test_a_text_that_cannot_be_read_is_an_error_with_its_code(data: bytes, code: int):
    """A text that can't be read, or is too much, is an error with its code."""
    with pytest.raises(RpcError) as error:
        json_rpc.read(data)
    assert error.value.code == code


@pytest.mark.parametrize(
    "message",
    [
        1, None, {}, {"jsonrpc": "1.0", "method": "ping", "id": 1}, {"jsonrpc": "2.0", "method": 1, "id": 1},
        {"jsonrpc": "2.0", "id": 1}, {"jsonrpc": "2.0", "method": "ping", "id": None},
        {"jsonrpc": "2.0", "method": "ping", "id": True}, {"jsonrpc": "2.0", "method": "ping", "id": []},
        {"jsonrpc": "2.0", "method": "ping", "id": "x" * 201},
    ],
)  # fmt: skip
def test_values_that_are_not_messages_are_refused(message: Any):
    """JSON other than a request, notification or answer of JSON-RPC 2.0 is refused."""
    with pytest.raises(RpcError) as error:
        json_rpc.id_of(message)
    assert error.value.code == -32600


def test_only_a_request_has_an_id():
    """A notification and an answer get no answer; a request has a text or a number as its id."""
    assert json_rpc.id_of({"jsonrpc": "2.0", "method": "ping", "id": 0}) == 0
    assert json_rpc.id_of({"jsonrpc": "2.0", "method": "ping", "id": "a"}) == "a"
    assert json_rpc.id_of({"jsonrpc": "2.0", "method": "notifications/initialized"}) is None
    assert json_rpc.id_of({"jsonrpc": "2.0", "id": 1, "result": {}}) is None


def test_a_message_is_one_line():
    """A message with any text of a project is one line of ASCII."""
    written = json_rpc.written(json_rpc.result(1, {"text": "a\nb\u2028\ud800\0é"}))
    assert b"\n" not in written
    assert written.isascii()
    assert json.loads(written)["result"]["text"] == "a\nb\u2028\ud800\0é"
