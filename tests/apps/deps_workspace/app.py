"""What it needs stands in a uv.lock, one part of it in a member of its workspace."""

import kettle
import tea  # noqa: F401  that it can be is the point


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"kettle {kettle.VERSION}".encode()]
