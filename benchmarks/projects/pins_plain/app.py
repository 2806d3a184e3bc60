VERSION = 0


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b'{"version": %d, "books": ["one", "two"]}' % VERSION]
