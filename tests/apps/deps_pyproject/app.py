"""What it needs stands in the standard's table and a group; its packaging is broken."""

import kettle


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"kettle {kettle.VERSION}".encode()]
