"""The table of snapshots over every sequence of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.snapshots.known_snapshots import Phase, SnapshotRole, State, delay_s, fork_source, why_not
from appliance.supervisor.snapshots.snapshot_events import (
    Action,
    Compare,
    Compared,
    EndImport,
    EndSnapshot,
    Event,
    FilesChanged,
    ForkAhead,
    ImportDue,
    Imported,
    ImportNotStarted,
    ImportStarted,
    NextEnded,
    NotCompared,
    Pause,
    PreloaderEnded,
    PreloaderGone,
    PreloaderReady,
    ProjectChanged,
    Promote,
    Repeat,
    ReplaceWorker,
    Resume,
    Schedule,
    SnapshotEnded,
    SpareDue,
    SpareForked,
    SpareGone,
    StartImport,
    StopRequested,
    SwapDeclined,
    SwapFailed,
    WorkerGone,
    WorkerReady,
    WorkerStarted,
    WorkerWanted,
)
from appliance.supervisor.snapshots.snapshot_states import ROWS, step

SAVED = [FilesChanged(), WorkerWanted()]

EVENT = st.one_of(
    st.builds(FilesChanged, st.sampled_from(["", "", "settings.toml is no module"])),
    st.builds(WorkerStarted, st.booleans(), st.booleans()),
    st.builds(Imported, st.sampled_from(["", "", "app starts a thread"])),
    st.builds(Compared, st.sampled_from([(), ("app",)]), st.booleans()),
    st.sampled_from([
        ProjectChanged(), PreloaderReady(), PreloaderEnded(), PreloaderGone(), WorkerWanted(), WorkerReady(),
        WorkerGone(), SpareDue(), SpareForked(), SpareGone(), ImportDue(), ImportStarted(), ImportNotStarted("none"),
        NextEnded("exit status 1"), SwapDeclined("a signature"), SwapFailed("killed"), NotCompared("no process"),
        SnapshotEnded("killed"),
    ]),
    st.builds(StopRequested, st.just("the appliance stops")),
)  # fmt: skip


class Model:
    """The processes as a performer has them, and which files each has read."""

    def __init__(self, *, crowded: bool) -> None:
        self.crowded = crowded  # always
        self.state = State(crowded=crowded)
        self.paused = False  # the process that imports
        self.files = 0  # counts the changes
        self.unswappable = 0  # the newest change that no swap can serve
        self.snapshot: int | None = None  # the files that each has read
        self.importing: int | None = None
        self.served = -1  # the files of the newest worker's swap
        self.scheduled = False

    def take(self, event: Event) -> list[Action]:
        """An event happens, if it can: no process reports that is not there."""
        if isinstance(event, (Imported, NextEnded, Compared, NotCompared)) and self.importing is None:
            return []
        if isinstance(event, ImportStarted):  # said by ``perform`` alone
            return []
        if isinstance(event, WorkerStarted):
            swapping = event.swapping and fork_source(self.state) is not None
            event = WorkerStarted(swapping, event.crowded or self.crowded)
            self.served = self.files
        if isinstance(event, FilesChanged):
            self.files += 1
            self.unswappable = self.files if event.objection else self.unswappable
        self.scheduled &= not isinstance(event, ImportDue)
        self.state, actions = step(self.state, event)
        for action in actions:
            self.perform(action)
        return list(actions)

    def perform(self, action: Action) -> None:
        """Perform an action."""
        match action:
            case Schedule():
                self.scheduled = True
            case StartImport():
                assert self.importing is None, "two imports at once"
                self.importing = self.files
                self.paused = False
                self.state, actions = step(self.state, ImportStarted())
                assert actions == ()
            case Compare() | Repeat():
                assert self.importing == self.served == self.files, "other files are compared than were swapped"
            case Promote():
                assert self.importing is not None
                self.snapshot, self.importing = self.importing, None
            case EndSnapshot():
                self.snapshot = None
            case EndImport():
                self.importing = None
            case Pause() | Resume():
                assert self.importing is not None
                self.paused = isinstance(action, Pause)
            case ForkAhead():
                assert self.snapshot is not None
            case _:
                pass


@given(st.lists(EVENT, max_size=50), st.booleans())
def test_no_sequence_breaks_what_must_hold(events: list[Event], crowded: bool):
    """No sequence imports twice at once, forks from a snapshot that is out of date, or forgets the next import."""
    model = Model(crowded=crowded)
    for event in events:
        before = model.state
        actions = model.take(event)
        state = model.state
        assert state.phase in ROWS
        assert state.has_snapshot is (model.snapshot is not None)
        assert (model.importing is not None) is (state.phase not in {Phase.WAITING, Phase.OFF})
        if model.snapshot is not None:
            assert model.snapshot >= model.unswappable, f"{event} left a snapshot that no swap can bring up to date"
        if fork_source(state) is None:
            assert why_not(state), f"no reason after {event}"
        assert delay_s(state) is None or model.scheduled, f"{event} forgot the next import of {before}"
        assert state.has_snapshot or not state.spare
        assert not (model.paused and model.importing is not None) or (state.starts and state.crowded)
        if state.starts and not (state.has_snapshot or state.crowded or state.refused) and state.preloader:
            assert model.scheduled or model.importing is not None or state.phase is Phase.OFF, "a save delays it"
        if ReplaceWorker() in actions:
            assert fork_source(state) is None or state.wanted
        if before.phase is Phase.OFF:
            assert (state, actions) == (before, [])


@given(st.lists(EVENT, max_size=50), st.booleans())
def test_a_snapshot_comes_from_everywhere(events: list[Event], crowded: bool):
    """After any sequence but a stop, an import that is good serves the next save by a swap, which is compared."""
    model = Model(crowded=crowded)
    for event in events:
        if not isinstance(event, StopRequested):
            model.take(event)
    for event in (
        PreloaderReady(), FilesChanged("setup.cfg"), WorkerStarted(swapping=False), WorkerReady(), ImportDue(),
        Imported(), *SAVED,
    ):  # fmt: skip
        model.take(event)
    assert fork_source(model.state) is SnapshotRole.SNAPSHOT or model.state.spare
    for event in (WorkerStarted(swapping=True), WorkerReady(), ImportDue()):
        model.take(event)
    assert model.take(Imported()) == [Compare()]
    assert model.take(Compared())[1] == Promote()
    assert delay_s(model.state) is None
