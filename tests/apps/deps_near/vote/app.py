"""What it needs stands beside it, in one of two folders that say something."""

import kettle


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"kettle {kettle.VERSION}".encode()]
