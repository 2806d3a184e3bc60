"""Hash the inputs of an installation: the hash stays the same if only other parts of the files change."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from appliance.dependencies.text_file import table

if TYPE_CHECKING:
    from collections.abc import Sequence


def relevant_tables(data: dict[str, Any]) -> bytes:
    """Return the tables that an installation depends on: a linter's settings, for example, change nothing."""
    project, poetry = table(data, "project"), table(data, "tool", "poetry")
    kept = {
        "project": {key: project.get(key) for key in ("dependencies", "optional-dependencies", "requires-python")},
        "dependency-groups": data.get("dependency-groups"),
        "uv": table(data, "tool").get("uv"),
        "poetry": {key: poetry.get(key) for key in ("dependencies", "dev-dependencies", "group", "extras", "source")},
    }
    return json.dumps(kept, sort_keys=True, default=str).encode()


def digest(parts: Sequence[bytes]) -> str:
    """Hash all these parts; each part's length is hashed too, so that no two lists of parts give the same input."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8))
        whole.update(part)
    return whole.hexdigest()
