"""Takes its time: SLOW_BOOT_S seconds to import, as a project does that loads a model."""

import os
import time

time.sleep(float(os.environ.get("SLOW_BOOT_S", "0")))


def application(environ, start_response):
    body = b"here at last\n"
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
