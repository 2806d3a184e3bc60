"""The middleware: documents get the script, everything else is the application's own, iterable included."""

from __future__ import annotations

import gzip
import io
import time
from typing import Any
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from appliance.server.browser.live_reload import LiveReload
from appliance.server.http.response.response_head import ApplicationFault

PAGE = b"<!doctype html><html><head><title>x</title></head><body>y</body></html>"
TAG = LiveReload(lambda *_: [], 7, "0a1b").tag(0, "")
WITH = PAGE.replace(b"<head>", b"<head>" + TAG)
NAVIGATION = {"HTTP_SEC_FETCH_DEST": "document", "HTTP_HOST": "localhost:8000"}


def environ(**values: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "", "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False, "wsgi.file_wrapper": FileWrapper, **NAVIGATION, **values,
    }  # fmt: skip


class Answer:
    """The answer that a server got from one request."""

    def __init__(self, application: Any, /, *, strict: bool = True, everywhere: bool = False, **values: Any) -> None:
        self.heads: list[tuple[str, dict[str, str]]] = []
        self.written = b""
        reload = LiveReload(application, 7, "0a1b", everywhere=everywhere)
        served = validator(reload) if strict else reload
        self.result = served(environ(**values), self.start)
        try:
            self.pieces = list(self.result)
        finally:
            if hasattr(self.result, "close"):
                self.result.close()
        self.body = self.written + b"".join(self.pieces)

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info and self.heads and (self.written or not exc_info):
            raise exc_info[1]
        self.heads.append((status, dict(headers)))
        return self.write

    def write(self, data: bytes) -> None:
        self.written += data

    @property
    def fields(self) -> dict[str, str]:
        return self.heads[-1][1]


def page(body: bytes = PAGE, status: str = "200 OK", **fields: str):
    named = {"Content-Type": "text/html", "Content-Length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in fields.items()}

    def app(environ, start_response):
        start_response(status, list(named.items()))
        return [body]

    return app


def test_a_document_gets_the_script():
    """The body has it, and the length says so."""
    answer = Answer(page())
    assert answer.body == WITH
    assert answer.fields["Content-Length"] == str(len(WITH))


@pytest.mark.parametrize(
    "values",
    [
        {"HTTP_SEC_FETCH_DEST": ""},
        {"HTTP_SEC_FETCH_DEST": "empty"},
        {"HTTP_SEC_FETCH_DEST": "iframe"},
        {"REQUEST_METHOD": "HEAD"},
        {"REQUEST_METHOD": "POST"},
        {"HTTP_RANGE": "bytes=0-9"},
        {"HTTP_HOST": "shop.example.test"},
        {"HTTP_HOST": "127.0.0.1.example.test"},
        {"SERVER_PROTOCOL": "HTTP/1.0"},
    ],
)
def test_what_is_not_a_navigation_on_this_machine_has_its_own_iterable(values: dict[str, Any]):
    """The application's result itself is returned, and its head as it was."""
    made: list[Any] = []

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
        made.append([PAGE])
        return made[0]

    answer = Answer(app, strict=False, **values)
    assert answer.result is made[0]
    assert answer.fields["Content-Length"] == str(len(PAGE))


def test_on_is_for_every_host():
    """APPLIANCE_BROWSER_RELOAD=on adds it whatever the host is called."""
    assert Answer(page(), everywhere=True, HTTP_HOST="shop.example.test").body == WITH


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "shop.localhost"])
def test_loopback_is_this_machine(host: str):
    """Every name of this machine counts."""
    assert Answer(page(), HTTP_HOST=host).body == WITH


def test_what_is_not_html_keeps_its_file_wrapper():
    """A download that a browser navigates to is sent as the application gave it, from kernel to kernel."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/zip")])
        return environ["wsgi.file_wrapper"](io.BytesIO(PAGE))

    answer = Answer(app, strict=False)
    assert type(answer.result) is FileWrapper
    assert answer.body == PAGE


def test_a_file_of_html_gets_the_script():
    """A static page is a document too."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
        return environ["wsgi.file_wrapper"](io.BytesIO(PAGE), 10)

    answer = Answer(app)
    assert answer.body == WITH
    assert answer.fields["Content-Length"] == str(len(WITH))


def test_a_compressed_page_is_compressed_again():
    """A page that GZipMiddleware has compressed is compressed again; its length is not sent."""
    answer = Answer(page(gzip.compress(PAGE), Content_Encoding="gzip", ETag='"a"'))
    assert gzip.decompress(answer.body) == WITH
    assert answer.fields["ETag"] == 'W/"a"'


def test_a_strict_policy_admits_the_script_alone():
    """The tag has a nonce, which the policy names; another response has another."""
    answers = [Answer(page(Content_Security_Policy="default-src 'none'; script-src 'nonce-own'")) for _ in range(2)]
    policies = [answer.fields["Content-Security-Policy"] for answer in answers]
    nonces = [answer.body.partition(b'nonce="')[2].partition(b'"')[0].decode() for answer in answers]
    assert all(f"'nonce-{nonce}'" in policy for nonce, policy in zip(nonces, policies, strict=True))
    assert nonces[0] != nonces[1]


def test_a_stream_is_sent_as_it_comes():
    """Each piece that the generator yields is yielded before the next is asked for, and close() is called."""
    steps: list[str] = []

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        try:
            for piece in (b"<!doctype html><html><head>", b"one", b"two"):
                steps.append("made")
                yield piece
        finally:
            steps.append("closed")

    result: Any = LiveReload(app, 7, "0a1b")(environ(), lambda *_: lambda _: None)
    got = []
    for piece in result:
        steps.append("sent")
        got.append(piece)
    result.close()
    assert steps == ["made", "sent"] * 3 + ["closed"]
    assert b"".join(got) == b"<!doctype html><html><head>" + TAG + b"onetwo"


def test_a_head_that_a_generator_makes_late_is_waited_for():
    """A head that is made late is waited for."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        yield PAGE

    assert Answer(app).body == WITH


def test_the_older_write_is_seen():
    """PEP 3333's older way to send is seen too."""

    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/html")])
        write(PAGE[:20])
        return [PAGE[20:]]

    assert Answer(app, strict=False).body == WITH


def test_an_error_before_the_first_byte_replaces_the_head():
    """start_response with exc_info replaces the head that has not gone yet."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError as error:
            start_response("500 Oh", [("Content-Type", "text/plain")], (type(error), error, error.__traceback__))
        return [b"broken"]

    answer = Answer(app)
    assert answer.heads == [("500 Oh", {"Content-Type": "text/plain"})]
    assert answer.body == b"broken"


@pytest.mark.parametrize("body", [b"", b"<p>a fragment", b"{}"])
def test_what_is_not_a_document_is_untouched(body: bytes):
    """HTML without a doctype or <html> keeps its bytes and its head."""
    answer = Answer(page(body, ETag='"a"'))
    assert answer.body == body
    assert answer.fields == {"Content-Type": "text/html", "Content-Length": str(len(body)), "ETag": '"a"'}


@pytest.mark.parametrize("status", [None, 200, "OK", ""])
def test_a_head_that_is_not_one_is_the_servers_to_refuse(status: Any):
    """An invalid call of start_response reaches the server unchanged."""
    seen = []

    def app(environ, start_response):
        start_response(status, None)
        return []

    LiveReload(app, 7, "0a1b")(environ(), lambda *given: seen.append(given))
    assert seen == [(status, None)]


@pytest.mark.parametrize(
    ("accepted", "offered"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate"),
        ("br;q=1.0, gzip;q=0.5, *;q=0.1", "gzip;q=0.5"),
        ("GZIP", "GZIP"),
        ("br", "identity"),
        ("", "identity"),
    ],
)
def test_a_document_is_asked_for_in_a_coding_that_can_be_read(accepted: str, offered: str):
    """An application that prefers Brotli or Zstandard is offered what the script can go into."""
    seen = []

    def app(environ, start_response):
        seen.append(environ["HTTP_ACCEPT_ENCODING"])
        return page()(environ, start_response)

    assert Answer(app, HTTP_ACCEPT_ENCODING=accepted).body == WITH
    assert seen == [offered]


def test_other_requests_are_offered_what_they_accept():
    """A request that is not a navigation keeps its Accept-Encoding."""
    seen = []

    def app(environ, start_response):
        seen.append(environ["HTTP_ACCEPT_ENCODING"])
        return page()(environ, start_response)

    Answer(app, HTTP_ACCEPT_ENCODING="br", HTTP_SEC_FETCH_DEST="empty")
    assert seen == ["br"]


def test_a_page_names_the_revision_of_its_templates():
    """A page that was begun before the last change names the revision before it: it is loaded again."""

    def application(_: object, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html")])
        reload.revise()  # while the page is rendered
        return [PAGE]

    reload = LiveReload(application, 7, "0a1b")
    for revision in range(2):
        assert f'data-revision="{revision}"'.encode() in b"".join(reload(environ(), lambda *_: lambda _: None))


def test_an_error_page_names_the_revision_of_its_request():
    """The request of a page of the server's own may have used a template that has changed since."""
    reload = LiveReload(lambda *_: [], 7, "0a1b")
    began = time.monotonic()

    def revision(began: float) -> bytes:
        _, content = reload.added_to_page(environ(), [("Content-Type", "text/html")], PAGE, began)
        return content.partition(b'data-revision="')[2][:1]

    assert revision(began) == b"0"
    assert [reload.revise(), reload.revise()] == [1, 2]
    assert (revision(began), revision(time.monotonic() + 1)) == (b"1", b"2")


def test_a_first_page_gets_the_script_where_a_browser_navigates_to_it():
    """A text without a doctype is a page for a browser that navigates (Fetch Metadata); for others it is a fragment."""
    hello = page(b"<p>Hello, World!</p>")
    assert Answer(hello, HTTP_SEC_FETCH_MODE="navigate").body == TAG + b"<p>Hello, World!</p>"
    assert Answer(hello, HTTP_SEC_FETCH_MODE="cors").body == b"<p>Hello, World!</p>"


@pytest.mark.parametrize("content", ["text", bytearray(PAGE), None])
@pytest.mark.parametrize("way", ["a list", "a stream", "write"])
def test_content_that_is_not_bytes_is_named_to_a_browser_too(content: Any, way: str):
    """Content of another type is the same failure as without the script, and its message says what is expected."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Type", "text/html")])
        if way == "write":
            write(content)
        return [content] if way == "a list" else iter([content])

    with pytest.raises(ApplicationFault, match=f"content must be bytes .PEP 3333., not {type(content).__name__}"):
        Answer(application, strict=False)
