from wsgiref.simple_server import make_server

from .words import WORDS


def main():
    def page(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [WORDS]

    make_server("", 80, page).serve_forever()


if __name__ == "__main__":
    main()
