"""The table of checkpoints, as histories of events, and over every sequence."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.snapshots.checkpoints.checkpoint_events import (
    Action,
    CheckpointEnded,
    Discarded,
    End,
    Event,
    FilesChanged,
    GoOn,
    ImportEnded,
    ImportNeeded,
    ImportOver,
    ImportStarted,
    MemoryFree,
    MemoryShort,
    PreloaderReady,
    Reached,
    ReportEnded,
    ReportReady,
    StopRequested,
    WorkerGone,
    WorkerLost,
    WorkerReady,
    WorkerStarted,
    WorkerWanted,
)
from appliance.supervisor.snapshots.checkpoints.checkpoint_states import (
    MOST,
    ROWS,
    UNUSED,
    State,
    files_before,
    fork_source,
    import_source,
    step,
)
from tests.supervisor.histories import History

history: History[State, Event, Action] = History(step, State)

TOP, NEXT = frozenset({"settings"}), frozenset({"settings", "models"})
NEEDED = [ImportNeeded(("models",)), ImportNeeded(("views",))]
CHAIN = [
    *NEEDED,
    ImportStarted(("views", "models")),
    Reached(1, "models", TOP),
    Reached(2, "views", NEXT),
    ImportOver(),
]
SAVED = [FilesChanged(("views",), modified=True), ImportNeeded(("views",)), WorkerWanted()]


def test_an_import_leaves_checkpoints():
    """Before each file whose save needed an import there is a checkpoint; functions alone make none."""
    assert files_before(history(WorkerWanted(), WorkerStarted(swapping=True), WorkerReady())[0]) == ()
    state, _ = history(*NEEDED)
    assert (files_before(state), import_source(state)) == (("views", "models"), 0)
    state, actions = history(ImportStarted(("views", "models")), Reached(1, "models", TOP), state=state)
    assert actions == [GoOn(1)]
    assert fork_source(history(WorkerWanted(), state=state)[0]) == 0
    state, actions = history(Reached(2, "views", NEXT), ImportOver(), state=state)
    assert actions == [ReportReady(1, "models"), ReportReady(2, "views")]
    assert import_source(state) == 2


def test_a_save_takes_the_latest_that_is_right():
    """A save of a file that a checkpoint has read is served by an earlier one, which alone is kept."""
    state, actions = history(*CHAIN, *SAVED)
    assert (fork_source(state), actions) == (2, [])
    state, actions = history(FilesChanged(("models",), modified=True), state=state)
    assert (fork_source(state), actions) == (1, [End(2)])
    _, actions = history(FilesChanged(("settings",), modified=True), state=state)
    assert actions == [End(1)]


def test_the_next_import_goes_on_from_a_checkpoint():
    """Checkpoints after the one from which an import goes on are replaced; earlier ones stay."""
    state, _ = history(*CHAIN, FilesChanged(("models",), modified=True), ImportStarted(number=1))
    state, actions = history(Reached(3, "views", NEXT), ImportOver(), state=state)
    assert actions == [ReportReady(3, "views")]
    assert [each.number for each in state.kept] == [1, 3]
    state, actions = history(ImportStarted(number=1), Reached(4, "views", NEXT), ImportOver(), state=state)
    assert ([each.number for each in state.kept], actions) == ([1, 4], [End(3), ReportReady(4, "views")])


def test_another_file_needs_the_whole_import():
    """A file before which no import has paused, and another preloader, need an import from the beginning."""
    state, _ = history(*CHAIN, ImportNeeded(("forms",)))
    assert (files_before(state), import_source(state)) == (("forms", "views", "models"), 0)
    state, actions = history(
        ImportStarted(("forms", "views", "models")), Reached(3, "forms", TOP), ImportOver(), state=state
    )
    assert actions == [End(1), End(2), ReportReady(3, "forms")]
    assert import_source(history(*CHAIN, PreloaderReady())[0]) == 0
    assert fork_source(history(*CHAIN, PreloaderReady(), *SAVED)[0]) == 2


def test_a_new_file_ends_all():
    """A new file may come before an import that has been resolved: nothing that was imported before it is used."""
    state, actions = history(*CHAIN, FilesChanged(("extra",), modified=False))
    assert (actions, state.kept) == ([End(1), End(2)], ())
    state, _ = history(*NEEDED, ImportStarted(("views",)), FilesChanged(("extra",), modified=False))
    state, actions = history(Reached(1, "views", TOP), state=state)
    assert actions == [GoOn(1)]
    state, actions = history(ImportOver(), state=state)
    assert (actions, state.kept, import_source(state)) == ([End(1)], (), 0)


def test_a_change_during_the_import_ends_what_may_have_read_it():
    """A file that may have been read before it changed makes what has read it wrong, and nothing else."""
    state, _ = history(*NEEDED, ImportStarted(("views", "models")), FilesChanged(("models",), modified=True))
    state, _ = history(Reached(1, "models", TOP), Reached(2, "views", NEXT), state=state)
    state, actions = history(ImportOver(), state=state)
    assert actions == [End(2), ReportReady(1, "models")]


def test_a_checkpoint_that_saves_too_little_is_not_made_again():
    """If most of the import follows a file, or all of it is short, the file gets no checkpoint any longer."""
    begun = [*NEEDED, ImportStarted(("views", "models"))]
    reached = [Reached(1, "models", TOP, cpu_s=0.2), Reached(2, "views", NEXT, cpu_s=0.4)]
    state, _ = history(*begun, *reached, ImportOver(cpu_s=1.0))
    assert ([each.number for each in state.kept], files_before(state)) == ([2], ("views",))
    assert files_before(history(ImportNeeded(("models",)), state=state)[0]) == ("views",)
    short = [Reached(1, "models", TOP, cpu_s=0.015), Reached(2, "views", NEXT, cpu_s=0.016)]
    state, _ = history(*begun, *short, ImportOver(cpu_s=0.02))
    assert (state.kept, files_before(state)) == ((), ())
    state, _ = history(*begun, *short, ImportOver())
    assert [each.number for each in state.kept] == [1, 2]


def test_checkpoints_of_an_import_end_with_it():
    """Checkpoints that an import has made end with it; those from before stay."""
    state, actions = history(*CHAIN, ImportStarted(number=1), Reached(3, "views", NEXT), ImportEnded())
    assert actions == [End(3)]
    assert [each.number for each in state.kept] == [1, 2]
    assert history(Reached(4, "views", NEXT), state=state)[1] == [End(4)]


def test_a_declined_swap_is_followed_by_a_checkpoint():
    """A worker that declines leaves the save to a checkpoint; one that serves, or fails, does not."""
    state, _ = history(*CHAIN, *SAVED, WorkerStarted(swapping=True))
    assert fork_source(state) == 2
    for event in (WorkerReady(), WorkerGone(), WorkerStarted(swapping=False, number=2)):
        assert fork_source(history(event, state=state)[0]) == 0


def test_no_import_pauses_again_at_a_checkpoint_at_fault():
    """If a worker from a checkpoint is lost and an import serves, no import pauses there again."""
    lost = [*CHAIN, *SAVED, WorkerStarted(swapping=False, number=2), WorkerLost("killed")]
    state, actions = history(*lost)
    assert actions == [End(2), ReportEnded("views", "killed")]
    served, _ = history(WorkerStarted(swapping=False), WorkerReady(), ImportNeeded(("views",)), state=state)
    assert files_before(served) == ("models",)
    failed, _ = history(WorkerStarted(swapping=False), WorkerGone(), *SAVED, state=state)
    assert files_before(failed) == ("views", "models")
    assert history(WorkerLost("killed"))[1] == []


def test_little_memory_ends_all():
    """While memory is short there are no checkpoints, and no import makes any."""
    state, actions = history(*CHAIN, MemoryShort("12 MiB of memory is left"))
    assert actions[:2] == [End(1), End(2)]
    assert (files_before(state), fork_source(history(*SAVED, state=state)[0])) == ((), 0)
    assert files_before(history(MemoryFree(), state=state)[0]) == ("views", "models")


def test_checkpoints_end_after_many_swapped_saves():
    """After many saves that were swapped the checkpoints end; after a save that needs an import others come."""
    swapped = [WorkerWanted(), WorkerStarted(swapping=True), WorkerReady()] * (UNUSED - 1)
    state, _ = history(*CHAIN, *swapped)
    assert len(state.kept) == 2
    state, actions = history(*swapped[:3], state=state)
    assert (actions, files_before(state)) == ([End(1), End(2)], ())
    assert files_before(history(ImportNeeded(("views",)), state=state)[0]) == ("views",)


def test_a_checkpoint_that_ends_by_itself_is_reported_and_not_used():
    """A checkpoint that is killed is reported, and is not used."""
    state, actions = history(*CHAIN, CheckpointEnded(2, "killed by SIGKILL"))
    assert actions == [ReportEnded("views", "killed by SIGKILL")]
    assert fork_source(history(*SAVED, state=state)[0]) == 1
    assert history(CheckpointEnded(7, "killed"), state=state) == (state, [])


def test_checkpoints_are_made_for_three_files_at_most():
    """The newest files count; what is edited no more makes room."""
    state, _ = history(*(ImportNeeded((name,)) for name in "abcda"))
    assert (files_before(state), MOST) == (("a", "d", "c"), 3)


def test_each_event_has_its_row():
    """Each kind of event has a row."""
    assert set(ROWS) == set(Event.__subclasses__())


FILES = ("a", "b", "c", "d", "e")  # in the order of the import
PATHS = st.lists(st.sampled_from(FILES), min_size=1, max_size=2).map(tuple)
EVENT = st.one_of(
    st.builds(FilesChanged, PATHS, st.sampled_from([True, True, True, False])),
    st.builds(ImportNeeded, PATHS),
    st.builds(WorkerStarted, st.booleans()),
    st.sampled_from([
        Discarded(), PreloaderReady(), WorkerWanted(), WorkerReady(), WorkerGone(), WorkerLost("killed"),
        ImportStarted(), Reached(0, "", frozenset()), Reached(0, "", frozenset()), ImportOver(), ImportEnded(),
        CheckpointEnded(0, "killed"), MemoryShort("little"), MemoryFree(), StopRequested(),
    ]),
)  # fmt: skip


@dataclass
class Process:
    """A process: the files that it has read, when, and the files before which it pauses."""

    at: int
    before: tuple[str, ...] = ()
    read: dict[str, int] = field(default_factory=dict)

    def reads(self, until: str, now: int) -> None:
        """The import reads on, up to this file."""
        for file in FILES[: FILES.index(until)]:
            self.read.setdefault(file, now)


class Model:
    """The processes as a performer has them; time counts the events."""

    def __init__(self) -> None:
        self.state = State()
        self.now = 0
        self.changed: dict[str, int] = {}
        self.added = 0
        self.last = 0
        self.living: dict[int, Process] = {}
        self.importing: Process | None = None

    def take(self, event: Event) -> None:
        """An event happens, as the processes are."""
        self.now += 1
        match event:
            case FilesChanged():
                self.changed.update(dict.fromkeys(event.paths, self.now))
                self.added = self.added if event.modified else self.now
            case ImportStarted():
                source = import_source(self.state)
                before = self.living[source].before if source else files_before(self.state)
                read = dict(self.living[source].read) if source else {}
                self.importing = Process(self.now, before, read)
                event = ImportStarted(() if source else before, source)
            case Reached():
                found = self.reaches()
                if found is None:
                    return
                event = found
            case ImportOver() | ImportEnded():
                self.importing = None
            case CheckpointEnded() if self.living:
                event = CheckpointEnded(min(self.living), "killed")
                del self.living[min(self.living)]
            case WorkerStarted():
                event = WorkerStarted(event.swapping, 0 if event.swapping else fork_source(self.state))
                self.check(event.number)
        self.perform(event)

    def perform(self, event: Event) -> None:
        """The table decides, and a performer acts."""
        self.state, actions = step(self.state, event)
        for number in [action.number for action in actions if isinstance(action, End)]:
            del self.living[number]
        assert all(action.number in self.living for action in actions if isinstance(action, GoOn))

    def reaches(self) -> Reached | None:
        """The importing process pauses before the next of its files, if there is one."""
        importing = self.importing
        if importing is None:
            return None
        rest = [file for file in FILES if file in importing.before and file not in importing.read]
        rest = [file for file in rest if file not in {each.path for each in self.state.coming}]
        if not rest:
            return None
        importing.reads(rest[0], self.now)
        self.last += 1
        self.living[self.last] = Process(importing.at, importing.before, dict(importing.read))
        return Reached(self.last, rest[0], frozenset(importing.read))

    def check(self, number: int) -> None:
        """Assert that the files that this checkpoint has read are unchanged, and none was added since its import."""
        if number:
            process = self.living[number]
            assert self.added < process.at or not self.added, "a new file may come before an import"
            stale = [file for file, at in process.read.items() if self.changed.get(file, 0) >= at]
            assert stale == [], f"{stale} have changed since they were read"


@given(st.lists(EVENT, max_size=60))
def test_no_order_serves_what_is_out_of_date(events: list[Event]):
    """No order forks a worker from a checkpoint that has read an older file; none is forgotten, nor more than MOST."""
    model = Model()
    for event in events:
        model.take(event)
        state = model.state
        for each in state.kept:
            model.check(each.number)
        numbers = [each.number for each in (*state.kept, *state.coming)]
        assert sorted(numbers) == sorted(model.living), f"{event} forgot a process"
        assert len(state.kept) <= MOST
        assert len({each.path for each in state.kept}) == len(state.kept)
        assert state.importing or not state.coming
    model.take(StopRequested())
    assert model.living == {}


@given(st.lists(EVENT, max_size=40))
def test_checkpoints_come_from_everywhere(events: list[Event]):
    """After any order but a stop, an import that pauses gives a checkpoint that serves the next save."""
    model = Model()
    for event in events:
        if not isinstance(event, StopRequested):
            model.take(event)
    needed = next(file for file in FILES if file not in model.state.useless)
    for event in (
        MemoryFree(), Discarded(), ImportEnded(), ImportNeeded((needed,)), ImportStarted(), Reached(0, "", frozenset()),
        Reached(0, "", frozenset()), Reached(0, "", frozenset()), ImportOver(),
        FilesChanged((needed,), modified=True), WorkerWanted(),
    ):  # fmt: skip
        model.take(event)
    assert fork_source(model.state)
