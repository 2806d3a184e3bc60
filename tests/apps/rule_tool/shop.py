def make(words):
    def page(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [words.encode() + b"\n"]

    return page
