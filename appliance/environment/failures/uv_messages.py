"""List the messages that uv prints when it fails: a pattern, what it means, and what to do.

``uv_errors`` uses the table, and a test checks that each row is the first match of some real output of uv.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

UNBUILT = "a package has no wheel for this Python"
_COMPILERS = r"[\w-]*(?:gcc|g\+\+|clang|cc|cargo|rustc)"


class UvMessage(NamedTuple):
    """One row; the first row that matches counts.

    Attributes:
        pattern: a regular expression to search for in uv's output.
        meaning: the cause in plain words; ``{offline}`` stands for the reason why uv used no network.
        action: what to do; empty if the remedy finds it; ``{index}`` stands for the index settings of the user.
        remedy: ``action``: the action is enough; ``git``: an image without Git needs Git first; ``newer``: a newer
            release of the named package helps; ``build``: the output of the package's build decides.
        offline: whether the row counts only if uv was told not to use a network.
        unreachable: whether an installation from the cache alone may succeed.
        passes: whether the same installation may succeed later.
    """

    pattern: str
    meaning: str
    action: str = ""
    remedy: Literal["action", "git", "newer", "build"] = "action"
    offline: bool = False
    unreachable: bool = False
    passes: bool = False


UV_MESSAGES: tuple[UvMessage, ...] = (
    UvMessage(
        r"[Nn]etwork (?:connectivity )?(?:is|was) disabled|not found in the (?:cache|provided)|in the cache for",
        "{offline}, and not everything is in the cache",
        "Connect the container to a network once; later starts need none.",
        offline=True,
        passes=True,
    ),
    UvMessage(
        r"No space left on device",
        "the disk of the cache is full",
        "Free some space: `docker system prune`, or remove the cache volume.",
        passes=True,
    ),
    UvMessage(
        r"Required uv version",
        "the project asks for another release of uv than the appliance has",
        "Widen required-version in [tool.uv] of pyproject.toml, or in uv.toml.",
    ),
    UvMessage(
        r"Distribution not found at:|relative URL without a base",
        "a file or folder that the dependency files name is not there",
        "Correct its path. A container sees only what is mounted: mount the folder that holds both, and name the "
        "project's folder in it in APPLIANCE_PROJECT.",
    ),
    UvMessage(
        r"does not appear to be a Python project",
        "a folder that the dependency files name is no Python project",
        "Correct the line that names it, or add a pyproject.toml to that folder.",
    ),
    UvMessage(
        r"(?i)invalid peer certificate|UnknownIssuer|certificate verify failed",
        "the certificate of the index, or of a proxy before it, is not trusted",
        "Mount the certificates of its authority, and set SSL_CERT_FILE to their file.",
    ),
    UvMessage(
        r"HTTP status client error \((?:401|403|407)|(?i:unauthorized)|returned a 403 Forbidden",
        "the package index refuses the credentials",
        "Put them into the index's URL (PIP_INDEX_URL, UV_DEFAULT_INDEX), or into a netrc file. In a "
        "requirements file a variable has them: https://${TOKEN}@index.example.com/simple",
    ),
    UvMessage(
        r"Git executable not found|(?i:git operation failed)",
        "a package comes from a Git repository that can't be read here",
        "Check its address and your access.",
        remedy="git",
        passes=True,
    ),
    UvMessage(
        r"Hash mismatch|hash.{0,200} (?:does not|do not|didn't) match",
        "a package does not have the hash that is stated",
        "Create the lock or the hashes again; if they were right, the index has changed that package.",
    ),
    UvMessage(
        r"Network connectivity is disabled|network was disabled|dns error|error sending request|Could not connect|"
        r"[Ff]ailed to (?:fetch|lookup)|operation timed out|tcp connect error|Connection refused",
        "the package index can't be reached",
        "Check the network, the proxy (HTTPS_PROXY){index}.",
        unreachable=True,
        passes=True,
    ),
    UvMessage(
        r"[Ff]ailed to (?:download and )?(?:build|prepare)\b|The build backend returned|Call to .* failed|"
        rf"build_wheel|command '?(?:gcc|cc|cargo)|No such file or directory: '{_COMPILERS}'",
        UNBUILT,
        remedy="build",
    ),
    UvMessage(
        r"[Cc]ouldn't parse|[Ff]ailed to parse|[Ee]xpected .* found",
        "a line of the dependency files can't be read",
        "Correct that line.",
    ),
    UvMessage(
        r"was not found in the package registry|not found in the cache",
        "a package is not in the index",
        "Check its spelling{index}.",
    ),
    UvMessage(
        r"does not satisfy Python|requires[ -]Python|Python requirement",
        "a package does not run on this Python",
        "Require another version of it, or set APPLIANCE_PYTHON to another Python.",
    ),
    UvMessage(
        r"has no wheels? with a matching|only has wheels with",
        "a package has no wheel for this Python or machine, and no source to build it from",
        remedy="newer",
    ),
    UvMessage(
        r"there (?:is|are) no versions? of|only .{1,80} (?:is|are) available",
        "a version that is asked for does not exist",
        "Require a version that exists.",
    ),
    UvMessage(
        r"No solution found",
        "no versions of the packages fit together",
        "Allow more versions in the dependency files; the lines above say which exclude each other.",
    ),
)
UNKNOWN = UvMessage("", "it ended with an error", "Read its output, and correct the dependency files.")


def uv_message(text: str, *, offline: bool) -> UvMessage:
    """Return the row for this output of uv."""
    rows = (row for row in UV_MESSAGES if offline or not row.offline)
    return next((row for row in rows if re.search(row.pattern, text)), UNKNOWN)
