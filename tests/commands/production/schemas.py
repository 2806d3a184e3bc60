"""Check files by the schemas of Compose and Kubernetes, without the grammar of IRIs, which these schemas don't name.

jsonschema loads that grammar when it is imported, which takes 3 s of CPU.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GRAMMAR = "rfc3987_syntax"


def compose_check(*files: Path) -> subprocess.CompletedProcess[str]:
    """Run check-jsonschema with the specification of Compose."""
    program = f"import sys; sys.modules['{GRAMMAR}'] = None; from check_jsonschema import main; main()"
    argv = [sys.executable, "-c", program, "--builtin-schema", "vendor.compose-spec", *map(str, files)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def meets_kubernetes(manifest: Any) -> None:
    """Kubernetes' own schema accepts the manifest; the test is skipped where the schemas are not installed."""
    sys.modules.setdefault(GRAMMAR, None)  # type: ignore[arg-type]  # documented: its import fails
    pytest.importorskip("kubernetes_validate").validate(manifest, "1.34", strict=True)
