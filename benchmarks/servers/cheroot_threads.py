"""cheroot, CherryPy's server, without an access log, for it has none: ``cheroot_threads.py PORT``."""

import sys

from cheroot.wsgi import Server
from plain import app

if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), app, numthreads=8).start()
