"""The setting of every test: an environment without settings of the appliance, and fixtures that make calls fail."""

import contextlib
import functools
import gc
import importlib
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from tests.faults.injections import (
    bad_frame,
    descriptor_faults,
    disk_faults,
    faults,
    few_descriptors,
    spawn_faults,
    thread_faults,
)
from tests.thorough import FORM, FORMS, THOROUGH

__all__ = [
    "bad_frame",
    "descriptor_faults",
    "disk_faults",
    "faults",
    "few_descriptors",
    "spawn_faults",
    "thread_faults",
]

# How long an example takes says how loaded the machine is, and pytest-timeout ends what hangs.
settings.register_profile("short", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=1_000)
HERE = Path(__file__).parent
# Folders whose tests wait for containers, appliances and browsers.
WAITING = [HERE / name for name in ("image", "live", "faults", "browser")]

settings.load_profile("thorough" if THOROUGH else "short")


@pytest.fixture(scope="session", autouse=True)
def engine_is_required():
    """Whether the tests of the image must run; taken away here, since an unknown APPLIANCE_* name is an error."""
    required = os.environ.get("APPLIANCE_TESTS_ENGINE") == "required"
    for name in [name for name in os.environ if name.startswith("APPLIANCE_")]:
        del os.environ[name]
    return required


def pytest_configure():
    """Let processes that the tests start get the signals that a shell ignores for a program in the background.

    What is ignored stays so in each program that is started; a handler, as here, does not.

    Raises:
        pytest.UsageError: no form has the name in the environment.
    """
    if FORM not in FORMS:
        raise pytest.UsageError(f"Found APPLIANCE_TESTS_FORM={FORM}; expected one of {', '.join(FORMS)}.")
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


def pytest_collection(session):
    """Collect the tests without the garbage collector, which would visit ten thousand of them again and again."""
    gc.disable()
    if session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        _import_share(getattr(session.config, "workerinput", {}))


def _import_share(of_process):
    """Import a share of the test modules first: each process of xdist compiles other ones, and none compiles all."""
    first = int(of_process.get("workerid", "gw0").removeprefix("gw"))
    for path in sorted(HERE.rglob("test_*.py"))[first :: of_process.get("workercount", 1)]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # the collection reports it
            importlib.import_module(".".join(path.relative_to(HERE.parent).with_suffix("").parts))


def pytest_collection_finish():
    """Leave the collected tests out of each collection of garbage, and out of each test that looks at live objects."""
    gc.freeze()
    gc.enable()


def pytest_report_header(config):
    """Say which tests are left out."""
    return "short form: no test marked whole; APPLIANCE_TESTS_FORM=whole has them" if _is_short(config) else None


def _is_short(config):
    """Tell whether tests marked ``whole`` are left out. A file or folder that is named runs all of its tests."""
    return FORM == "short" and config.args_source is pytest.Config.ArgsSource.TESTPATHS


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Give each process of xdist its share of what waits: it begins with an equal part of the list, and steals later.

    It begins with tests that take long, during which the others would be idle at the end. The files of containers and
    appliances stand between the others: else all processes would compute first, and wait later.
    """
    if _is_short(config):
        _leave_out_whole(items, config.hook)
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    long = [item for item in items if item.get_closest_marker("waits")]
    places = {item: (number % processes / processes, 0) for number, item in enumerate(long)}
    others = [item for item in items if item not in places]
    sizes = Counter(_kind(item.path) for item in others)
    passed: Counter[Path | None] = Counter()
    files: dict[Path, float] = {}
    for item in others:
        kind = _kind(item.path)
        places[item] = (files.setdefault(item.path, passed[kind] / sizes[kind]), 1)
        passed[kind] += 1
    items.sort(key=places.__getitem__)


def _leave_out_whole(items, hook):
    parts: dict[bool, list[pytest.Item]] = {False: [], True: []}
    for item in items:
        parts[item.get_closest_marker("whole") is not None].append(item)
    items[:] = parts[False]
    hook.pytest_deselected(items=parts[True])


@functools.cache
def _kind(path):
    """Which folder of tests that wait the file is in, if it is in one."""
    return next((folder for folder in WAITING if folder in path.parents), None)


def pytest_xdist_auto_num_workers():
    """How many processes ``-n auto`` means: the tests wait for processes of theirs more than they compute."""
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
