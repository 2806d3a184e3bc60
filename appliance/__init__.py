"""The appliance: a development server for any Python WSGI project.

There are two sides, which never import each other. Ours (``cli``, ``commands``, ``supervisor`` and the packages below
them) runs in the appliance's own interpreter. The project's (``worker``, ``server``) runs in the project's interpreter,
with the standard library alone. Both sides use ``protocol``. ARCHITECTURE.md describes the flow and the processes,
docs/packages.md lists every package and module.

This module is loaded on both sides, so it imports nothing.
"""

__version__ = "0.2.0"

DISTRIBUTION = "wsgi-appliance"
"""The distribution's name: as the name of the server, of an installer, and of a folder in a cache."""

PACKAGE = __name__
"""The name under which this package is loaded: another one in the project's processes (``worker/entry``)."""

OWN_FOLDER = __file__.rpartition("/")[0] + "/"
"""The folder of the appliance's own code: a frame whose file begins with it is not the project's."""
