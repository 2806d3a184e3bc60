"""Debian's Podman as an engine of the tests' own: its images, containers, networks and settings are in one folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.image.conftest import Response, command, following, request

if TYPE_CHECKING:
    from collections.abc import Iterator

# Read before the tests' environment is cleared of the appliance's names (tests/conftest.py).
REQUIRED = os.environ.get("APPLIANCE_TESTS_PODMAN") == "required"
PROGRAMS = ("podman", "runc", "kubectl")
# Neither systemd nor a limit of descriptors above this machine's is needed.
SETTINGS = """
[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "{folder}/tmp"
[network]
network_config_dir = "{folder}/networks"
"""


class Podman:
    """``podman("kube", "play", "file")``: the program, with the folder's settings."""

    def __init__(self, folder: Path) -> None:
        (folder / "containers.conf").write_text(SETTINGS.format(folder=folder), "utf-8")
        self.environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
        self.argv = ["podman", "--root", f"{folder}/store", "--runroot", f"{folder}/run", "--storage-driver", "overlay"]

    def __call__(self, *argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run the command; if it fails, the test fails with its words."""
        return command(*self.argv, *argv, env=self.environment, **more)

    def load(self, tag: str) -> None:
        """Take an image from the Docker engine."""
        with subprocess.Popen(["docker", "save", tag], stdout=subprocess.PIPE) as saved:
            loads = subprocess.run(
                [*self.argv, "load"], env=self.environment, stdin=saved.stdout, capture_output=True, timeout=120,
                check=False,
            )  # fmt: skip
        assert loads.returncode == saved.returncode == 0, loads.stderr

    def unpack(self, container: str, archive: bytes) -> None:
        """Bring files by ``tar`` over exec, as tools of clusters do."""
        argv = [*self.argv, "exec", "-i", container, "tar", "xmf", "-", "-C", "/workspace", "--no-same-owner"]
        subprocess.run(argv, env=self.environment, input=archive, capture_output=True, timeout=60, check=True)

    def events(self, container: str) -> list[dict[str, Any]]:
        """Return the events that a container has logged."""
        return [json.loads(line) for line in self("logs", container).stdout.splitlines()]

    def wait_for(self, container: str, name: str, *, count: int = 1) -> None:
        """Follow a container's log to the ``count``-th event of this name."""
        with following([*self.argv, "logs", "--follow", container], 60, env=self.environment) as lines:
            for line in lines:
                count -= line.startswith("{") and json.loads(line)["event"] == name
                if not count:
                    return
        pytest.fail(f"{name} did not come:\n{self('logs', container).stdout}")

    def get(self, pod: str, port: int, path: str = "/") -> Response:
        """GET a path of a Pod, by its address."""
        infra = json.loads(self("pod", "inspect", pod).stdout)["InfraContainerID"]
        (network,) = json.loads(self("inspect", infra).stdout)[0]["NetworkSettings"]["Networks"].values()
        return request(port, path, address=network["IPAddress"], Host="localhost")


@contextmanager
def podman_engine() -> Iterator[Podman]:
    """A Podman of the test's own; without the programs, or without root, the test is not run, or fails if required."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    why = f"there is no {missing[0]}" if missing else "" if os.geteuid() == 0 else "it needs root"
    if why and REQUIRED:
        pytest.fail(f"{why}, and APPLIANCE_TESTS_PODMAN=required")
    if why:
        pytest.skip(f"not run: {why}")
    folder = Path(tempfile.mkdtemp(prefix="podman-"))
    podman = Podman(folder)
    try:
        yield podman
    finally:
        podman("pod", "rm", "--force", "--all", "--time", "2", check=False)
        podman("network", "rm", "--force", "podman-default-kube-network", check=False)  # and its bridge
        command("umount", "--lazy", f"{folder}/store/overlay", check=False)
        shutil.rmtree(folder, ignore_errors=True)
