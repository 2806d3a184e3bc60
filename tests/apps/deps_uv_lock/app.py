"""What it needs stands in a uv.lock."""

import kettle


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"kettle {kettle.VERSION}".encode()]
