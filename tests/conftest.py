"""What every test stands on: an environment that holds no setting of the appliance's, whoever runs the tests."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def engine_is_required():
    """Whether the tests of the image must run; taken away here, since an unknown APPLIANCE_* name is an error."""
    required = os.environ.get("APPLIANCE_TESTS_ENGINE") == "required"
    for name in [name for name in os.environ if name.startswith("APPLIANCE_")]:
        del os.environ[name]
    return required
