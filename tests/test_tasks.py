"""``make``, as someone with a fresh clone, a Python and no engine meets it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="not run: there is no make")


def make(*argv):
    """Run make; what it did."""
    return subprocess.run(["make", *argv], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_make_lists_the_tasks():
    """``make`` alone runs nothing, and lists what there is."""
    listed = make().stdout
    assert "make test" in listed
    assert "make serve" in listed


@pytest.mark.parametrize("task", ["test", "serve"])
def test_a_missing_python_is_reported(task, tmp_path):
    """Without a Python, the message says what was found, what was expected, and what to install."""
    done = make(task, "PYTHON=no-such-python", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "no-such-python" in done.stderr
    assert "3.11" in done.stderr
    assert "python3-venv" in done.stderr


@pytest.mark.parametrize(("words", "reported"), [("sys.version_info", "3.11"), ("ensurepip", "python3-venv")])
def test_a_python_that_is_not_fit_is_reported(words, reported, tmp_path):
    """A Python that is too old, or that lacks venv, is told from one that is missing."""
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\ncase "$*" in *{words}*) exit 1 ;; *) echo Python 3.99 ;; esac\n')
    python.chmod(0o755)
    done = make("serve", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "Found Python 3.99" in done.stderr
    assert reported in done.stderr


@pytest.mark.whole
@pytest.mark.timeout(300)  # pip installs, on whatever machine
def test_make_serve_serves_the_example(tmp_path):
    """``make serve`` serves the example from an environment of its own, with what we depend on and nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    venv = tmp_path / "venv"
    ours = {"APPLIANCE_CACHE": str(tmp_path / "cache"), "APPLIANCE_LOG_FORMAT": "json", "PIP_NO_COMPILE": "1"}
    with subprocess.Popen(
        ["make", "serve", f"PYTHON={sys.executable}", f"VENV={venv}", f"PORT={port}"],
        cwd=ROOT,
        env=os.environ | ours,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            said = []
            for line in program.stdout:
                said.append(line)
                if line.startswith("{") and json.loads(line)["event"] == "worker.ready":
                    break
            else:
                pytest.fail("it ended before it served:\n" + "".join(said))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
                assert page.status == 200
        finally:
            program.terminate()
            program.communicate(timeout=20)
    assert not list((tmp_path / "venv-serve").glob("lib/python3*/site-packages/pytest"))
    assert not (ROOT / "examples" / "hello" / "__pycache__").exists()
