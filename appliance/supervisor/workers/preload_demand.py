"""Which preloader is wanted, which one is being made, and which one is there.

Owns these three, as versions of the list of modules, and the delay before the next one is made. Pure: no process, no
clock. Whatever happens in whatever order, as long as a list is known and nothing is being made, either the preloader
that is there holds the newest version, or ``delay_s`` says when to make the next one. Saves do not occur here: no save
can put a preloader off.
"""

from __future__ import annotations

from dataclasses import dataclass

GROWN_S = 2.0  # more modules are rarely loaded alone
REPLACED_S = 0.3  # a cold start that is under way comes first
ENDED_S = 2.0  # after one that has ended by itself


@dataclass
class PreloadDemand:
    """The versions. 0: no list is known, so nothing is wanted.

    Attributes:
        wanted: the newest version: it counts up when the list grows, or when a module is left out.
        making: the version that a process is importing now.
        made: the version that is forked from.
        pause_s: before the next one is made, where there is none.
    """

    wanted: int = 0
    making: int | None = None
    made: int | None = None
    pause_s: float = 0.0

    def renewed(self) -> None:
        """The list is another one now."""
        self.wanted += 1

    def begun(self) -> None:
        """A process imports the newest version."""
        self.making = self.wanted

    def done(self) -> None:
        """It has, and can be forked from."""
        self.made, self.making, self.pause_s = self.making, None, 0.0

    def failed(self) -> None:
        """It has not, and is of no use."""
        self.making = None

    def lost(self) -> None:
        """What was there to be forked from has ended, and so has what was being made."""
        self.made = self.making = None

    def forget(self) -> None:
        """Nothing is known any more: it is another project or environment."""
        self.wanted, self.making, self.made, self.pause_s = 0, None, None, 0.0

    @property
    def is_newest(self) -> bool:
        """Whether what is forked from holds the newest version."""
        return self.made is not None and self.made == self.wanted

    def delay_s(self) -> float | None:
        """In how many seconds to make the next one; None where nothing is to be made now."""
        if not self.wanted or self.making is not None or self.is_newest:
            return None
        return GROWN_S if self.made is not None else self.pause_s
