"""Let ``breakpoint()``, ``pdb`` and ``input()`` in a worker use the appliance's terminal, if it has one.

Runs in the worker, set up before the project is imported. ``pdb`` is loaded only when needed.

Theory of operation. Descriptors 1 and 2 are pipes to the log, in which nobody would see a prompt. While a prompt waits,
they are the terminal itself. ``sys.stdout`` and ``sys.stderr`` write to these descriptors (``stdio``), so the prompt,
its answers and readline work as in any program. One thread prompts at a time; the others go on, and their output goes
to the terminal meanwhile. The terminal is not this process's controlling terminal, which does not matter for a read
(tty(4)), and Ctrl-C stops the appliance as always.

The supervisor may read single keys there, and has turned line editing and echo off for that. A prompt, or a read of
``sys.stdin``, turns them on until it ends; the supervisor sees that by the modes, and reads nothing meanwhile.

Without a terminal, breakpoints are skipped, and the log says what to do: a prompt that waits would hang, and pdb would
end the request with an error at the empty stdin.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

try:
    import termios
except ImportError:  # a Python that was built without it: what reads the terminal finds it as it is
    termios = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from ..hooks import Hooks

_FLAGS = 3  # the place of the local modes in what tcgetattr returns
_ACTION = "Start with a terminal (docker compose run --rm --service-ports app), or set DEBUGPY and attach an editor."


class Terminal:
    """The appliance's terminal, as descriptor 0."""

    def __init__(self, descriptor: int, hooks: Hooks) -> None:
        os.dup2(descriptor, 0)
        self._hooks = hooks
        self._prompt_lock = threading.RLock()
        self._depth = 0
        self._readers = 0  # readers that need line editing
        self._modes_lock = threading.Lock()
        self._modes: list[Any] = []  # before the first of them came
        self._patched = False

    def install(self) -> None:
        """Send prompts to the terminal from now on."""
        original_input: Callable[..., str] = builtins.input

        def input_at_terminal(prompt: object = "", /) -> str:
            self._hooks.call("terminal", self._hold_open_prompt, otherwise=None)
            with self.attached():
                return original_input(prompt)

        builtins.input = input_at_terminal
        sys.breakpointhook = self.breakpoint
        self._hooks.call("terminal", self._replace_stdin, otherwise=None)

    def _replace_stdin(self) -> None:
        """Turn line editing on while ``sys.stdin`` is read, also through its buffer."""
        before: Any = sys.stdin
        terminal = self

        class File(io.FileIO):
            def readinto(self, buffer: Any, /) -> int | None:
                with terminal.editing():
                    return super().readinto(buffer)

        buffer = io.BufferedReader(File(0, closefd=False))
        sys.stdin = io.TextIOWrapper(buffer, encoding=before.encoding, errors=before.errors, line_buffering=True)

    @contextlib.contextmanager
    def editing(self) -> Iterator[None]:
        """Within this context, the terminal edits lines and echoes."""
        self._hooks.call("terminal", self._turn_editing_on, otherwise=None)
        try:
            yield
        finally:
            self._hooks.call("terminal", self._turn_editing_off, otherwise=None)

    def _turn_editing_on(self) -> None:
        with self._modes_lock:
            self._readers += 1
            if self._readers == 1 and termios is not None:
                self._modes = termios.tcgetattr(0)
                editing = [*self._modes]
                editing[_FLAGS] |= termios.ICANON | termios.ECHO
                termios.tcsetattr(0, termios.TCSANOW, editing)

    def _turn_editing_off(self) -> None:
        with self._modes_lock:
            self._readers -= 1
            if self._readers == 0 and termios is not None:
                termios.tcsetattr(0, termios.TCSANOW, self._modes)

    def breakpoint(self, *_arguments: Any, **options: Any) -> None:
        """Stop in the frame that called ``breakpoint()``."""
        import pdb  # noqa: PLC0415, T100  costs 12 ms, only at a breakpoint

        self._hooks.call("terminal", self._patch_pdb, otherwise=False)
        header = options.get("header")
        stop = pdb.Pdb()
        if header is not None:
            stop.message(header)
        stop.set_trace(sys._getframe(1))  # noqa: SLF001  as pdb.set_trace does

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Within this context, descriptors 1 and 2 are the terminal."""
        with self._prompt_lock, self.editing():
            copies = self._hooks.call("terminal", self._take_over, otherwise=list[int]()) if not self._depth else []
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if copies:
                    _give_back(copies)

    def _take_over(self) -> list[int]:
        """Put the terminal in the place of descriptors 1 and 2; return copies of the old ones. On failure undo it."""
        copies: list[int] = []
        try:
            copies.extend(map(os.dup, (1, 2)))
            _flush()
            for number in (1, 2):
                os.dup2(0, number)
        except OSError:
            _give_back(copies)
            raise
        return copies

    def _hold_open_prompt(self) -> None:
        if self._patch_pdb() and (debugger := _open_prompt()) is not None:
            self._hold_for(debugger)

    def _patch_pdb(self) -> bool:
        """Patch pdb, once loaded, to hold the terminal during a whole prompt; return whether it patched."""
        pdb: Any = sys.modules.get("pdb")
        if pdb is None or self._patched:
            return False
        self._patched = True
        interaction = pdb.Pdb.interaction
        terminal = self

        def interaction_at_terminal(debugger: Any, *arguments: Any, **options: Any) -> Any:
            with terminal.attached():
                return interaction(debugger, *arguments, **options)

        pdb.Pdb.interaction = interaction_at_terminal
        return True

    def _hold_for(self, debugger: Any) -> None:
        """Hold the terminal until pdb leaves a prompt that began before the patch (``pdb.set_trace()``)."""
        attached = self.attached()
        attached.__enter__()
        forget = debugger.forget

        def forgotten() -> None:
            del debugger.forget
            forget()
            attached.__exit__(None, None, None)

        debugger.forget = forgotten


def _give_back(copies: list[int]) -> None:
    _flush()
    for number, before in zip((1, 2), copies):  # noqa: B905  as many as there are
        with contextlib.suppress(OSError):  # the project has closed the copy
            os.dup2(before, number)
            os.close(before)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _open_prompt() -> Any:
    """Return the debugger whose prompt is open in this thread."""
    frame: FrameType | None = sys._getframe(4)  # noqa: SLF001  the caller of input
    while frame is not None and frame.f_code.co_name != "interaction":
        frame = frame.f_back
    return None if frame is None else frame.f_locals.get("self")


def set_up(descriptor: int | None, hooks: Hooks, environment: Mapping[str, str]) -> None:
    """Make breakpoints work, or be skipped. PYTHONBREAKPOINT is the project's own choice, and is respected."""
    if environment.get("PYTHONBREAKPOINT"):
        if descriptor is not None:
            os.dup2(descriptor, 0)
    elif descriptor is not None:
        Terminal(descriptor, hooks).install()
    else:

        def skip(*_arguments: Any, **_options: Any) -> None:
            frame = sys._getframe(1)  # noqa: SLF001  the caller of breakpoint
            fields: dict[str, object] = {
                "file": frame.f_code.co_filename,
                "line": frame.f_lineno,
                "reason": "no terminal is attached",
                "action": _ACTION,
            }
            hooks.call("breakpoints", hooks.report, "warning", "breakpoint.passed", fields, otherwise=None)

        sys.breakpointhook = skip
    if descriptor is not None:
        os.close(descriptor)
