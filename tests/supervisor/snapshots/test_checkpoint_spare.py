"""The fork of a checkpoint that waits for the next save, with fake processes."""

from __future__ import annotations

from appliance.supervisor.preloading.preloading import SPARE_S
from tests.supervisor.snapshots.snapshots_project import SnapshotsProject


def test_a_fork_waits_for_the_next_save(chain: SnapshotsProject):
    """After a save that the checkpoint has served, the next one gets a fork that was made before it."""
    assert chain.waiting() == []
    assert chain.declined("shop/views.py") is not None
    chain.passes(2 * SPARE_S)
    (ahead,) = chain.waiting()
    assert chain.declined("shop/views.py") is ahead
    chain.passes(2 * SPARE_S)
    (following,) = chain.waiting()
    assert following is not ahead


def test_a_save_that_comes_first_gets_another_fork(chain: SnapshotsProject):
    """Without a fork that waits, the checkpoint forks when the save comes."""
    assert chain.declined("shop/views.py") is not None
    assert chain.waiting() == []
    assert chain.declined("shop/views.py") is not None


def test_a_fork_that_has_ended_is_not_used(chain: SnapshotsProject):
    """If the fork has ended while it waited, the next save gets another one."""
    assert chain.declined("shop/views.py") is not None
    chain.passes(2 * SPARE_S)
    (ahead,) = chain.waiting()
    chain.children.end(ahead, -9)
    worker = chain.declined("shop/views.py")
    assert worker is not None
    assert worker is not ahead


def test_a_fork_ends_with_its_checkpoint(chain: SnapshotsProject):
    """A save of a file that the checkpoint has read ends it, and the fork that waits."""
    assert chain.declined("shop/views.py") is not None
    chain.passes(2 * SPARE_S)
    assert len(chain.waiting()) == 1
    assert chain.declined("app.py") is None
    assert (chain.waiting(), chain.paused()) == ([], [])


def test_a_lost_checkpoint_leaves_no_fork(chain: SnapshotsProject):
    """If the checkpoint itself is killed, the fork that waits ends too: its import may be as wrong."""
    assert chain.declined("shop/views.py") is not None
    chain.passes(2 * SPARE_S)
    chain.children.end(chain.paused()[0], -9)
    assert chain.waiting() == []


def test_no_fork_waits_beside_swaps(chain: SnapshotsProject):
    """As soon as a save was swapped, the next one probably is too: nothing waits at the checkpoint any more."""
    assert chain.declined("shop/views.py") is not None
    chain.passes(1.5)
    chain.imports()
    chain.passes(0.1)
    assert len(chain.waiting()) == 1
    assert chain.saved("app.py")[0] or chain.saved("shop/views.py")[0]
    chain.passes(2 * SPARE_S)
    assert chain.waiting() == []


def test_no_fork_outlives_the_appliance(chain: SnapshotsProject):
    """The stop ends the fork that waits, and none is made afterwards."""
    assert chain.declined("shop/views.py") is not None
    chain.passes(2 * SPARE_S)
    chain.snapshots.close()
    assert chain.waiting() == []
    chain.passes(1.0)
    assert chain.waiting() == []
