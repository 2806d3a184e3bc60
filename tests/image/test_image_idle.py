"""The resources that an idle container takes."""

import time
from pathlib import Path

import pytest

from tests.image.conftest import following

GROUPS = Path("/sys/fs/cgroup")
CHECK = ("/opt/appliance/bin/python", "-I", "-S", "/opt/appliance/healthcheck.py")
CHECKS = 3


def used_s(container, docker):
    """Seconds of CPU that the container has used, by its control group: seen from the host, where that can be."""
    name = docker("inspect", "--format", "{{.Id}}", container.name).stdout.strip()
    found = next((path / "cpu.stat" for path in GROUPS.rglob(f"*{name}*") if (path / "cpu.stat").is_file()), None)
    text = found.read_text() if found else container.execute("cat", "/sys/fs/cgroup/cpu.stat").stdout
    return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6


@pytest.mark.waits
def test_an_idle_container_takes_less_than_a_hundredth(start, project, volume, docker):
    """From one health check to the next a container that serves, and is not asked, uses under 1 % of a CPU.

    On a busy machine the check itself takes more, which is the start of an interpreter: no more than three such checks.
    """
    container = start(project("flask_notes"), "--volume", f"{volume}:/cache")
    container.wait_for_health("healthy", timeout=240)
    argv = ["docker", "events", "--filter", f"container={container.name}", "--filter", "event=exec_die"]
    with following([*argv, "--format", "{{.Action}}"], 120) as checks:
        assert next(checks, None)  # what follows a start is over by then: the preloader, the spare
        seen = []
        for _ in range(3):
            used, begun = used_s(container, docker), time.monotonic()
            assert next(checks, None)
            taken, passed = used_s(container, docker) - used, time.monotonic() - begun
            if taken < 0.01 * passed:
                return
            seen.append((taken, passed))
    used = used_s(container, docker)
    for _ in range(CHECKS):
        container.execute(*CHECK)
    most = used_s(container, docker) - used
    assert min(taken for taken, _ in seen) < most, (seen, most)
