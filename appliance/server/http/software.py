"""The server's name in ``Server`` and ``SERVER_SOFTWARE``."""

from __future__ import annotations

from ... import __version__

SOFTWARE = f"wsgi-appliance/{__version__}"
