"""A page, by a plain WSGI application: with a strict policy, or in small parts, by PAGE in the environment."""

import os
from pathlib import Path

VERSION = 0
HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'self'; script-src 'nonce-x'; require-trusted-types-for 'script'"


def app(environ, start_response):
    if environ["PATH_INFO"] == "/static/site.css":
        start_response("200 OK", [("Content-Type", "text/css")])
        return [(HERE / "static/site.css").read_bytes()]
    body = (HERE / "templates/page.html").read_text().replace("{{ version }}", str(VERSION)).encode()
    fields = [("Content-Type", "text/html; charset=utf-8")]
    if os.environ.get("PAGE") == "stream":
        start_response("200 OK", fields)
        return (body[at : at + 7] for at in range(0, len(body), 7))
    start_response("200 OK", [*fields, ("Content-Security-Policy", POLICY), ("Content-Length", str(len(body)))])
    return [body]
