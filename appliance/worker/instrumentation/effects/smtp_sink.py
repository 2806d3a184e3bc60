"""Answer an SMTP client in the place of a server, without a connection: the client's mail goes nowhere.

This object takes the place of the client's socket. The project's code runs as it does with a server that accepts
everything: it may say EHLO, STARTTLS, AUTH, and send as many messages as it likes (RFC 5321, 4; RFC 4954). Nothing is
kept here.
"""

from __future__ import annotations

import io
from typing import Any

_END = b"\r\n.\r\n"
_CAPABILITIES = ("8BITMIME", "SMTPUTF8", "SIZE 52428800", "AUTH PLAIN LOGIN XOAUTH2", "STARTTLS")
_REPLIES = {
    b"HELO": b"250 appliance\r\n",
    b"MAIL": b"250 2.1.0 OK\r\n",
    b"RCPT": b"250 2.1.5 OK\r\n",
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    b"RSET": b"250 2.0.0 OK\r\n",
    b"NOOP": b"250 2.0.0 OK\r\n",
    b"VRFY": b"252 2.0.0 not verified\r\n",
    b"EXPN": b"252 2.0.0 not verified\r\n",
    b"HELP": b"214 2.0.0 mail is kept, and not sent\r\n",
    b"STARTTLS": b"220 2.0.0 go ahead\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
_AUTHENTICATED = b"235 2.7.0 OK\r\n"
_USERNAME, _PASSWORD = b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"


class _Replies(io.RawIOBase):
    """The stream that the client reads: the replies so far, then an end of file."""

    def __init__(self, waiting: bytearray) -> None:
        self._waiting = waiting

    def readable(self) -> bool:
        """Say that the socket can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Return the bytes that wait."""
        size = min(len(buffer), len(self._waiting))
        buffer[:size] = self._waiting[:size]
        del self._waiting[:size]
        return size


class SmtpSink:
    """A socket for ``smtplib``: its server accepts mail, and delivers none."""

    def __init__(self) -> None:
        self._replies = bytearray(b"220 appliance keeps mail\r\n")
        self._line = b""  # a command whose end has not come yet
        self._in_data = False
        self._tail = b""  # the last bytes of a message
        self._challenges: list[bytes] = []  # the replies to the next lines of AUTH

    def sendall(self, data: Any, _flags: int = 0) -> None:
        """Take commands, or a message."""
        rest = bytes(data)
        while rest:
            rest = self._message(rest) if self._in_data else self._commands(rest)

    def send(self, data: Any, _flags: int = 0) -> int:
        """Take all bytes."""
        self.sendall(data)
        return len(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return a file of the replies."""
        return io.BufferedReader(_Replies(self._replies))

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _nothing(self, *_: Any) -> None:
        """Take a socket's option."""

    settimeout = setsockopt = shutdown = setblocking = _nothing

    def gettimeout(self) -> None:
        """Tell that nothing is waited for."""

    def fileno(self) -> int:
        """Tell that there is no descriptor."""
        return -1

    def getpeername(self) -> tuple[str, int]:
        """Return the unspecified address."""
        return ("0.0.0.0", 0)

    getsockname = getpeername

    def _message(self, data: bytes) -> bytes:
        """Take a part of a message; return what follows its end."""
        seen = self._tail + data
        end = seen.find(_END)
        if end < 0:
            self._tail = seen[-len(_END) + 1 :]
            return b""
        self._in_data = False
        self._replies += b"250 2.0.0 kept\r\n"
        return seen[end + len(_END) :]

    def _commands(self, data: bytes) -> bytes:
        """Answer one command; return what follows it."""
        line, end, rest = (self._line + data).partition(b"\n")
        if not end:
            self._line = line
            return b""
        self._line = b""
        self._replies += self._reply(line.strip())
        return rest

    def _reply(self, line: bytes) -> bytes:
        if self._challenges:
            return self._challenges.pop(0)
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if verb in {b"EHLO", b"LHLO"}:
            named = ["250-appliance", *(f"250-{each}" for each in _CAPABILITIES), "250 HELP"]
            return "".join(f"{each}\r\n" for each in named).encode()
        if verb == b"AUTH":
            return self._authenticate(*rest.upper().split(maxsplit=1))
        if verb == b"DATA":
            self._in_data, self._tail = True, b"\r\n"
        return _REPLIES.get(verb, b"502 5.5.1 not implemented\r\n")

    def _authenticate(self, mechanism: bytes = b"", initial: bytes = b"") -> bytes:
        """Accept whatever is given, and look at none of it."""
        if mechanism == b"LOGIN":
            self._challenges = [_AUTHENTICATED] if initial else [_PASSWORD, _AUTHENTICATED]
            return _PASSWORD if initial else _USERNAME
        if initial:
            return _AUTHENTICATED
        self._challenges = [_AUTHENTICATED]
        return b"334 \r\n"
