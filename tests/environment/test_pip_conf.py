"""pip's configuration files, as the variables that say the same."""

import os

import pytest

from appliance.environment.pip_conf import pip_configuration


@pytest.fixture
def files(tmp_path):
    """A system's file, a user's file and one that is named, each with other words."""
    for name, text in {
        "etc/pip.conf": "[global]\nindex-url = https://system.test\ntimeout = 9\n",
        "home/.config/pip/pip.conf": "[global]\nindex-url = https://user.test\nextra-index-url =\n  https://a.test\n  https://b.test\n"
        "[install]\ntrusted-host = a.test\n",
        "named.conf": "[global]\ncert = /ca.pem\n",
        "broken.conf": "index-url\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def read(files, **values):
    return pip_configuration({"HOME": str(files / "home"), **values}, [files / "etc/pip.conf"])


def test_the_later_file_wins(files):
    """The user's over the system's, key by key; several values are separated by spaces."""
    assert read(files) == {
        "PIP_INDEX_URL": "https://user.test",
        "PIP_EXTRA_INDEX_URL": "https://a.test https://b.test",
        "PIP_TRUSTED_HOST": "a.test",
        "PIP_TIMEOUT": "9",
    }


def test_variables_override_pip_conf(files):
    """A setting of the environment is not repeated."""
    assert "PIP_INDEX_URL" not in read(files, PIP_INDEX_URL="https://mine.test")


def test_pips_named_configuration_file_is_added(files):
    """PIP_CONFIG_FILE adds one; the null device leaves all of them out; what can't be read says nothing."""
    assert read(files, PIP_CONFIG_FILE=str(files / "named.conf"))["PIP_CERT"] == "/ca.pem"
    assert read(files, PIP_CONFIG_FILE=os.devnull) == {}
    assert read(files, PIP_CONFIG_FILE=str(files / "broken.conf"))["PIP_TIMEOUT"] == "9"
