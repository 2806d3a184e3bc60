"""placeholder"""

from __future__ import annotations
import traceback, os


def report(error, *, root="", kind="request"):
    tb = traceback.extract_tb(error.__traceback__)
    return {
        "type": type(error).__name__,
        "message": str(error),
        "file": tb[-1].filename if tb else "",
        "line": tb[-1].lineno if tb else 0,
        "text": "".join(traceback.format_exception(type(error), error, error.__traceback__)),
        "frames": [],
    }


def page_of(error):
    return report(error)


def render(page, accept):
    return "text/plain; charset=utf-8", page["text"].encode()
