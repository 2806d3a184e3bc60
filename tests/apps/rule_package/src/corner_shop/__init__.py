from .web import page


def create_app(config=None):
    def app(environ, start_response):
        return page(environ, start_response)

    return app
