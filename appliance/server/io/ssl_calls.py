"""Keep calls of ``ssl`` apart from each other's failures. Imported only if a certificate is set.

OpenSSL keeps a queue of errors for each thread, and reads it to say why a call failed; it has to be empty before the
call (SSL_get_error(3)). CPython does not ensure that, and from 3.13 on leaves an entry behind when a connection is
reset (python/cpython#148594). The thread's next connection then has "nothing to read yet", which the entry makes
look like a reset. So a call that fails is tried once more with an empty queue, and the queue is left empty:
the application may call ``ssl`` in the same thread.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
# No connection uses it. A failure to set its ciphers clears the queue (in every version of _ssl.c); nothing else does.
_SCRATCH = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def call_ssl(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of the call."""
    try:
        return call(*arguments)
    except WANTED:
        raise
    except OSError as failure:
        forget_errors()
        try:
            return call(*arguments)
        except WANTED:
            raise
        except OSError:
            forget_errors()
            raise failure from None


def forget_errors() -> None:
    """Empty this thread's queue."""
    with contextlib.suppress(ssl.SSLError):
        _SCRATCH.set_ciphers("NONE-OF-THAT-NAME")
