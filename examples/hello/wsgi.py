"""The bundled example: one WSGI application, no framework, no dependency.

Change GREETING and save: the open page follows.
"""

import html
import os
import platform
from pathlib import Path
from string import Template

GREETING = "It comes up."

PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


def application(environ, start_response):
    """Answer ``/`` with the page, and everything else with 404."""
    if environ["PATH_INFO"] not in {"", "/"}:
        return respond(start_response, "404 Not Found", "text/plain", "There is only one page here: /\n")
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return respond(start_response, "405 Method Not Allowed", "text/plain", "GET or HEAD\n", ("Allow", "GET, HEAD"))
    page = PAGE.substitute(
        greeting=html.escape(GREETING),
        facts=rows(facts(environ)),
        headers=rows(headers(environ)),
        origin=html.escape(origin(environ)),
    )
    return respond(start_response, "200 OK", "text/html", page)


def respond(start_response, status, media_type, text, *more):
    """Start a response that is one text, and return its body."""
    body = text.encode()
    start_response(
        status,
        [
            ("Content-Type", f"{media_type}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            *more,
        ],
    )
    return [body]


def origin(environ):
    """Return the scheme and host under which the browser found this page."""
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}"


def facts(environ):
    """Yield facts about this server and request, as names and values."""
    yield "Python", f"{platform.python_version()} ({platform.machine()})"
    yield "Server", environ.get("SERVER_SOFTWARE", "unknown")
    yield "Process", f"{os.getpid()}, as user {os.getuid()}"
    yield "Project", str(Path(__file__).parent)
    yield "Request", f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {environ['SERVER_PROTOCOL']}"


def headers(environ):
    """Yield the request's header fields, as WSGI passes them."""
    for key, value in sorted(environ.items()):
        if key.startswith("HTTP_"):
            yield key[5:].replace("_", "-").title(), value


def rows(pairs):
    """Format pairs of name and value as rows of a table."""
    return "\n".join(f"<tr><th scope=row>{html.escape(name)}<td>{html.escape(value)}" for name, value in pairs)
