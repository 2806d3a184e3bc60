"""The table of uv's messages: each row is met by words that uv prints, and says what to do."""

import pytest

from appliance.environment.failures.uv_errors import failure
from appliance.environment.failures.uv_messages import UNBUILT, UV_MESSAGES, uv_message

# By the row's meaning: words of uv, each of which that row is the first to fit.
WORDS = {
    "{offline}, and not everything is in the cache": (
        "Because flask was not found in the cache and you require flask, we can conclude that",
        "Network connectivity is disabled, but the requested data wasn't found in the cache for: `flask`",
        "Because samovar was not found in the provided package locations and you require samovar",
    ),
    "the disk of the cache is full": ("Failed to write to the cache: No space left on device (os error 28)",),
    "the project asks for another release of uv than the appliance has": (
        "Required uv version `>=99` does not match the running version `0.13.9`.",
    ),
    "a file or folder that the dependency files name is not there": (
        "Distribution not found at: file:///shared/kettle-1.0-py3-none-any.whl",
        "Invalid URL in `requirements.txt` at position 0: ./wheels\n  cause: relative URL without a base",
    ),
    "a folder that the dependency files name is no Python project": (
        "`/workspace/libs/one` does not appear to be a Python project, as neither `pyproject.toml`",
    ),
    "the certificate of the index, or of a proxy before it, is not trusted": (
        "client error (Connect): invalid peer certificate: UnknownIssuer",
        "fatal: unable to access: server certificate verify failed",
    ),
    "the package index refuses the credentials": (
        "HTTP status client error (401 Unauthorized) for url (https://x.test/simple/flask/)",
        "HTTP status client error (403 Forbidden) for url (https://x.test/simple/flask/)",
        "HTTP status client error (407 Proxy Authentication Required) for url (https://x.test/)",
        "hint: An index (https://x.test/simple) returned a 403 Forbidden error. Check that the index URL is correct",
        "hint: An index URL (https://x.test/simple) could not be queried: (401 Unauthorized)",
    ),
    "a package comes from a Git repository that can't be read here": (
        "Git executable not found. Ensure that Git is installed and available.",
        "Git operation failed: failed to clone into: /cache/git-v0/db/1",
    ),
    "a package does not have the hash that is stated": (
        "Hash mismatch for `kettle==1.0`",
        "In --require-hashes mode, the hash of kettle does not match",
    ),
    "the package index can't be reached": (
        "error sending request for url (https://x.test/simple/flask/)",
        "client error (Connect): dns error: failed to lookup address information",
        "Failed to fetch: `https://x.test/simple/flask/`",
        "tcp connect error: Connection refused (os error 111)",
        "operation timed out",
    ),
    UNBUILT: (
        "Failed to build `lxml==4.5.0`",
        "Failed to download and build `lxml==4.5.0`",
        "The build backend returned an error",
        "Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)",
        "No such file or directory: 'x86_64-linux-gnu-gcc'",
    ),
    "a line of the dependency files can't be read": (
        "Couldn't parse requirement in `requirements.txt` at position 6",
        "Failed to parse: `pyproject.toml`",
        "Expected one of `@`, `(`, `<`, `=`, `>`, `~`, `!`, `;`, found `^`",
    ),
    "a package is not in the index": (
        "Because samovar was not found in the package registry and you require samovar",
    ),
    "a package does not run on this Python": (
        "Because the requested Python version (>=3.11) does not satisfy Python>=3.14",
        "The requested interpreter is incompatible with the project's Python requirement: `>=3.14`",
    ),
    "a package has no wheel for this Python or machine, and no source to build it from": (
        "Because torch==1.0 has no wheels with a matching Python ABI tag",
        "Because torch==1.0 only has wheels with the following tags",
    ),
    "a version that is asked for does not exist": (
        "Because there is no version of flask==99 and you require flask==99",
        "Because there are no versions of flask and you require flask",
        "Because only flask<=3.1 is available and you require flask>=99",
    ),
    "no versions of the packages fit together": (
        "No solution found when resolving dependencies: Because flask==3 depends on werkzeug>=3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", UV_MESSAGES, ids=lambda message: message.meaning)
def test_each_row_of_uvs_messages_is_met(message):
    """No row comes after one that takes its words, and each has words that are uv's."""
    found = [uv_message(f"error: {words}", offline=message.offline) for words in WORDS[message.meaning]]
    assert {each.meaning for each in found} == {message.meaning}


@pytest.mark.parametrize("message", UV_MESSAGES, ids=lambda message: message.meaning)
def test_each_row_says_what_to_do(message):
    """The error has the row's meaning and an action, in each of the images and outside of them."""
    offline = "there is no network" if message.offline else ""
    for image in ("", "slim", "full"):
        error = failure([f"error: {WORDS[message.meaning][0]}"], 2, offline, image=image)
        assert message.meaning.replace("{offline}", offline) in error.found
        assert "{" not in error.found
        assert error.action
        assert ("unreachable" in error.details) is message.unreachable


def test_offline_counts_only_without_a_network():
    """A package that is not in the cache depends on the network only if none was tried."""
    words = "error: Because flask was not found in the cache and you require flask"
    assert uv_message(words, offline=True).offline
    assert uv_message(words, offline=False).meaning == "a package is not in the index"


@pytest.mark.parametrize("words", [[], ["error: something new"], ["\x00"]])
def test_unknown_words_are_shown_as_uv_says_them(words):
    """Words that fit no row are shown as uv's own, with an action."""
    error = failure(words, 1, "")
    assert "it ended with an error" in error.found
    assert error.action


def test_a_killed_installer_names_the_signal():
    """An installer that was ended says by which signal, whatever it had printed; for SIGKILL also what may be wrong."""
    killed = failure(["error: No space left on device"], -9, "")
    assert "signal 9" in killed.found
    assert "memory" in killed.action
    ended = failure(["Resolved 7 packages"], -6, "")
    assert "signal 6" in ended.found
    assert "memory" not in ended.action
