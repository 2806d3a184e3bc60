"""A WSGI application in one file."""

VERSION = 0


def app(environ, start_response):
    """Say which save this is."""
    body = b"version %d" % (VERSION + inside())
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def inside():
    """Which save this is, if it changes a function only."""
    VERSION = 0
    return VERSION
