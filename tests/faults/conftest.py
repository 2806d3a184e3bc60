"""The fixtures of the fault tests; what they are made of is in appliance_with_fault."""

from __future__ import annotations

from tests.faults.appliance_with_fault import faulty, project

__all__ = ["faulty", "project"]
