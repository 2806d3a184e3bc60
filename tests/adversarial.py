"""Texts that make careless patterns slow, and a clock that other processes do not disturb.

A function that searches text is linear when twice the text takes about twice as long. Its time on a text that
backtracking hates is measured as this thread's own CPU time; only where that is more than a glance is the same text,
a quarter as long, measured too, and the two compared.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from tests.thorough import THOROUGH

SIZE = 65_536 if THOROUGH else 4_096  # a pattern that is quadratic takes 0.05 s for the short form
GLANCE_S = 0.03 if THOROUGH else 0.004
# Four times the text may take so many times as long: 4 where it is linear, 16 where it is quadratic.
GROWTH = 9.0

UNITS = (
    *"aA_0.,:;-+=/\\|'\"`([{<>*#@&%?!~$ \t\n\r\0", "\r\n", "\n\n", "\n ", " \n", "\\x", "\\u200b", "é", "日",
    "\u200d", "\ufe0f", "👩\u200d", "\ud800", "\x85", "\u2028", "a ", "a.", "a-", "a:", "a=", "a,", "a/", "a\n",
    "a\\", "A_", "a'", 'a"', "'a' ", '"a" ', "[a", "(a", "{a", "${", "${:-", "${a", "{{", "{{ a ", "%41", "a&",
    "a=b&", "://", "a://", "://a:b@", "a://b:c", "://a:", "//", "/*", "<a", "1,", "1.", "#a\n", "\\\n", "a \n",
    "a  ",
)  # fmt: skip
# The beginnings of our patterns: as a start alone, and again and again.
OPENERS = (
    "no such table: ", 'relation "', "Table '", "Set the ", "Environment variable ", "host a (", 'server at "a" ',
    "connecting to a", "host name 'a", "lib", "lib.so", ".so", "add ", "Validation Settings\n",
    "a\n  Field required", '.command("', '.command("init', ".command(  ", ".command()\n", ".command()\n@a\n",
    "[project]\n", "A=", "export ", "Content-Length: 1\r\n", "\r\nuser-agent: ",
    "Traceback (most recent call last):\n", '  File "', '  File "a", line 1', "| ", "a:1: Warning: ", "a:1: ",
    "Exception ignored in ", "error: ", "hash ", "in `", "https://a", "-r a ", "-e a ", "a @ ", "a [", "file: ",
    "version ", "version = '1", "name = '", "requires", "python", "- python ", "web: gunicorn ", "gunicorn a:",
    "FLASK_APP ", "WORKDIR ", "cd ", "wsgi = ", "a = b:", "import a\n", "from ", "def app(", "app ", "app: a",
    "#!python", "sys.path.append(", "<body ", "Forwarded: for=", "for=a;", "GET ", "GET / HTTP/1.1\r\n", "a;q=",
    "text/html;", "0;a=", '0;a="', "xn--", "[::", "http://", "http://a/", "{'a': ", '{"a": ', "import ",
    "class A:\n ", "@a\n", "if a:\n", "x = [", "cause: ", "://u:p", "token=", "require", "requirements/",
)  # fmt: skip


def texts(size: int) -> Iterator[str]:
    """Each unit and opener, repeated to that length; each opener with a long tail; each with an end that is unlike."""
    for unit in (*UNITS, *OPENERS):
        yield (unit * (size // len(unit) + 1))[:size]
    for opener in OPENERS:
        yield opener + " " * (size - len(opener)) + "\x01"


def seconds(call: Callable[[str], Any], text: str) -> float:
    """This thread's CPU time for one call; the collector's is not its own."""
    gc.disable()
    try:
        began = time.thread_time()
        call(text)
        return time.thread_time() - began
    finally:
        gc.enable()


def too_slow(call: Callable[[str], Any], text: str) -> str:
    """How much longer the text takes than a quarter of it, where that is more than linear; else empty."""
    if seconds(call, text) < GLANCE_S:
        return ""
    quarter = text[: len(text) // 4] + text[-1]
    took = least = math.inf
    for _ in range(8):  # the shortest of each: another process may have had the caches, or the processor
        took, least = min(took, seconds(call, text)), min(least, seconds(call, quarter))
        if took <= GROWTH * max(least, GLANCE_S / GROWTH):
            return ""
    return f"{text[:40]!r}: {took:.3f} s for {len(text)} characters, {least:.3f} s for a quarter"


def slow_text(call: Callable[[str], Any], size: int = SIZE, every: int = 1, first: int = 0) -> str:
    """Return the text for which the function needs more than linear time, in words; one text in ``every`` is tried."""
    return next(filter(None, (too_slow(call, text) for text in islice(texts(size), first, None, every))), "")
