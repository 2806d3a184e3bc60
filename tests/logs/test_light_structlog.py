"""Processes of ours import structlog without the packages that it would load for features that no log has."""

import subprocess
import sys

from appliance.logs.light_structlog import OPTIONAL

LIGHTEN = "import sys\nfrom appliance.logs.light_structlog import lighten_structlog\nlighten_structlog()\n"


def run(program, *arguments):
    """Run the program as processes of ours run, and return what it printed."""
    argv = [sys.executable, "-I", "-c", program, *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def test_optional_packages_of_structlog_are_not_loaded(tmp_path):
    """Structlog runs none of the optional packages that are installed beside it."""
    for name in OPTIONAL:
        (tmp_path / f"{name}.py").write_text(f"print('loaded {name}')")
    program = "import structlog, structlog.dev, structlog.tracebacks\nprint(structlog.DropEvent.__name__)"
    assert run(f"{LIGHTEN}sys.path.insert(0, sys.argv[1])\n{program}", tmp_path) == ["DropEvent"]


def test_asyncio_is_loaded_when_it_is_used():
    """The supervisor's modules leave asyncio and ssl unloaded; what uses asyncio afterwards gets all of it."""
    program = f"""{LIGHTEN}
import appliance.commands.serve
print("asyncio.base_events" in sys.modules, "ssl" in sys.modules)
import asyncio
from asyncio.events import get_running_loop
async def named(): return get_running_loop().__class__.__name__ + asyncio.Queue.__name__
print(asyncio.run(named()))
"""
    assert run(program) == ["False", "False", "_UnixSelectorEventLoopQueue"]
