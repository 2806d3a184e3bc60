"""JSON-RPC 2.0, as the Model Context Protocol uses it: what a message is, and the forms of an answer."""

from __future__ import annotations

import json
from typing import Any

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, INTERNAL_ERROR, BUSY = -32602, -32603, -32000
MESSAGE_MAX = 1_048_576  # bytes of one message
_BATCH_MAX = 50

Message = dict[str, Any]


class RpcError(Exception):
    """A request that can't be answered: ``code`` of JSON-RPC, and a text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def read(data: bytes) -> tuple[list[Any], bool]:
    """Return the messages of a text, and whether they came as a batch.

    Raises:
        RpcError: the text is not JSON, or a batch that is not taken.
    """
    if len(data) > MESSAGE_MAX:
        raise RpcError(INVALID_REQUEST, f"the message has {len(data)} bytes; expected: {MESSAGE_MAX} at most")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RpcError(PARSE_ERROR, f"the message is not JSON: {error}"[:300]) from None
    if not isinstance(found, list):
        return [found], False
    if not 0 < len(found) <= _BATCH_MAX:
        raise RpcError(INVALID_REQUEST, f"the batch has {len(found)} messages; expected: 1 to {_BATCH_MAX}")
    return found, True


def id_of(message: Any) -> str | int | None:
    """Return the id of a request; None for everything else.

    Raises:
        RpcError: it is not a message of JSON-RPC 2.0.
    """
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'the message is not an object with "jsonrpc": "2.0"')
    if "method" not in message:
        if "result" in message or "error" in message:
            return None  # an answer: nothing was asked of the client
        raise RpcError(INVALID_REQUEST, "the message has no method")
    if not isinstance(message["method"], str):
        raise RpcError(INVALID_REQUEST, "the method is not a text")
    given = message.get("id")
    if "id" not in message:
        return None
    if isinstance(given, bool) or not isinstance(given, str | int) or len(str(given)) > 200:
        raise RpcError(INVALID_REQUEST, "the id is neither a short text nor an integer")
    return given


def params_of(message: Message) -> Message:
    """Return the parameters of a request.

    Raises:
        RpcError: they are not an object.
    """
    params = message.get("params")
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "params is not an object")
    return params


def result(request_id: str | int, found: Message) -> Message:
    """Return the answer to a request."""
    return {"jsonrpc": "2.0", "id": request_id, "result": found}


def failure(request_id: str | int | None, error: RpcError) -> Message:
    """Return the answer to a request that can't be answered."""
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": error.code, "message": error.text}}


def notification(method: str, params: Message) -> Message:
    """Return a message that gets no answer."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def written(message: Message | list[Message]) -> bytes:
    """Return a message as one line, without the newline; in ASCII, so that no text of a project can break it."""
    return json.dumps(message, separators=(",", ":")).encode()
