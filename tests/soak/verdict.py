"""The end of a long run: its result for programs, its failures for people."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any


def tell(result: Any) -> None:
    """Print the result: one JSON object on stdout, a line a failure on stderr.

    Args:
        result: a dataclass with ``failures``, a list of texts.
    """
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    sys.stderr.write("".join(f"{words}\n" for words in result.failures) or "nothing was wrong\n")
