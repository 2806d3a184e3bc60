"""Werkzeug's threaded development server, as ``flask run`` starts it, kept-alive: ``werkzeug_threaded.py PORT``."""

import sys

from plain import app
from werkzeug.serving import WSGIRequestHandler, run_simple

if __name__ == "__main__":
    WSGIRequestHandler.protocol_version = "HTTP/1.1"  # else every request needs a connection
    WSGIRequestHandler.disable_nagle_algorithm = True
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
