"""Django's threaded development server, with the Nagle algorithm off: ``django_threaded.py PORT``.

It makes five sends a response; with TCP_NODELAY off, each waits for the client's delayed acknowledgement (40 ms), and
there would be nothing to compare.
"""

import sys

import django
from django.conf import settings
from django.core.servers import basehttp
from plain import app


class Handler(basehttp.WSGIRequestHandler):
    """Django's own, but for the option."""

    disable_nagle_algorithm = True


if __name__ == "__main__":
    settings.configure()
    django.setup()
    basehttp.WSGIRequestHandler = Handler  # run() takes it from its module
    basehttp.run("127.0.0.1", int(sys.argv[1]), app, threading=True)
