"""Who asks for the number of the process."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import pytest

from appliance.worker.preload.process_number import ProcessNumber


def test_the_projects_own_code_is_noted():
    """The first call by own code is named; the number is right."""
    number = ProcessNumber(lambda file: file == __file__)
    number.begin()
    assert os.getpid() == number._original()
    number.end()
    assert number.asked.startswith(f"{__name__}, line ")
    assert os.getpid is number._original


def test_packages_may_ask():
    """A package's call is not noted: packages handle forks."""
    number = ProcessNumber(lambda _: False)
    number.begin()
    assert os.getpid()
    number.end()
    assert number.asked == ""


def test_a_module_that_has_imported_the_name_gets_the_original_back(monkeypatch: pytest.MonkeyPatch):
    """A name kept by ``from os import getpid`` during the import is the real function afterwards."""
    module = ModuleType("kept")
    monkeypatch.setitem(sys.modules, "kept", module)
    number = ProcessNumber(lambda _: False)
    number.begin()
    exec("from os import getpid", vars(module))
    assert vars(module)["getpid"] is not number._original
    number.end()
    assert vars(module)["getpid"] is number._original
