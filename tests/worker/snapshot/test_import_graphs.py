"""Random import graphs: a worker from a checkpoint has the whole state of a worker that has imported everything."""

from __future__ import annotations

import random
from collections import Counter
from itertools import zip_longest
from pathlib import Path

import pytest

from appliance.protocol import messages
from appliance.protocol.snapshot_messages import CheckpointReached, SnapshotReady, SwapDeclined
from tests.swaps.import_graphs import NAMES, module, project
from tests.thorough import THOROUGH, one_in
from tests.worker.snapshot.snapshot_player import Child, Player, played, pythons

pytestmark = pytest.mark.skipif(not pythons(), reason="no Python 3.12 or newer is installed here")

GRAPHS = 150 if THOROUGH else 4
SAVES = 3


class Comparison:
    """The answers of a project's workers, and the way in which each was made.

    Attributes:
        kinds: how many checkpoints there were, how many states were compared, and what else there was.
    """

    def __init__(self, player: Player, chance: random.Random) -> None:
        self._player = player
        self._chance = chance
        self.kinds: Counter[str] = Counter()
        self.differences: list[str] = []

    def graph(self) -> None:
        """Import a new project with pauses before two of its modules; compare after saves of each."""
        for name, text in project(self._chance).items():
            self._write(name, text)
        names = self._chance.sample(NAMES, 2)
        process = self._player.begin_import([f"shop/{name}.py" for name in names])
        while isinstance(reached := process.next_of(CheckpointReached, SnapshotReady), CheckpointReached):
            self.kinds["checkpoints"] += 1
            process.expect(messages.FilesReport)
            checkpoint = process
            self._saves(checkpoint, Path(reached.path).stem)
            process = self._player.go_on(checkpoint)
        assert isinstance(reached, SnapshotReady)
        self.kinds["snapshots, refused" if reached.refused else "snapshots"] += 1
        if not reached.refused:
            self._compare(process, [])
        for child in self._player.children[1:]:
            child.close()
        del self._player.children[1:]

    def _saves(self, checkpoint: Child, name: str) -> None:
        before = (self._player.root / f"shop/{name}.py").read_text(encoding="utf-8")
        for _ in range(SAVES):
            self._write(f"shop/{name}.py", module(self._chance, name))
            self._compare(checkpoint, [f"shop/{name}.py"])
        self._write(f"shop/{name}.py", before)

    def _compare(self, source: Child, changed: list[str]) -> None:
        found = [self._state(source, changed), self._state(self._player.preloader, [])]
        self.kinds["compared"] += 1
        self.kinds["lines"] += len(found[0])
        self.differences += [f"{one} is not {two}" for one, two in zip_longest(*found) if one != two][:3]

    def _state(self, source: Child, changed: list[str]) -> list[str]:
        """The lines of a worker's state, or of the traceback of its import."""
        worker = self._player.serve(source, changed)
        message = worker.next_of(messages.Ready, messages.Failed, SwapDeclined, messages.ForkMismatch)
        if isinstance(message, messages.Failed):
            self.kinds["failed"] += 1
            return str(message.report["text"]).splitlines()
        assert isinstance(message, messages.Ready), message
        worker.channel.send(messages.StartAccepting())
        answer = self._player.get()
        self._player.drain(worker)
        return answer.splitlines()

    def _write(self, name: str, text: str) -> None:
        path = self._player.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.whole
@pytest.mark.timeout(1800 if THOROUGH else 120)
@pytest.mark.parametrize("python", one_in(2, pythons()[:-3:-1]), ids=lambda path: path.rpartition("/versions/")[2][:4])
def test_a_checkpoint_leaves_what_an_import_leaves(tmp_path: Path, python: str):
    """After each save, names, modules, order, closures, code and registries are those of a whole import."""
    with played(tmp_path / "project", {"app.py": ""}, python) as player:
        comparison = Comparison(player, random.Random(23))
        for _ in range(GRAPHS):
            comparison.graph()
    assert comparison.differences == []
    assert comparison.kinds["checkpoints"] >= GRAPHS / 2
    assert comparison.kinds["compared"] >= SAVES * comparison.kinds["checkpoints"]
    assert comparison.kinds["lines"] > 50 * comparison.kinds["compared"]
    assert comparison.kinds["snapshots"] >= GRAPHS / 2
