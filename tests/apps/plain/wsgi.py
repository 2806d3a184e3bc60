"""Plain WSGI with some old libraries."""

import click
import dotenv
import structlog
import werkzeug
from werkzeug.wrappers import Request, Response

log = structlog.get_logger()
dotenv.load_dotenv()


def application(environ, start_response):
    request = Request(environ)
    log.info("greeting", path=request.path)
    name = request.args.get("name", "world")
    lines = [
        "Hello, %s!" % name,
        "structlog %s" % structlog.__version__,
        "click %s" % click.__version__,
        "Werkzeug %s" % werkzeug.__version__,
    ]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")(environ, start_response)
