"""The fixtures of the live tests; what they are made of is in live_appliance."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

from live_appliance import cache, project, start

__all__ = ["cache", "project", "start"]
