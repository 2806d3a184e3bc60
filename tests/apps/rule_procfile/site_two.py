def first(environ, start_response):
    start_response("404 Not Found", [])
    return [b""]


def second(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served by a rule\n"]
