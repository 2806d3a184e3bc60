"""A project that tells all about itself, as a plain application."""

import json

import telling

ROUTES = telling.ROUTES


def application(environ, start_response):
    """Answer with JSON."""
    route = ROUTES.get(environ["PATH_INFO"])
    body = json.dumps(route() if route else {"routes": sorted(ROUTES)}).encode()
    start_response("200 OK" if route else "404 Not Found", [("Content-Type", "application/json")])
    return [body]
