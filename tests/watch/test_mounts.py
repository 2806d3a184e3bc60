"""Which mounts have no events."""

from __future__ import annotations

import pytest

from appliance.watch.mounts import Mount, Mounts

TABLE = rb"""
27 1 254:0 / / rw,relatime - overlay overlay rw,lowerdir=/a
30 27 0:40 / /workspace rw,relatime - fakeowner /run/host_mark/Users rw
31 30 0:41 / /workspace/tmp rw shared:1 - tmpfs tmpfs rw
32 27 0:42 / /src rw,relatime - ext4 /dev/vdb rw
33 32 0:43 / /src/with\040space rw,relatime - nfs4 server:/x rw
34 33 0:44 / /src/with\040space/deeper rw,relatime - fuse.sshfs sshfs rw
35 32 0:45 / /src/win rw,relatime master:3 - 9p drvfs rw
nonsense
"""


@pytest.fixture
def mounts() -> Mounts:
    """A table as it might be."""
    return Mounts(TABLE)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "overlay"),
        ("/etc/x", "overlay"),
        ("/workspace/app.py", "fakeowner"),
        ("/workspace/tmp/x", "tmpfs"),
        ("/workspaces", "overlay"),
        ("/src/with space/a", "nfs4"),
    ],
)
def test_a_path_is_in_its_deepest_mount(mounts: Mounts, path: str, kind: str):
    """A path is in the mount with the longest name that holds it."""
    assert mounts.of(path).kind == kind


def test_mounts_without_events_count_once(mounts: Mounts):
    """Each mute mount in a folder counts once, and the folder itself where it is in one."""
    assert mounts.eventless_below("/src") == [Mount("/src/win", "9p"), Mount("/src/with space", "nfs4")]
    assert mounts.eventless_below("/workspace/shop") == [Mount("/workspace/shop", "fakeowner")]
    assert mounts.eventless_below("/workspace/tmp") == []


@pytest.mark.parametrize("kind", ["9p", "virtiofs", "fuse", "fuse.grpcfuse", "nfs", "nfs4", "cifs", "vboxsf"])
def test_a_mount_of_another_kernel_has_no_events(kind: str):
    """A mount that another kernel writes to has no events."""
    assert Mount("/x", kind).eventless


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "xfs", "zfs", "overlay", "tmpfs", "fuseblk", "ramfs"])
def test_a_local_mount_has_events(kind: str):
    """A mount that this kernel alone writes to has events."""
    assert not Mount("/x", kind).eventless


def test_the_kernels_own_table_is_read():
    """The table of this machine can be read."""
    assert Mounts.read().of("/proc").kind == "proc"


def test_without_a_mount_table_events_are_expected():
    """Without a table nothing is known to be mute."""
    assert Mounts(b"").eventless_below("/project") == []


def test_changed_mounts_are_seen_from_their_folders():
    """A mount that comes, goes, or takes another's place is seen from the folders that it concerns alone."""
    mounts, fewer = Mounts(TABLE), Mounts(TABLE.replace(b"31 30 0:41", b"31"))
    other = Mounts(TABLE.replace(b"31 30", b"99 30"))
    assert mounts.within("/workspace") != fewer.within("/workspace")
    assert mounts.within("/workspace") != other.within("/workspace")
    assert mounts.within("/workspace/shop") == fewer.within("/workspace/shop")
    assert mounts.within("/src") == other.within("/src")
