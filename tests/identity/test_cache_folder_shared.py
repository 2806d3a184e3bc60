"""A cache on a file system that does not keep who made a file."""

import shutil
import subprocess

import pytest

from appliance.identity.cache_folder import claim, prepare_cache
from appliance.ownership import open_folder
from tests.identity.planted_files import NAME, by, temporary, victim
from tests.users import ATTACKER, OWNER, as_root, place, user, volume

__all__ = ["place", "temporary", "victim", "volume"]


SHARES = {
    "SMB or Windows: all is root's, and open": (
        ["--force-user=root", "--perms=a+rwx", "--chmod-ignore"], ["cache.unprotected"],
    ),
    "macOS: all is the asker's": ([f"--mirror=root:{OWNER}:{ATTACKER}"], []),
    "SMB: all is the user's": ([f"--force-user={OWNER}", "--perms=u=rwX,go=rX", "--chmod-ignore"], []),
    "squashed: all is nobody's, and closed": (
        ["--force-user=nobody", "--create-for-user=nobody"], ["cache.moved"],
    ),
}  # fmt: skip


@pytest.fixture
def share(place):
    """``share(options)``: a folder on a file system that keeps no owners."""
    mounted = []

    def share(options):
        real, point = place / "real", place / "share"
        for folder in (real, point):
            folder.mkdir()
            folder.chmod(0o777)
        command = ["bindfs", "-o", "allow_other", "--chown-ignore", *options, str(real), str(point)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"not run: this machine mounts no FUSE: {done.stderr.strip()}")
        mounted.append(point)
        return point

    yield share
    for point in mounted:
        subprocess.run(["umount", "--lazy", str(point)], check=True)


@as_root
@pytest.mark.skipif(shutil.which("bindfs") is None, reason="not run: bindfs is not installed")
@pytest.mark.parametrize("kind", SHARES)
@pytest.mark.parametrize("starts_as_root", [True, False])
def test_a_share_that_keeps_no_owners_is_used(share, temporary, kind, starts_as_root):
    """A share without owners is used, with one event at most; /tmp is used only if our own files can't be written."""
    options, events = SHARES[kind]
    folder = share(options)
    for _ in range(2):
        reported = prepare_cache(folder, OWNER, OWNER) if starts_as_root else []
        with user(OWNER):
            claimed = claim(folder, temporary)
            with open_folder(f"{claimed.cache}/{NAME}/code", 2, make=0o700) as code:
                code.write("mine", b"kept")
        assert reported == []
        assert by(claimed) == events
        assert (claimed.cache == folder) == (events != ["cache.moved"])
        assert [path.name for path in folder.iterdir()] == [NAME]
