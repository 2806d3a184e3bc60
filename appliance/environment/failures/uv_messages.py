"""What uv prints when it fails, as a table: a pattern, what it means, what to do.

``uv_errors`` reads it, and a test holds that each row is the first that fits real words of uv. Runs in
``appliance install``.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

UNBUILT = "a package has no wheel for this Python"
_COMPILERS = r"[\w-]*(?:gcc|g\+\+|clang|cc|cargo|rustc)"


class UvMessage(NamedTuple):
    """One row; the first row that fits counts.

    Attributes:
        pattern: a regular expression that is searched for in uv's words.
        meaning: the cause, in words of ours; ``{offline}`` stands for why no network was tried.
        action: what to do; empty where the remedy finds it.
        remedy: ``words``: the action is all; ``git``: an image without Git needs it first; ``newer``: a newer release
            of the package that is named; ``build``: what the package's build said decides.
        offline: whether the row counts only where uv was told to try no network.
        unreachable: whether the cache alone may still do.
    """

    pattern: str
    meaning: str
    action: str = ""
    remedy: Literal["words", "git", "newer", "build"] = "words"
    offline: bool = False
    unreachable: bool = False


UV_MESSAGES: tuple[UvMessage, ...] = (
    UvMessage(
        r"[Nn]etwork (?:connectivity )?(?:is|was) disabled|not found in the (?:cache|provided)|in the cache for",
        "{offline}, and not everything is in the cache",
        "Connect the container to a network once; what was installed then needs none afterwards.",
        offline=True,
    ),
    UvMessage(
        r"No space left on device",
        "the disk of the cache is full",
        "Make room: `docker system prune`, or remove the cache volume.",
    ),
    UvMessage(
        r"(?i)invalid peer certificate|UnknownIssuer|certificate verify failed",
        "the certificate of the index, or of a proxy before it, is not trusted",
        "Mount the authority's certificates, and name their file in SSL_CERT_FILE.",
    ),
    UvMessage(
        r"HTTP status client error \((?:401|403|407)|(?i:unauthorized)",
        "the package index wants other credentials",
        "Put them into the index's URL (PIP_INDEX_URL, UV_DEFAULT_INDEX), or into a netrc file.",
    ),
    UvMessage(
        r"Git executable not found|(?i:git operation failed)",
        "a package comes from a Git repository that can't be read here",
        "Check its address and your access.",
        remedy="git",
    ),
    UvMessage(
        r"Hash mismatch|hash.{0,200} (?:does not|do not|didn't) match",
        "a package is not the one whose hash is stated",
        "Make the lock or the hashes anew; if they were right, the index has changed that package.",
    ),
    UvMessage(
        r"Network connectivity is disabled|network was disabled|dns error|error sending request|Could not connect|"
        r"[Ff]ailed to (?:fetch|lookup)|operation timed out|tcp connect error|Connection refused",
        "the package index can't be reached",
        "Check the network, or the proxy (HTTPS_PROXY) and the index (PIP_INDEX_URL, UV_DEFAULT_INDEX) that are set.",
        unreachable=True,
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
        "Correct the line that is named.",
    ),
    UvMessage(
        r"was not found in the package registry|not found in the cache",
        "a package is not in the index",
        "Check its spelling, and the index that is set (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL).",
    ),
    UvMessage(
        r"does not satisfy Python|requires[ -]Python|Python requirement",
        "a package does not run on this Python",
        "Ask for another version of it, or for another Python in APPLIANCE_PYTHON.",
    ),
    UvMessage(
        r"has no wheels? with a matching|only has wheels with",
        "a package has no wheel for this Python or machine, and no source to build it from",
        remedy="newer",
    ),
    UvMessage(
        r"there (?:is|are) no versions? of|only .{1,80} (?:is|are) available",
        "a version that is asked for does not exist",
        "Ask for one that there is.",
    ),
    UvMessage(
        r"No solution found",
        "no versions of the packages fit together",
        "Widen a version in the dependency files; the words above say which exclude each other.",
    ),
)
UNKNOWN = UvMessage("", "it ended with an error", "Read its words, and correct the dependency files.")


def uv_message(text: str, *, offline: bool) -> UvMessage:
    """The row for these words of uv."""
    rows = (row for row in UV_MESSAGES if offline or not row.offline)
    return next((row for row in rows if re.search(row.pattern, text)), UNKNOWN)
