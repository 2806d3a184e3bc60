"""What every server serves in ``benchmarks/throughput.py``: a few bytes, a mebibyte, or the length of what was sent."""

_MEBIBYTE = b"x" * 1_048_576


def app(environ, start_response):
    """GET / and /mebibyte; POST anywhere."""
    if environ["REQUEST_METHOD"] == "POST":
        body = b"%d" % len(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    elif environ["PATH_INFO"] == "/mebibyte":
        body = _MEBIBYTE
    else:
        body = b"Hello, World!"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
