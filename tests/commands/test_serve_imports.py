"""A start imports only what each start needs."""

import subprocess
import sys

# On CPython 3.11, 30 ms of CPU for what reads requirements, and 7 for what explains a failed installation.
FEW_NEED = (
    "packaging",
    "concurrent",
    "appliance.environment.failures.install_needs",
    "appliance.environment.failures.uv_errors",
)
PROGRAM = f"""
import sys
from appliance.logs.light_structlog import lighten_structlog
lighten_structlog()
import appliance.cli, appliance.commands.serve
print(*[name for name in {FEW_NEED} if name in sys.modules])
"""


def test_a_start_imports_nothing_that_few_starts_need():
    """Modules that read requirements or explain a failure are imported where a project or a failure needs them."""
    argv = [sys.executable, "-I", "-c", PROGRAM]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split() == []
