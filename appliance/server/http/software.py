"""The server's name in ``Server`` and ``SERVER_SOFTWARE``."""

from __future__ import annotations

from ... import DISTRIBUTION, __version__

SOFTWARE = f"{DISTRIBUTION}/{__version__}"
