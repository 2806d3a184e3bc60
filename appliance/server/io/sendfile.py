"""Send a part of a file from kernel to kernel (sendfile(2)), in the thread of the request or in the background.

Over TLS the bytes are read and encrypted: ``tls`` replaces ``_send_from``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .outbound import Outbound

if TYPE_CHECKING:
    from .send_progress import Pace


class FileOutbound(Outbound):
    """The sending half of a wire, with files; see ``wire.Wire``."""

    __slots__ = ()

    sends_files = True  # a part of a file, by its descriptor

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Send a part of a file, from kernel to kernel; return how many bytes there were (a file may shrink)."""
        left = count
        pace: Pace | None = None
        try:
            if self._send is not self._usual_send and self._follows_head(descriptor, offset, count):
                return count
            while left:
                try:
                    sent = self._send_from(descriptor, offset, left)
                except BlockingIOError:
                    pace = pace or self._pace()
                    background = self.background if self._is_slow(pace) else None
                    if background is not None and background.send_file(self, descriptor, offset, left):
                        return count
                    self._wait_for(pace)
                    continue
                if not sent:
                    break
                if pace is not None:
                    pace.took(sent)
                offset += sent
                left -= sent
        except OSError:
            self.unsent += left
            raise
        return count - left

    def _follows_head(self, descriptor: int, offset: int, count: int) -> bool:
        """Whether the part is sent in the background, after the head, whose rest is being sent there."""
        background, outgoing = self.background, self.outgoing
        if background is not None and outgoing is not None and background.put_file(outgoing, descriptor, offset, count):
            return True
        self.caught_up()
        return False

    def _send_from(self, descriptor: int, offset: int, most: int) -> int:
        return os.sendfile(self.sock.fileno(), descriptor, offset, most)
