"""Containers as a restricted Pod of Kubernetes has them, and volumes as its kubelet makes them."""

from __future__ import annotations

import io
import subprocess
import tarfile
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.image.conftest import ROOT, docker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.image.conftest import Container

# The Pod Security Standard "restricted"; the engine's own seccomp profile is its RuntimeDefault.
RESTRICTED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
FS_GROUP = 2000


@pytest.fixture(scope="module")
def image_of_10001(engine: None) -> Iterator[str]:
    """The image, built for the user 10001."""
    tag = f"appliance-test-{uuid.uuid4().hex[:12]}"
    docker("build", "--quiet", "--tag", tag, "--build-arg", "RUN_AS=10001", str(ROOT))
    yield tag
    docker("rmi", "--force", tag, check=False)


def empty_dir(volumes: list[str], options: str = f"gid={FS_GROUP},mode=2777") -> str:
    """Make a volume in memory: root's, with these options of mount(8); by default as an emptyDir with fsGroup."""
    name = f"appliance-test-{uuid.uuid4().hex[:12]}"
    memory = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", f"o={options}")
    docker("volume", "create", "--driver", "local", *memory, name)
    volumes.append(name)
    return name


def mounted(volume: str, folder: str) -> tuple[str, str]:
    """Return the options that mount a volume as it is; the engine copies nothing of the image into it."""
    return "--volume", f"{volume}:{folder}:nocopy"


def synchronise(container: Container, files: Mapping[str, str]) -> None:
    """Bring files by ``tar`` over exec, as the container's user."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    argv = ["docker", "exec", "-i", container.name, "tar", "-xf", "-", "-C", "/workspace"]
    subprocess.run(argv, input=whole.getvalue(), check=True, timeout=60)
