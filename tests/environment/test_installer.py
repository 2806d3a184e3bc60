"""The installer: what it is given, and what its failures mean."""

import os
import socket
from pathlib import Path

import pytest

from appliance.environment.installer import Installer, installer
from appliance.errors import InstallError


@pytest.fixture
def given(tmp_path):
    """``given(PIP_INDEX_URL="..")``: the environment that uv gets for such values."""

    def given(**values):
        values = {"HOME": "/nowhere", "PIP_CONFIG_FILE": os.devnull, **values}
        return installer(values, tmp_path, tmp_path, print, 0).environment

    return given


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
        ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL"),
        ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
        ("PIP_CONSTRAINT", "UV_CONSTRAINT"),
        ("PIP_CERT", "SSL_CERT_FILE"),
    ],
)
def test_variables_of_pip_reach_uv_under_its_own_names(given, theirs, ours):
    """Variables of pip reach uv under its own names; uv's own variables win if both are set."""
    assert given(**{theirs: "x"})[ours] == "x"
    assert given(**{theirs: "x", ours: "y"})[ours] == "y"


def test_the_projects_paths_do_not_reach_the_installer(given):
    """The project's paths and environments are not the installer's; its proxies are."""
    variables = given(
        PYTHONPATH="/workspace", VIRTUAL_ENV="/host", UV_PROJECT_ENVIRONMENT="x", APPLIANCE_PORT="1", HTTPS_PROXY="p"
    )
    assert variables["HTTPS_PROXY"] == "p"
    assert not set(variables) & {"PYTHONPATH", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "APPLIANCE_PORT"}


def test_uvs_cache_lies_beside_the_environments(given, tmp_path):
    """Environments and cache share a volume, so that files are linked; a cache of the user's own stays."""
    own = tmp_path / f"uid-{os.geteuid()}"
    assert given()["UV_CACHE_DIR"] == str(own / "uv")
    assert given()["HOME"] == str(own / "home")
    assert given(UV_CACHE_DIR="/mine")["UV_CACHE_DIR"] == "/mine"


# The characters that uv draws: a cross, and an arrow made of box drawing.
NOT_FOUND = """\
  \u00d7 No solution found when resolving dependencies:
  \u2570\u2500\u25b6 Because samovar was not found in the package registry and you require samovar, no."""


def failure(folder, words, offline="", status=1):
    """The error for a program that says these words and ends."""
    program = folder / "uv"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{words}\nEND\n[ {status} != KILL ] || kill -KILL $$\nexit 1\n")
    program.chmod(0o755)
    read, write = os.pipe()
    try:
        with pytest.raises(InstallError) as caught:
            Installer(str(program), {"PATH": os.defpath}, offline, folder, lambda _: None, write).run("pip")
    finally:
        os.close(read)
        os.close(write)
    return caught.value


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (
            NOT_FOUND,
            "not in the index (No solution found when resolving dependencies: Because samovar was not found",
        ),
        ("error: Request failed\n  Caused by: dns error: failed to lookup", "can't be reached"),
        ("error: Failed to build `x==1`\n  cause: it broke\n  [stderr]\n  gcc: not found", "no wheel"),
        ("error: Couldn't parse requirement in `requirements.txt` at position 0", "line of the dependency files"),
        ("error: failed to write: No space left on device (os error 28)", "disk of the cache is full"),
        ("error: something new", "ended with an error (something new)"),
        ("", "ended with an error"),
    ],
)
def test_a_failure_is_explained(tmp_path, words, meaning):
    """The error shows the installer's words, with what they mean and what to do."""
    error = failure(tmp_path, words)
    assert meaning in error.found
    assert error.action
    assert error.details["output"] == [line for line in words.splitlines() if line]


def test_a_build_shows_no_compilers_log_in_one_line(tmp_path):
    """The line that is shown ends where the output of a build begins; the whole is in the details."""
    error = failure(tmp_path, "error: Failed to build `x==1`\n  cause: it broke\n  [stderr]\n  gcc: not found")
    assert "(Failed to build `x==1`: it broke)" in error.found


def test_offline_is_the_reason(tmp_path):
    """Without a network the reason is that, whatever uv lacks; a wrong line is wrong there too."""
    words = "error: No solution found\n  cause: Because tea was not found in the cache"
    assert "no network here" in failure(tmp_path, words, offline="there is no network here").found
    assert "can't be read" in failure(tmp_path, "error: Couldn't parse x", offline="there is no network here").found


def test_a_killed_installer_says_so(tmp_path):
    """An installer that was ended by a signal failed by nobody's fault."""
    assert "signal 9" in failure(tmp_path, "error: x", status="KILL").found


def test_an_installer_that_cannot_start_says_why(tmp_path):
    """A uv that can't be started, at the limit of processes for example, is an error of its start, not a defect."""
    with (tmp_path / "lock").open("w") as lock:
        program = Installer(str(tmp_path / "gone"), {"PATH": os.defpath}, "", tmp_path, lambda _: None, lock.fileno())
        with pytest.raises(InstallError, match="there is no such program"):
            program.run("pip")


def test_uv_is_our_own(given, tmp_path):
    """The program is the one beside our interpreter: nothing on PATH counts."""
    assert Path(installer({"PATH": "/nowhere"}, tmp_path, tmp_path, print, 0).program).is_file()


def test_the_installer_knows_which_settings_name_an_index(tmp_path):
    """The installer knows which settings name an index, those of pip's configuration file included."""
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nextra-index-url = https://two.test\n")
    values = {"PATH": "/nowhere", "UV_OFFLINE": "1"}
    assert installer(values, tmp_path, tmp_path, print, 0).indexes == ()
    values |= {"PIP_CONFIG_FILE": str(file), "UV_INDEX": "https://one.test"}
    assert installer(values, tmp_path, tmp_path, print, 0).indexes == ("PIP_EXTRA_INDEX_URL", "UV_INDEX")


# uv's output if it looks for the best version of all indexes, and more if it asks one after the other.
REFUSED = """#!/bin/sh
echo 'error: No solution found when resolving dependencies'
echo '  cause: Because samovar was not found in the package registry and you require samovar'
[ "$UV_INDEX_STRATEGY" != first-index ] || echo 'hint: An index ({url}) returned a {status} error. Check'
exit 1
"""


@pytest.mark.parametrize(("index", "status"), [(True, "403 Forbidden"), (True, "404 Not Found"), (False, "")])
def test_an_index_that_refuses_is_found_by_asking_each(tmp_path, index, status):
    """Uv says only about one index after the other which refuses: it is run again, if the project names an index."""
    program, file = tmp_path / "uv", tmp_path / "requirements.txt"
    program.write_text(REFUSED.replace("{url}", "https://one.test/simple").replace("{status}", status))
    program.chmod(0o755)
    file.write_text("samovar\n" + ("--index-url https://one.test/simple\n" if index else ""))
    told: list[str] = []
    variables = {"PATH": os.defpath, "UV_INDEX_STRATEGY": "unsafe-best-match"}
    with pytest.raises(InstallError) as caught:
        Installer(str(program), variables, "", tmp_path, told.append, -1, (file,)).run("pip")
    assert ("asking one index after the other" in told) is index
    assert ("refuses the credentials" in caught.value.found) is status.startswith("403")
    assert ("not in the index" in caught.value.found) is not status.startswith("403")


def test_an_index_that_does_not_answer_is_not_tried_again(given, tmp_path):
    """An index that takes no connection is not tried again and again; one that is a file is none of the network's."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        assert given(UV_DEFAULT_INDEX=dead)["UV_HTTP_RETRIES"] == "0"
        assert "UV_HTTP_RETRIES" not in given(UV_DEFAULT_INDEX="file:///srv/simple")
        assert "UV_HTTP_RETRIES" not in given(UV_DEFAULT_INDEX=dead, UV_NO_INDEX="1")
        requirements = tmp_path / "requirements.txt"
        requirements.write_text(f"kettle\n--extra-index-url {dead}\n")
        values = {"HOME": "/nowhere", "PIP_CONFIG_FILE": os.devnull, "UV_DEFAULT_INDEX": "file:///srv/simple"}
        assert installer(values, tmp_path, tmp_path, print, 0, (requirements,)).environment["UV_HTTP_RETRIES"] == "0"


def test_an_index_is_read_in_the_coding_of_its_file(tmp_path):
    """A first line after a byte order mark names an index, and so does a file in UTF-16, as PowerShell writes it."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        line = f"--extra-index-url http://127.0.0.1:{closed.getsockname()[1]}/simple\n"
        values = {"HOME": "/nowhere", "PIP_CONFIG_FILE": os.devnull, "UV_DEFAULT_INDEX": "file:///srv/simple"}
        for coding in ("utf-8-sig", "utf-16"):
            requirements = tmp_path / f"{coding}.txt"
            requirements.write_text(line, encoding=coding)
            made = installer(values, tmp_path, tmp_path, print, 0, (requirements,))
            assert made.environment.get("UV_HTTP_RETRIES") == "0", coding


def test_the_cache_is_tried_where_the_index_is_away(tmp_path):
    """If an index can't be reached, the cache is tried once; if that fails too, the first error is shown."""
    program = tmp_path / "uv"
    program.write_text('#!/bin/sh\n[ -z "$UV_OFFLINE" ] || exit $CODE\necho "error: dns error"; exit 1\n')
    program.chmod(0o755)
    lines: list[str] = []
    with (tmp_path / "lock").open("w") as lock:
        for code in ("0", "1"):
            environment = {"PATH": os.defpath, "CODE": code}
            uv = Installer(str(program), environment, "", tmp_path, lines.append, lock.fileno())
            if code == "0":
                uv.run("pip")
                continue
            with pytest.raises(InstallError, match="can't be reached"):
                uv.run("pip")
    assert lines == ["error: dns error", "trying again with the cache alone"] * 2
