"""A shop whose modules have names that others use too."""

from marks import mark

from appliance import APPLIANCES
from appliance.worker import WORKER
from structlog import TRUNKS

mark(__name__)


def application(environ, start_response):
    body = "\n".join([*APPLIANCES, *TRUNKS, WORKER]).encode()
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
