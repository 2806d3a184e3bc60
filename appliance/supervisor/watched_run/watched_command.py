"""``appliance run --watch``: run a command, and start it again whenever the application would be reloaded.

Decides nothing over time: ``watched_states`` does. Runs in the process of ``appliance run``.

Theory of operation. The command stays in our process group, and has our terminal. So Ctrl-C, Ctrl-Z and changes of the
window's size reach it directly, and we pass on only signals that do not come from the terminal. The children of the
command are found by a mark (``marked_processes``), because a signal to the group would reach us too. Each run is
another ``appliance run``: it reads the .env files again, and installs what has changed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import termios
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.logs.sanitise import sanitise
from appliance.plural import first_names
from appliance.supervisor import signals
from appliance.supervisor.companions import companion_guard
from appliance.supervisor.companions.marked_processes import MARK_VARIABLE, end_marked
from appliance.supervisor.companions.remaining_processes import RemainingProcesses
from appliance.supervisor.loop import Loop
from appliance.supervisor.processes.reaper import adopt_orphans, reap
from appliance.supervisor.saves.reload_loops import ReloadLoops
from appliance.supervisor.watched_run import watched_states
from appliance.supervisor.watched_run.own_writes import SURELY_S, OwnWrites
from appliance.watch.kinds import Kind
from appliance.watch.watcher import Changes, Watcher, WorkerState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from appliance.supervisor.loop import Timer
    from appliance.watch.watch_set import WatchOptions

_PASSED = (signal.SIGUSR1, signal.SIGUSR2)  # in addition to those that stop a process
_OF_THE_TERMINAL = frozenset({"SIGINT", "SIGQUIT"})
_STDIN = 0
_SHOWN = 3  # files of a save


class WatchedCommand:
    """One command, until a signal ends it.

    Args:
        name: what messages call it.
        argv: what runs it in the project's environment.
        variables: its environment.
        options: which files are watched.
        grace_s: how long it may take to end.
    """

    def __init__(
        self, name: str, argv: Sequence[str], variables: Mapping[str, str], options: WatchOptions, *, grace_s: float
    ) -> None:
        self._name = name
        self._argv = list(argv)
        self._mark = f"{secrets.token_hex(8)}/"
        self._variables = {**variables, MARK_VARIABLE: self._mark}
        self._grace_s = grace_s
        self._loop = Loop()
        self._watcher = Watcher(options, self)
        self._loops = ReloadLoops()
        self._own_writes = OwnWrites()
        self._state = watched_states.State()
        self._performers: dict[type[watched_states.Action], Callable[[Any], None]] = {
            watched_states.Start: self._start,
            watched_states.End: self._end,
            watched_states.Clear: self._clear,
            watched_states.PassOn: self._pass_on,
            watched_states.ReportEnd: self._report_end,
            watched_states.Exit: self._exit,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._deadline: Timer | None = None
        self._delay: Timer | None = None
        self._delayed: list[str] = []  # the files whose start is delayed
        self._modes: list[Any] = []  # of the terminal, at the start
        self._code = 0

    def run(self) -> int:
        """Run the command until a signal; return its exit code."""
        post = self._loop.post
        signals.listen(self._loop.wake_descriptor.fileno(), self._signalled, self._reap, post, _PASSED)
        adopt_orphans()
        with contextlib.suppress(termios.error):
            self._modes = termios.tcgetattr(_STDIN)
        guard = self._start_guard()
        self._on(watched_states.Begun())
        try:
            self._watcher.start()
        except (RuntimeError, MemoryError) as error:
            self._say(f"the files can't be watched: {error}. Start it again once threads are free.")
        self._loop.run()
        end_marked(self._mark, signal.SIGKILL, below=os.getpid())
        if guard is not None:
            guard.kill()
        return self._code

    def _on(self, event: watched_states.Event) -> None:
        self._state, actions = watched_states.step(self._state, event)
        state_table.perform(self._performers, actions)

    def _start_guard(self) -> subprocess.Popen[bytes] | None:
        """Start the guard that ends the command if this process is killed; process 1 of a container needs none."""
        if os.getpid() == 1 or not sys.platform.startswith("linux"):
            return None
        command = [sys.executable, "-I", "-m", companion_guard.__name__, self._mark]
        try:
            return subprocess.Popen(  # noqa: S603  argv is ours
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            return None

    # -- what happens --------------------------------------------------------------------------------------------------

    def _signalled(self, name: str) -> None:
        if name in {each.name for each in _PASSED}:
            self._pass_on(watched_states.PassOn(name))
        else:
            self._on(watched_states.Stopped(name))

    def _reap(self) -> None:
        for pid, status in reap():
            if self._process is not None and pid == self._process.pid:
                code = self._process.returncode = os.waitstatus_to_exitcode(status)
                self._process = None
                if self._deadline is not None:
                    self._deadline.cancel()
                self._on(watched_states.Ended(code if code >= 0 else 128 - code))

    def _saved(self, changes: Changes) -> None:
        files = [path for path, kind in changes.kinds.items() if kind is not Kind.STATIC]
        if not files or (self._delay is not None and files == self._delayed):
            return  # the delayed start serves this save too
        if self._delay is not None:
            self._delay.cancel()
            self._delay = None
        own = self._own_writes.note_change(changes.noticed_at - self._started_at)
        reaction = self._loops.saved(files, time.monotonic(), starting=own)
        shown = first_names(files, _SHOWN)
        if reaction.delay_s:
            self._say(
                f"{shown} changes at each start of {self._name}: the next start is in {reaction.delay_s:g} s. "
                f"If the command writes it, set APPLIANCE_IGNORE={files[0]}"
            )
            self._delayed = files
            self._delay = self._loop.call_later(reaction.delay_s, partial(self._take, shown))
        else:
            self._take(shown)

    def _take(self, shown: str) -> None:
        self._delay = None
        if self._state.phase in {watched_states.Phase.RUNNING, watched_states.Phase.WAITING}:
            self._say(f"{shown} saved: {self._name} starts again")
        self._on(watched_states.Saved())

    # -- the actions ---------------------------------------------------------------------------------------------------

    def _start(self, _action: watched_states.Start) -> None:
        self._restore_terminal()
        self._started_at = time.monotonic()
        try:
            self._process = subprocess.Popen(self._argv, env=self._variables)  # noqa: S603  our own `appliance run`
        except OSError as error:
            self._say(f"{self._name} can't be started: {error.strerror}. A save tries it again.")
            self._loop.post(partial(self._on, watched_states.Ended(1)))

    def _restore_terminal(self) -> None:
        """Set the modes that the terminal had at first: a killed program may have left its own modes."""
        if self._modes and _is_foreground():
            with contextlib.suppress(termios.error):
                termios.tcsetattr(_STDIN, termios.TCSANOW, self._modes)

    def _end(self, _action: watched_states.End) -> None:
        self._signal(signal.SIGTERM)
        self._deadline = self._loop.call_later(self._grace_s, partial(self._signal, signal.SIGKILL))

    def _pass_on(self, action: watched_states.PassOn) -> None:
        if action.signal not in _OF_THE_TERMINAL or not _is_foreground():
            self._signal(signal.Signals[action.signal])

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(OSError):  # it has ended
                os.kill(self._process.pid, number)

    def _clear(self, _action: watched_states.Clear) -> None:
        RemainingProcesses(self._loop, self._mark, bool, partial(self._on, watched_states.Cleared())).end()

    def _report_end(self, action: watched_states.ReportEnd) -> None:
        code = action.code
        how = f"exit code {code}" if code <= 128 else f"signal {signals.name_of(code - 128)}"
        self._say(f"{self._name} has ended ({how}). It starts again at the next save; Ctrl-C ends this.")

    def _exit(self, action: watched_states.Exit) -> None:
        self._code = action.code
        self._watcher.stop()
        self._restore_terminal()
        self._loop.stop()

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(sanitise(f"appliance: {text}") + "\n")
            sys.stderr.flush()

    # -- called in the watcher's thread (watch.watcher.Listener) -------------------------------------------------------

    def noticed(self, path: str) -> None:
        """A save may follow."""

    def changed(self, changes: Changes) -> None:
        """Files have changed."""
        self._loop.post(partial(self._saved, changes))

    def unchanged(self, seen: Mapping[str, float]) -> None:
        """Files were written without a change of their content."""

    def report_event(self, event: str, fields: Mapping[str, object]) -> None:
        """Tell why files can't be watched fully."""
        if event == "watch.failed":
            self._loop.post(partial(self._say, f"{fields.get('reason', '')} {fields.get('action', '')}"))

    def worker_state(self) -> WorkerState:
        """Return BUSY soon after a start; while no command runs, every save counts: return BROKEN."""
        if self._state.phase is watched_states.Phase.WAITING:
            return WorkerState.BROKEN
        return WorkerState.BUSY if time.monotonic() - self._started_at < SURELY_S else WorkerState.SERVING


def _is_foreground() -> bool:
    """Whether the terminal on stdin sends its signals to this process group."""
    try:
        return os.tcgetpgrp(_STDIN) == os.getpgrp()
    except OSError:
        return False
