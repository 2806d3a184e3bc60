"""Advice about a module with the marks of a merge."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.server.pages.advice.test_exception_advice import Advised, advised

__all__ = ["advised"]

CONFLICT = "import os\n<<<<<<< HEAD\nRATE = 1\n=======\nRATE = 2\n>>>>>>> {}\n"


@pytest.mark.parametrize("branch", ["main", "4714bff (rates)"])
def test_an_unresolved_merge_is_named(advised: Advised, tmp_path: Path, branch: str) -> None:
    """Python takes the marks for a wrong operator, or for a wrong number; the advice says what they are."""
    files = {"shop/rates.py": CONFLICT.format(branch)}
    words = advised(lambda: runpy.run_path(str(tmp_path / "shop/rates.py")), files)
    assert words.startswith("A merge conflict is not resolved (rates.py, line 2): ")


def test_another_syntax_error_gets_no_advice_about_merges(advised: Advised, tmp_path: Path) -> None:
    """A broken module without such marks gets no such advice."""
    files = {"rates.py": "RATE = 1 <<<<<<< HEAD\n"}
    assert not advised(lambda: runpy.run_path(str(tmp_path / "rates.py")), files)
