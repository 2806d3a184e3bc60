"""The check of the project's own import: what stops a snapshot, before it happens."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import releases

HARMLESS = {
    "a read file": "open(__file__).close()",
    "a module that runs while its file is open": (
        "import os\nwith open(os.path.abspath('kept/settings.py')) as f: exec(compile(f.read(), f.name, 'exec'))"
    ),
    "a variable": "import os; os.environ['SHOP'] = '1'; os.environ.setdefault('OTHER', '2')",
    "the search path": "import sys; sys.path.insert(0, '/nowhere'); sys.path.append('/elsewhere')",
    "a finder": "import sys; sys.meta_path.insert(0, type('F', (), {'find_spec': print}))",
    "a hook of paths": "import sys; sys.path_hooks.insert(0, print)",
    "a folder that exists": "import os; os.makedirs('.', exist_ok=True); os.makedirs('kept', exist_ok=True)",
    "the null device": "open('/dev/null', 'w').close()",
    "a database in memory": "import sqlite3; sqlite3.connect(':memory:').execute('create table t (a)').close()",
    "a lock of threads": "import threading; lock = threading.RLock(); local = threading.local()",
    "a logger": "import logging; logging.basicConfig(); logging.getLogger(__name__).setLevel('DEBUG')",
    "a question whether a process exists": "import os; os.kill(os.getpid(), 0)",
    "a name of this host": "import socket; socket.gethostbyname('localhost')",
    "standard output": "print('hello'); import sys; sys.stderr.write('x')",
    "a log file that exists": "import logging; logging.getLogger().addHandler(logging.FileHandler('kept.txt'))",
    "a rotated log file": "import logging.handlers as h; kept = h.RotatingFileHandler('kept.txt', maxBytes=10)",
    "an exit hook": "import atexit; atexit.register(open, 'made', 'w')",
    "an exit hook by decoration": "import atexit\n@atexit.register\ndef end():\n    open('made', 'w')",
    "an exit hook of a name": "from atexit import register; register(open, 'made', 'w')",
    "an exit hook that writes out": "import atexit, sys; atexit.register(sys.stdout.flush)",
    "a finalizer": "import weakref\nclass A: pass\na = A()\nend = weakref.finalize(a, open, 'made', 'w')",
    "a closed stack of contexts": "import atexit, contextlib; atexit.register(contextlib.ExitStack().close)",
    "an exit hook of threads": "import threading; threading._register_atexit(open, 'made', 'w')",
    "a search for a library": "from ctypes.util import find_library; assert not find_library('of nobody')",
    "a question to git": "import subprocess; subprocess.run(['git', 'rev-parse', 'HEAD'], capture_output=True)",
    "a question to git in a shell": "import subprocess; subprocess.run('git log -1 --format=%h', shell=True)",
    "the timer of a limiter": (
        "import types; storage = types.ModuleType('limits.storage.memory')\n"
        "exec('from threading import Timer; timer = Timer(0.01, int); timer.start()', vars(storage))"
    ),
    "an executor without work": "from concurrent.futures import ThreadPoolExecutor; pool = ThreadPoolExecutor()",
}
EFFECTS = {
    "a written file": ("open('made', 'w')", "shop.rows, line 1, opens made for writing"),
    "an appended file": ("import os; os.open('made', os.O_APPEND | os.O_WRONLY)", "opens made for writing"),
    "a log file": ("import logging; logging.FileHandler('app.log')", "shop.rows, line 1, opens "),
    "a line in a log file": (
        "import logging; logging.basicConfig(filename='kept.txt'); logging.error('made')",
        "shop.rows, line 1, writes into the log file ",
    ),
    "a log file that begins anew": (
        "import logging; logging.FileHandler('kept.txt', mode='w')",
        "kept.txt for writing",
    ),
    "a path's text": ("from pathlib import Path\nPath('made').write_text('x')", "shop.rows, line 2, opens made"),
    "a folder": ("import os; os.makedirs('made')", "shop.rows, line 1, makes the folder made"),
    "a removed file": ("import os; os.remove('kept.txt')", "deletes kept.txt"),
    "a renamed file": ("import os; os.replace('kept.txt', 'made')", "renames kept.txt"),
    "a temporary folder": ("import tempfile; folder = tempfile.TemporaryDirectory()", "opens /"),
    "a temporary file": ("import tempfile; file = tempfile.TemporaryFile()", "for writing"),
    "a database": ("import sqlite3; sqlite3.connect('made')", "connects to the database made"),
    "another host": ("import socket; socket.create_connection(('127.0.0.1', 9))", "connects to 127.0.0.1:9"),
    "a local socket": (
        "import socket; socket.socket(socket.AF_UNIX).connect('/nowhere/db')",
        "connects to /nowhere/db",
    ),
    "a listener": ("import socket; socket.create_server(('127.0.0.1', 0))", "listens on 127.0.0.1:0"),
    "a packet": (
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "sends a message",
    ),
    "a request": ("from urllib.request import urlopen; urlopen('http://127.0.0.1:9/')", "connects to 127.0.0.1:9"),
    "a mail": ("import smtplib; smtplib.SMTP('127.0.0.1', 9)", "connects to 127.0.0.1:9"),
    "a thread": ("import threading; threading.Thread(target=open, args=('made', 'w')).start()", "starts a thread"),
    "a timer of threads": ("import threading; threading.Timer(9, int).start()", "starts a thread"),
    "an unknown thread": ("import _thread; _thread.start_new_thread(open, ('made', 'w'))", "starts a thread"),
    "a program": ("import subprocess; subprocess.run(['touch', 'made'])", "runs the program touch"),
    "another program of git": ("import subprocess; subprocess.run(['git', 'init', 'made'])", "runs the program git"),
    "a question and more": ("import os; os.popen('git log; touch made').read()", "runs the program /bin/sh"),
    "a shell": ("import os; os.system('touch made')", "runs a program"),
    "a child": ("import os\nif not os.fork():\n    open('made', 'w')\n    os._exit(0)", "forks"),
    "a pool of processes": ("import multiprocessing; multiprocessing.get_context('fork').Pool(1)", "forks"),
    "a lock of processes": ("import multiprocessing; lock = multiprocessing.Lock()", "lock or a queue of multiproc"),
    "shared memory": ("import mmap; shared = mmap.mmap(-1, 10)", "shares memory with forks"),
    "a locked file": ("import fcntl; fcntl.flock(kept := open('kept.txt'), fcntl.LOCK_SH)", "locks a file"),
    "an open file": ("kept = open('kept.txt')", "leaves open"),
    "a file that stays open while modules begin": (
        "import os; kept = open(os.path.abspath('kept/settings.py')); exec(compile(kept.read(), kept.name, 'exec'))",
        "shop.rows leaves open",
    ),
    "an open socket": ("import socket; kept = socket.socket()", "leaves open a socket"),
    "a loop of asyncio": ("import asyncio; loop = asyncio.new_event_loop()", "leaves open"),
    "a signal handler": ("import signal; signal.signal(signal.SIGUSR1, print)", "sets a signal handler"),
    "a timer": ("import signal; signal.setitimer(signal.ITIMER_VIRTUAL, 1000)", "sets a timer"),
    "an exit hook that removes": (
        "import atexit, shutil; atexit.register(shutil.rmtree, 'kept')",
        "shop.rows, line 1, registers an exit hook that removes files (rmtree of shutil)",
    ),
    "an exit hook that removes later": (
        "import atexit, functools, os; atexit.register(functools.partial(functools.partial(os.unlink), 'kept.txt'))",
        "shop.rows, line 1, registers an exit hook that removes files (unlink of posix)",
    ),
    "an exit hook of a path": (
        "import atexit, pathlib; atexit.register(pathlib.Path('kept.txt').unlink)",
        "registers an exit hook that removes files (unlink of pathlib)",
    ),
    "an exit hook with a socket": (
        "import atexit, socket; atexit.register(socket.socket().close)",
        "registers an exit hook that has a socket, which belongs to one process",
    ),
    "an exit hook with a file": ("import atexit; atexit.register(open('kept.txt').close)", "has a TextIOWrapper"),
    "an exit hook with a thread": (
        "import atexit, threading; atexit.register(threading.Thread(target=print).join)",
        "has a Thread",
    ),
    "an exit hook that ends a process": (
        "import atexit, os; atexit.register(os.kill, 1, 0)",
        "an exit hook that sends a signal (kill of posix)",
    ),
    "a finalizer that removes": (
        "import shutil, weakref\nclass A: pass\na = A()\nend = weakref.finalize(a, lambda f: f, shutil.rmtree)",
        "registers an exit hook that removes files (rmtree of shutil)",
    ),
    "a finalizer of processes": (
        "from multiprocessing import util\nend = util.Finalize(None, open, ('made', 'w'), exitpriority=1)",
        "makes a finalizer of multiprocessing",
    ),
    "a changed folder": ("import os; os.chdir('/')", "changes the working folder"),
    "a changed mask": ("import os; os.umask(0o777)", "changes the umask"),
    "a replaced stream": ("import io, sys; sys.stdout = io.StringIO()", "replaces sys.stdout"),
    "a tracer": ("import sys; sys.settrace(lambda *_: None)", "sets a tracer"),
    "a caught error": ("try:\n    open('made', 'w')\nexcept Exception:\n    pass", "opens made for writing"),
    "all that is caught": (
        "try:\n    open('made', 'w')\nexcept BaseException:\n    pass\nopen('made', 'w')",
        "opens made for writing",
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the check's result for each case: a package of two modules, of which the second has the effect."""
    folder = tmp_path_factory.mktemp("cases")
    sources = {**HARMLESS, **{name: source for name, (source, _) in EFFECTS.items()}}
    for name, source in sources.items():
        package = folder / name / "shop"
        (folder / name / "kept").mkdir(parents=True)
        (folder / name / "kept.txt").write_text("kept")
        (folder / name / "kept" / "settings.py").write_text("DEBUG = True\n")
        package.mkdir()
        (package / "__init__.py").write_text("from . import models, rows, views\n")
        (package / "models.py").write_text("MODELS = []\n")
        (package / "rows.py").write_text(f"{source}\n")
        (package / "views.py").write_text("from . import rows\n")
    python = releases.interpreter("3.13")  # snapshots are made since 3.12, whose threads raise an event
    program = Path(__file__).with_name("effect_cases.py")
    ran = subprocess.run(
        [python, "-B", str(program), str(folder)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert ran.stdout, ran.stderr
    found: dict[str, list[str]] = json.loads(ran.stdout.splitlines()[-1])
    for name in EFFECTS:
        assert not (folder / name / "made").exists(), f"{name}: the effect has happened"
        assert (folder / name / "kept.txt").read_text() == "kept"
    return found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_changes_the_process_is_allowed(name: str, answers: dict[str, list[str]]) -> None:
    """An import that only reads, or changes what a fork inherits, passes."""
    assert answers[name] == [""]


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_is_prevented_and_named(name: str, answers: dict[str, list[str]]) -> None:
    """The snapshot is stopped once, before the effect happens, with the module and what it does."""
    stopped, ended = answers[name]
    assert stopped == ended
    assert stopped.startswith("shop.rows")
    assert EFFECTS[name][1] in stopped
