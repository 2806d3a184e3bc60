"""Keys of a terminal: read one by one, never taken from anybody else who reads there, and the modes put back."""

from __future__ import annotations

import os
import pty
import signal
import termios
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.supervisor.loop import Loop
from appliance.supervisor.terminal.keyboard import Keyboard
from tests.supervisor.loops import run


class Person:
    """A terminal, and who sits in front of it."""

    def __init__(self) -> None:
        self.screen, self.terminal = pty.openpty()
        self.before = self.modes()

    def modes(self) -> list[Any]:
        """The terminal's modes."""
        return termios.tcgetattr(self.terminal)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.screen, text.encode())

    def edit_lines(self) -> None:
        """Turn line editing on, as a prompt does."""
        modes = self.modes()
        modes[3] |= termios.ICANON | termios.ECHO
        termios.tcsetattr(self.terminal, termios.TCSANOW, modes)


@pytest.fixture
def person() -> Iterator[Person]:
    """Somebody at a terminal."""
    person = Person()
    yield person
    os.close(person.screen)
    os.close(person.terminal)


@pytest.fixture
def keys() -> list[str]:
    """The keys that were read."""
    return []


@pytest.fixture
def keyboard(loop: Loop, person: Person, keys: list[str]) -> Iterator[Keyboard]:
    """A keyboard on the terminal; ``!`` ends the loop."""

    def on_key(key: str) -> None:
        keys.append(key)
        if key == "!":
            loop.stop()

    keyboard = Keyboard(loop, on_key)
    assert keyboard.open(person.terminal)
    yield keyboard
    keyboard.close()


def when(loop: Loop, keys: list[str], key: str, call: Callable[[], object]) -> None:
    """Call once this key was read."""

    def look() -> None:
        if key in keys:
            call()
        else:
            loop.call_later(0.01, look)

    loop.call_later(0.0, look)


def test_a_key_is_read_at_once(loop: Loop, person: Person, keyboard: Keyboard, keys: list[str]):
    """A key needs no Enter, and is not echoed; Ctrl-C stays a signal."""
    assert person.modes()[3] & (termios.ICANON | termios.ECHO) == 0
    assert person.modes()[3] & termios.ISIG
    person.type("r")
    when(loop, keys, "r", lambda: person.type("!"))
    run(loop)
    assert keys == ["r", "!"]


def test_what_is_pasted_means_nothing(loop: Loop, person: Person, keyboard: Keyboard, keys: list[str]):
    """Several keys at once are a text or an arrow key, and none of them is obeyed; one that is held counts once."""
    person.type("a question\x1b[A")
    loop.call_later(0.2, lambda: person.type("rr"))
    when(loop, keys, "r", lambda: person.type("!"))
    run(loop)
    assert keys == ["r", "!"]


def test_a_prompt_has_the_terminal_for_itself(loop: Loop, person: Person, keyboard: Keyboard, keys: list[str]):
    """While somebody else edits lines there no key is taken; once the modes are back, keys count again."""
    own = person.modes()
    person.edit_lines()
    person.type("quit\n")

    def answered() -> None:
        assert os.read(person.terminal, 100) == b"quit\n"
        termios.tcsetattr(person.terminal, termios.TCSANOW, own)
        person.type("!")

    loop.call_later(0.3, answered)  # by then the keyboard has looked more than once
    run(loop)
    assert keys == ["!"]


def test_a_program_that_reads_without_a_mode_gets_the_key(
    loop: Loop, person: Person, keyboard: Keyboard, keys: list[str]
):
    """A program that waits in a read takes the key, although the modes are the keyboard's."""
    taken: list[bytes] = []
    reads = threading.Thread(target=lambda: taken.append(os.read(person.terminal, 1)))
    reads.start()

    def pressed() -> None:
        person.type("q")
        loop.call_later(0.1, lambda: person.type("!"))

    loop.call_later(0.1, pressed)
    run(loop)
    reads.join(5)
    assert taken == [b"q"]
    assert keys == ["!"]


def test_the_terminal_is_taken_back(loop: Loop, person: Person, keyboard: Keyboard, keys: list[str]):
    """After the end of a process that had a prompt, keys count again."""
    person.edit_lines()

    def ended() -> None:
        keyboard.reset()
        person.type("!")

    loop.call_later(0.05, ended)
    run(loop)
    assert keys == ["!"]


def test_the_modes_are_put_back(person: Person, keyboard: Keyboard):
    """Once stopped the modes are those of the start; at the end too, whatever another process has done meanwhile."""
    keyboard.stop()
    assert person.modes() == person.before
    raw = [*person.before]
    raw[3] = 0
    termios.tcsetattr(person.terminal, termios.TCSANOW, raw)
    keyboard.close()
    assert person.modes() == person.before
    keyboard.close()
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL


def test_ctrl_z_leaves_the_terminal_as_it_was(person: Person, keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch):
    """While the process is suspended the modes are those of the start, and the keyboard's when it goes on."""
    own, seen = person.modes(), []
    monkeypatch.setattr(signal, "raise_signal", lambda number: seen.append((number, person.modes())))
    os.kill(os.getpid(), signal.SIGTSTP)
    assert seen == [(signal.SIGSTOP, person.before)]
    assert person.modes() == own


def test_without_a_terminal_there_are_no_keys(loop: Loop):
    """A pipe has no keys, and nothing is changed."""
    end, other = os.pipe()
    keyboard = Keyboard(loop, lambda _: None)
    assert not keyboard.open(end)
    keyboard.reset()
    keyboard.stop()
    keyboard.close()
    os.close(end)
    os.close(other)
