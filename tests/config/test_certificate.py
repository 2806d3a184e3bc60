"""The certificate for HTTPS: both files or none, and clear words for whatever is wrong with them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from appliance.config.certificate import read_certificate
from appliance.config.settings import Settings, read_settings
from appliance.errors import SettingsError
from appliance.protocol.record import replace
from tests.certificates import make_certificate


def settings_of(project: Path, certificate: str, key: str) -> Settings:
    """Settings of a project that name these two."""
    flags = {"project": str(project), "tls_cert": certificate, "tls_key": key}
    return read_settings({"HOME": str(project)}, {}, flags, project)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two pairs, and files that are not a pair."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificate(folder)
    make_certificate(folder, "other")
    (folder / "prose.pem").write_text("nothing of that kind\n", encoding="utf-8")
    (folder / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    command = ["openssl", "pkey", "-in", "localhost-key.pem", "-aes256", "-passout", "pass:a", "-out", "locked.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def test_certificate_and_key_are_read(folder: Path):
    """Paths are relative to the project, and may be the same where one file holds both."""
    found = read_certificate(settings_of(folder, "localhost.pem", str(folder / "localhost-key.pem")))
    assert found is not None
    assert found.chain == (folder / "localhost.pem").read_text(encoding="latin-1")
    (folder / "both.pem").write_text(found.chain + found.key, encoding="latin-1")
    assert read_certificate(settings_of(folder, "both.pem", "both.pem")) is not None
    assert "PRIVATE" not in repr(found)


def test_http_is_served_without_a_certificate(folder: Path):
    """If no certificate and no key is set, HTTP is served."""
    assert read_certificate(replace(settings_of(folder, "", ""))) is None


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("localhost.pem", "", "APPLIANCE_TLS_KEY is not"),
        ("", "localhost-key.pem", "APPLIANCE_TLS_CERT is not"),
        ("nowhere.pem", "localhost-key.pem", "can't be read by uid"),
        ("localhost.pem", ".", "can't be read by uid"),
        ("~nobody-of-that-name/a.pem", "localhost-key.pem", "can't be read by uid"),
        ("prose.pem", "localhost-key.pem", "holds no certificate"),
        ("localhost-key.pem", "localhost-key.pem", "holds no certificate"),
        ("localhost.pem", "prose.pem", "holds no private key"),
        ("localhost.pem", "localhost.pem", "holds no private key"),
        ("localhost.pem", "locked.pem", "a password protects"),
        ("localhost.pem", "other-key.pem", "not the key of the certificate"),
        ("broken.pem", "localhost-key.pem", "can't be used"),
    ],
)
def test_a_wrong_certificate_or_key_is_reported_in_three_parts(folder: Path, certificate: str, key: str, words: str):
    """The error has the found and the expected value and the action, and nobody is asked for a password."""
    with pytest.raises(SettingsError) as caught:
        read_certificate(settings_of(folder, certificate, key))
    error = caught.value
    assert words in error.found
    assert error.expected
    assert error.action.endswith((".", "NEW"))
