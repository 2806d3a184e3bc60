"""The fuzzer's first inputs: the raw requests of tests/requests, one after each, and its earlier findings."""

from __future__ import annotations

from pathlib import Path

REQUESTS = Path(__file__).parents[1] / "requests"
KEPT = Path(__file__).with_name("corpus")
BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"


def seeds() -> dict[str, bytes]:
    """Inputs by name."""
    requests = {
        f"{path.parent.name}-{path.stem}": path.read_bytes() + BEHIND for path in sorted(REQUESTS.glob("*/*.http"))
    }
    return requests | {path.name: path.read_bytes() for path in sorted(KEPT.glob("*.bin"))}
