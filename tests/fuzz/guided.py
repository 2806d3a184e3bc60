"""The program that libFuzzer runs: the conversation, with the server's code instrumented. Needs atheris."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["appliance.server"]):
    from tests.fuzz.conversation import check


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
