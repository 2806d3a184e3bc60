"""The fixtures of the live tests; what they are made of is in live_appliance."""

from __future__ import annotations

from tests.live.live_appliance import cache, project, start

__all__ = ["cache", "project", "start"]
