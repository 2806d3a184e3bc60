from wsgiref.simple_server import make_server


def main():
    def page(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"served by a rule\n"]

    with make_server("", 80, page) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
