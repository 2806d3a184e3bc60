"""What it needs stands in requirements files, one of which another includes, and in a folder."""

import kettle
import tea  # noqa: F401  that it can be is the point


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"kettle {kettle.VERSION}".encode()]
