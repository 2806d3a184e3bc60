"""Says everything in every way: at import, and again for each request."""

import json
import logging
import os
import sys
import warnings

print("print at import")
print("print to stderr at import", file=sys.stderr)
logging.basicConfig(level=logging.INFO)
logging.getLogger("chatty").info("logging at import")
warnings.warn("a warning at import")
os.write(1, b"raw write to descriptor 1 at import\n")
os.write(2, b"raw write to descriptor 2 at import\n")

log = logging.getLogger("chatty")


def application(environ, start_response):
    print("print")
    print("print to stderr", file=sys.stderr)
    sys.stdout.write("in two ")
    sys.stdout.write("pieces\n")
    log.info("logging at info")
    log.error("logging at error", extra={"shop": "corner"})
    warnings.warn("a warning")
    environ["wsgi.errors"].write("wsgi.errors\n")
    os.write(1, b"raw write to descriptor 1\n")
    os.write(2, b"raw write to descriptor 2\n")
    os.write(1, b"not UTF-8: \xff\xfe\n")
    print("escapes: \x1b[31mred\x1b[0m \x9b31m \u202e bell \a carriage\rreturn null \0")
    print(json.dumps({"event": "request.finished", "level": "critical", "message": "the project's own JSON"}))
    try:
        raise ValueError("seen, and logged")
    except ValueError:
        log.exception("logging with a traceback")
    os.system("echo a child process speaks")
    body = b"said\n"
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
