"""Find the place for a script in an HTML document, while its bytes pass.

The place is right after ``<head>``, or where the parser would open one. Only what comes before it is read (HTML,
13.2.6.4.1 to 13.2.6.4.4: "initial" to "in head"), so a page of any size costs the same. A text with neither a doctype
nor ``<html>`` is a fragment, and has no place. But if a browser navigates to it, it is a page (a first "Hello"), and
its place is the beginning.
"""

from __future__ import annotations

import re

SEARCHING, DOCUMENT, FOUND, NEVER = range(4)
MOST = 65_536  # bytes before the place; a document with more of them gets no script

_SPACE = re.compile(rb"[\t\n\f\r ]*")
_COMMENT = re.compile(rb"<!--(?:-?>|.*?--!?>)", re.DOTALL)
_DOCTYPE = re.compile(rb"<!doctype[\t\n\f\r >][^>]*>|<!doctype>", re.IGNORECASE)
_BOGUS = re.compile(rb"<[!?][^>]*>")  # as a comment (13.2.5.41)
# Each byte can be read in one way only, so a tag that does not end is read in linear time.
_ATTRIBUTES = rb"""(?:[^>=]|=[\t\n\f\r ]*(?:"[^"]*"|'[^']*'|(?![\t\n\f\r "'])))*"""
_HTML = re.compile(rb"<html(?:[\t\n\f\r /]" + _ATTRIBUTES + rb")?>", re.IGNORECASE)
_HEAD = re.compile(rb"<head(?:[\t\n\f\r /]" + _ATTRIBUTES + rb")?>", re.IGNORECASE)
_OPENING = (b"<!--", b"<!doctype", b"<html", b"<head")
_LOOKED = 512  # bytes that are examined to distinguish a text from binary content
_BOM = b"\xef\xbb\xbf"


class DocumentScanner:
    """Reads the beginning of one response.

    Args:
        navigated: a browser navigates to it, so a text without a doctype is a page too.

    Attributes:
        state: SEARCHING; DOCUMENT once it is known to be a whole document, so that a place will be found; FOUND; or
            NEVER, for a fragment, or what goes on for too long.
    """

    def __init__(self, *, navigated: bool = False) -> None:
        self.state = SEARCHING
        self._navigated = navigated
        self._held = b""
        self._read = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Read more; return the bytes before the place, which may be sent, and those after it.

        Until the state is FOUND or NEVER, the second part is empty, and the beginning of a tag is kept until its end
        comes. With NEVER, the first part has everything.
        """
        if 10 < len(self._held) < MOST and b">" not in data:
            self._held += data  # no tag ends here, so the kept bytes are not read again for each piece
            return b"", b""
        data = self._held + data
        self._held = b""
        at = self._place(data)
        self._read += at
        if self.state == NEVER:
            return data, b""
        if self.state == FOUND:
            return data[:at], data[at:]
        if self._read + len(data) - at > MOST:
            # A comment or a tag that does not end: the place is before it, if this is known to be a document.
            self.state = FOUND if self.state == DOCUMENT else NEVER
            return (data[:at], data[at:]) if self.state == FOUND else (data, b"")
        self._held = data[at:]
        return data[:at], b""

    def end(self) -> bytes:
        """Return the kept bytes: the text has ended. The place is at the end of a document that has no other."""
        held, self._held = self._held, b""
        self.state = FOUND if self.state == DOCUMENT else NEVER
        return held

    def _place(self, data: bytes) -> int:
        """Return how far the beginning was read; set ``state`` to what is there."""
        at = len(_BOM) if not self._read and data.startswith(_BOM) else 0
        if not self._read and not at and _BOM.startswith(data[:2]) and len(data) < len(_BOM):
            return 0
        while True:
            at = _end(_SPACE, data, at)
            if at == len(data):
                return at
            end = _skipped(data, at)
            if end < 0:
                if _may_go_on(data, at):
                    return at
                is_page = self.state == DOCUMENT or (self._navigated and _is_html(data, at))
                self.state = FOUND if is_page else NEVER
                return at
            if data[at : at + 2].lower() == b"<h":
                if data[at + 2 : at + 4].lower() == b"ea":
                    self.state = FOUND
                    return end
                self.state = DOCUMENT
            elif data[at : at + 9].lower() == b"<!doctype":
                self.state = DOCUMENT
            at = end


def _skipped(data: bytes, at: int) -> int:
    """Return the end of the comment, doctype, ``<html>`` or ``<head>`` at this place; -1 if there is no whole one."""
    if data.startswith(b"<!--", at):
        return _end(_COMMENT, data, at)
    for form in (_DOCTYPE, _HTML, _HEAD):
        end = _end(form, data, at)
        if end >= 0:
            return end
    if data[at : at + 2] in {b"<!", b"<?"} and not b"<!doctype".startswith(data[at : at + 9].lower()):
        return _end(_BOGUS, data, at)
    return -1


def _is_html(data: bytes, at: int) -> bool:
    """Whether the data may be HTML from this position on: neither JSON nor binary."""
    return data[at : at + 1] not in {b"{", b"["} and b"\0" not in data[at : at + _LOOKED]


def _may_go_on(data: bytes, at: int) -> bool:
    """Whether a comment, doctype or tag that is not complete yet may begin at this place."""
    begun = data[at : at + 10].lower()
    if any(opening.startswith(begun) for opening in _OPENING):
        return True
    if begun.startswith((b"<!", b"<?")):
        return True
    return begun[:5] in {b"<html", b"<head"} and begun[5:6] in {b"\t", b"\n", b"\f", b"\r", b" ", b"/"}


def _end(form: re.Pattern[bytes], data: bytes, at: int) -> int:
    match = form.match(data, at)
    return match.end() if match else -1
