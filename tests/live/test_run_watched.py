"""``appliance run --watch``, as a person runs it: in a terminal, with saves, signals and programs that end."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, words
print("word", words.word, os.getpid(), flush=True)
if sys.argv[1:] == ["raw"]:
    import tty
    tty.setraw(0)
sys.stdin.read()
"""
LEAVES = """
import subprocess, words
print("left", subprocess.Popen(["setsid", "sleep", "3600"]).pid, flush=True)
import time
time.sleep(3600)
"""


class Watched:
    """One `appliance run --watch`, on a terminal of its own or on pipes, and what it has written."""

    def __init__(self, project: Path, cache: Path, *argv: str, terminal: bool, **settings: str) -> None:
        self.project = project
        self.said = self.passed = ""
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(("APPLIANCE_", "PYTHON"))}
        environment = {
            **inherited, "APPLIANCE_PROJECT": str(project), "APPLIANCE_CACHE": str(cache), "APPLIANCE_INSTALL": "off",
            **settings,
        }  # fmt: skip
        command = [sys.executable, "-I", "-m", "appliance", "run", "--watch", *argv]
        if terminal:
            self.pid, self.descriptor = pty.fork()
            if not self.pid:
                os.chdir(project)
                os.execve(command[0], command, environment)
            return
        read, self.input = os.pipe()
        self.descriptor, write = os.pipe()
        process = subprocess.Popen(
            command, env=environment, cwd=project, stdin=read, stdout=write, stderr=write, start_new_session=True
        )
        self.pid, process.returncode = process.pid, 0  # it is waited for here
        os.close(read)
        os.close(write)

    def wait_for(self, text: str, within_s: float = 30) -> str:
        """The words of the next line that begins so."""
        deadline = time.monotonic() + within_s
        while True:
            before, _, rest = self.said.partition(text)
            line, end, after = rest.partition("\n")
            if end and text in self.said:
                self.passed, self.said = before, after
                return line.strip()
            if not select.select([self.descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no {text!r} in time, but {before!r}")
            with contextlib.suppress(OSError):  # the terminal's end
                self.said += os.read(self.descriptor, 65_536).decode()

    def next_line(self, text: str) -> str:
        """The next line that has these words in it."""
        end = self.wait_for(text)
        return f"{self.passed.rpartition(chr(10))[2]}{text}{end}"

    def edit(self, name: str, text: str) -> None:
        """Save a file as an editor does."""
        aside = self.project / f".{name}.new"
        aside.write_text(text, encoding="utf-8")
        aside.replace(self.project / name)

    def code(self) -> int:
        """The command's exit code, once it has ended; its output is read meanwhile."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if select.select([self.descriptor], [], [], 0.02)[0]:
                with contextlib.suppress(OSError):
                    self.said += os.read(self.descriptor, 65_536).decode()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it does not end; it has said {self.said!r}")

    def close(self) -> None:
        """End the command, whatever it does."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.descriptor)


Run = Callable[..., Watched]


@pytest.fixture
def watched(project: Path, cache: Path) -> Iterator[Run]:
    """Run a command in the project; each is ended after the test."""
    running: list[Watched] = []
    (project / "program.py").write_text(PROGRAM, encoding="utf-8")
    (project / "words.py").write_text("word = 'one'\n", encoding="utf-8")

    def run(*argv: str, terminal: bool = True, **settings: str) -> Watched:
        running.append(Watched(project, cache, *argv, terminal=terminal, **settings))
        return running[-1]

    yield run
    for each in running:
        each.close()


def ends(pid: int) -> bool:
    """Whether a process ends soon."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with contextlib.closing(os.fdopen(descriptor)):
        return bool(select.select([descriptor], [], [], 10)[0])


def test_a_save_runs_the_command_again(watched: Run):
    """Each save ends the command and runs it with the new code and variables; it shows errors of broken code itself."""
    command = watched("python", "program.py")
    first = command.wait_for("word one")
    command.edit("words.py", "word = 'two'\n")
    command.wait_for("words.py saved")
    second = command.wait_for("word two")
    assert first != second
    assert ends(int(first))
    command.edit("words.py", "word = \n")
    command.wait_for("SyntaxError")
    assert "exit code 1" in command.wait_for("python has ended")
    command.edit(".env", "WORD=three\n")
    command.edit("words.py", "import os\nword = os.environ['WORD']\n")
    third = command.wait_for("word three")
    os.write(command.descriptor, b"\x03")
    assert command.code() == 130
    assert ends(int(third))


def test_control_c_comes_once(watched: Run, project: Path):
    """Ctrl-C reaches the command once, from the terminal, and the exit code is the command's own."""
    (project / "counts.py").write_text(
        "import signal, sys, time\ncount = 0\ndef note(*_):\n    global count\n    count += 1\n"
        "signal.signal(signal.SIGINT, note)\nprint('ready', flush=True)\ntime.sleep(1)\nsys.exit(40 + count)\n",
        encoding="utf-8",
    )
    command = watched("python", "counts.py")
    command.wait_for("ready")
    os.write(command.descriptor, b"\x03")
    assert command.code() == 41


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]
)
def test_signals_are_passed_on(watched: Run, number: signal.Signals, expected: int):
    """Without a terminal each signal is passed on, and the exit code says which has ended the command."""
    command = watched("python", "program.py", terminal=False)
    pid = int(command.wait_for("word one"))
    os.kill(command.pid, number)
    assert command.code() == expected
    assert ends(pid)


def test_other_signals_reach_the_command(watched: Run, project: Path):
    """SIGUSR1 and SIGUSR2 are the command's, and end nothing."""
    (project / "takes.py").write_text(
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\nprint('ready', flush=True)\n"
        "while signal.sigwait({signal.SIGUSR1}):\n    print('got it', flush=True)\n",
        encoding="utf-8",
    )
    command = watched("python", "takes.py", terminal=False)
    command.wait_for("ready")
    for _ in range(2):
        os.kill(command.pid, signal.SIGUSR1)
        command.wait_for("got it")
    os.kill(command.pid, signal.SIGTERM)
    assert command.code() == 143


def test_the_terminal_is_the_commands(watched: Run):
    """The command reads from the terminal, and the modes that it leaves are put back for the next run."""
    command = watched("sh", "-c", "read line; echo got $line; stty raw -echo; exec sleep 3600")
    os.write(command.descriptor, b"typed\n")
    command.wait_for("got typed")
    while termios.tcgetattr(command.descriptor)[3] & termios.ICANON:
        continue
    command.edit("words.py", "word = 'two'\n")
    command.wait_for("words.py saved")
    while not termios.tcgetattr(command.descriptor)[3] & termios.ICANON:
        continue
    os.write(command.descriptor, b"more\n")
    command.wait_for("got more")


def test_ctrl_z_stops_both(watched: Run):
    """Ctrl-Z stops the command and what runs it, as job control expects, and SIGCONT goes on with both."""
    command = watched("sh", "-c", "trap 'echo resumed' CONT; echo ready; while true; do sleep 0.05; done")
    command.wait_for("ready")
    # In the terminal's own session no shell waits for it, and then the kernel sends no SIGTSTP: send what it would.
    group = os.tcgetpgrp(command.descriptor)
    assert os.getpgid(command.pid) == group
    os.killpg(group, signal.SIGSTOP)
    assert os.WIFSTOPPED(os.waitpid(command.pid, os.WUNTRACED)[1])
    os.killpg(group, signal.SIGCONT)
    command.wait_for("resumed")
    os.write(command.descriptor, b"\x03")
    assert command.code() == 130


def test_a_run_leaves_nothing(watched: Run, project: Path):
    """Processes that a run has started end with it, in any session: at a save, at the end, and if all is killed."""
    (project / "leaves.py").write_text(LEAVES, encoding="utf-8")
    command = watched("python", "leaves.py", terminal=False)
    first = int(command.wait_for("left"))
    command.edit("words.py", "word = 'two'\n")
    second = int(command.wait_for("left"))
    assert ends(first)
    os.kill(command.pid, signal.SIGKILL)
    assert ends(second)


def test_a_command_that_does_not_exist_waits_for_no_save(watched: Run):
    """A command that does not exist does not wait for a save: the exit code is a shell's."""
    command = watched("no-such-program")
    assert command.code() == 127
    assert "no program 'no-such-program'" in command.said


@pytest.mark.whole
def test_a_command_that_ignores_its_end_is_killed(watched: Run):
    """A command that ignores SIGTERM is killed after the grace, and the next run begins."""
    command = watched("sh", "-c", "trap '' TERM; echo begins; sleep 3600; sleep 3600", APPLIANCE_GRACE_S="0.2")
    command.wait_for("begins")
    command.edit("words.py", "word = 'two'\n")
    command.wait_for("begins")


@pytest.mark.whole
@pytest.mark.waits
def test_a_command_that_writes_code_is_slowed_down(watched: Run):
    """A command that writes other code at each start is started ever less often; a person's save starts it at once."""
    command = watched("sh", "-c", 'echo begins; echo "x = $(date +%N)" > made.py; exec sleep 3600')
    assert "APPLIANCE_IGNORE=made.py" in command.wait_for("made.py changes at each start of sh")
    command.wait_for("the next start is in 6 s")
    command.edit("words.py", "word = 'two'\n")
    assert "words.py" in command.next_line(" saved: sh")
