"""A WSGI middleware that adds the script of live reload to the documents of an application.

A request that is not a navigation costs one look into its environ. A response that is not an HTML document
keeps its own iterable (a ``wsgi.file_wrapper``, a list), and every byte of it is the application's.

A page names the generation that has served it, and the revision of its templates. Both are compared with what serves
now, so a page misses nothing that was saved while it was on its way.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ..http.response.content import check_result, join_items
from ..http.served_hosts.hosts import host_name, is_loopback
from .own_paths import CLIENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class LiveReload:
    """The application, with the script in its documents.

    Args:
        application: any WSGI application.
        generation: which one this is; the script compares it with the one that serves.
        run_id: of the appliance's run that counts the generations.
        everywhere: also for a browser that names another host than this machine (APPLIANCE_BROWSER_RELOAD=on).
    """

    def __init__(self, application: Application, generation: int, run_id: str, *, everywhere: bool = False) -> None:
        self._application = application
        self._attributes = f'src="{CLIENT}" data-generation="{generation}" data-run="{run_id}"'
        self._everywhere = everywhere
        self._revision, self._revised_at = 0, 0.0

    def revise(self) -> int:
        """Count one more change of templates without a new generation; return how many there were."""
        self._revised_at = time.monotonic()  # first: a thread that reads the new number must not see the old time
        self._revision += 1
        return self._revision

    def tag(self, revision: int, nonce: str) -> bytes:
        """The script's element."""
        named = f'nonce="{nonce}" ' if nonce else ""
        return f'<script {named}{self._attributes} data-revision="{revision}"></script>'.encode()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """PEP 3333's application."""
        if environ.get("HTTP_SEC_FETCH_DEST") != "document" or not self._is_wanted(environ):
            return self._application(environ, start_response)
        from .document_response import DocumentResponse, DocumentStream, readable  # noqa: PLC0415  see there

        if "HTTP_ACCEPT_ENCODING" in environ:
            environ["HTTP_ACCEPT_ENCODING"] = readable(environ["HTTP_ACCEPT_ENCODING"])
        navigated = environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        response = DocumentResponse(partial(self.tag, self._revision), start_response, navigated=navigated)
        result = self._application(environ, response.start)
        if response.passes:
            return result
        if type(result) is list or type(result) is tuple:
            return response.whole(join_items(result))
        check_result(result)
        return DocumentStream(response, result)

    def _is_wanted(self, environ: dict[str, Any]) -> bool:
        """Whether a navigation may get a document with the script; a page that answers a form can't be loaded again."""
        if (
            environ["REQUEST_METHOD"] != "GET"
            or "HTTP_RANGE" in environ
            or environ.get("SERVER_PROTOCOL") != "HTTP/1.1"
        ):
            return False
        return self._everywhere or is_loopback(host_name(environ.get("HTTP_HOST", "")))

    def added_to_page(
        self, environ: dict[str, Any], fields: list[tuple[str, str]], content: bytes, began: float
    ) -> tuple[list[tuple[str, str]], bytes]:
        """Add the script to a page that the server itself answers this request with; return its fields and content.

        ``began``: the start of the request (CLOCK_MONOTONIC). It may have used the templates of the revision before.
        """
        if environ.get("HTTP_SEC_FETCH_DEST") != "document" or not self._is_wanted(environ):
            return fields, content
        from .document_response import added_to_page  # noqa: PLC0415  see there

        revision = self._revision
        revision -= began <= self._revised_at
        return added_to_page(partial(self.tag, revision), fields, content)
