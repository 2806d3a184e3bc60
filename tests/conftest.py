"""What every test has: an environment without settings of the appliance, and fixtures that make calls fail."""

import gc
import os

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
from tests.thorough import THOROUGH

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
settings.load_profile("thorough" if THOROUGH else "short")


@pytest.fixture(scope="session", autouse=True)
def engine_is_required():
    """Whether the tests of the image must run; taken away here, since an unknown APPLIANCE_* name is an error."""
    required = os.environ.get("APPLIANCE_TESTS_ENGINE") == "required"
    for name in [name for name in os.environ if name.startswith("APPLIANCE_")]:
        del os.environ[name]
    return required


def pytest_collection():
    """Collect the tests without the garbage collector, which would visit ten thousand of them again and again."""
    gc.disable()


def pytest_collection_finish():
    """Leave what was collected out of each collection of garbage, and out of each test that looks at live objects."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items):
    """Begin with the tests that wait for long: at the end of a run the other processes would be idle meanwhile."""
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)


def pytest_xdist_auto_num_workers():
    """How many processes ``-n auto`` means: the tests wait for processes of theirs more than they compute."""
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
