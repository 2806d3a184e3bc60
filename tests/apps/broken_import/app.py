"""Works, once its import is mended."""

from greetings import hello


def application(environ, start_response):
    body = hello("world").encode()
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
