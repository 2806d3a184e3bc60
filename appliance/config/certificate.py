"""Read the certificate and key for HTTPS once, at the start, and check them before anything listens.

Every child gets the texts, not the paths: a half-done renewal (a new certificate, still the old key) breaks no reload.
Runs in the supervisor, after root has switched to the project's owner.

Decision 20 says why.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import SettingsError

if TYPE_CHECKING:
    import ssl

    from appliance.config.settings import Settings

CERT, KEY = "APPLIANCE_TLS_CERT", "APPLIANCE_TLS_KEY"
_MAX_BYTES = 1024 * 1024  # a chain of four certificates has 8 KB


@dataclass(frozen=True, repr=False)
class Certificate:
    """A certificate with its chain, and its private key, both in PEM."""

    chain: str
    key: str


def read_certificate(settings: Settings) -> Certificate | None:
    """Return the certificate and key that the settings name; None if they name none and HTTP is served.

    Raises:
        SettingsError: one of the two is missing, can't be read, has the wrong content, or does not match the other.
    """
    if not settings.tls_cert and not settings.tls_key:
        return None
    if not settings.tls_cert or not settings.tls_key:
        given, missing = (CERT, KEY) if settings.tls_cert else (KEY, CERT)
        raise SettingsError(
            f"{given} is set, and {missing} is not",
            expected="both of them, or none",
            action=f"Set {missing} too; if one file holds both, name it in both settings.",
        )
    certificate = _path(settings.project, settings.tls_cert)
    key = _path(settings.project, settings.tls_key)
    found = Certificate(_text(CERT, certificate), _text(KEY, key))
    _check(found, certificate, key)
    return found


def _path(project: Path, text: str) -> Path:
    try:
        return project / Path(text).expanduser()
    except RuntimeError:  # ~nobody: reported later as a file that does not exist
        return project / text


def _text(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("latin-1")  # PEM allows text in any encoding around it
    except OSError as error:
        raise SettingsError(
            f"{name} is {path}, which can't be read by uid {os.geteuid()} ({error.strerror})",
            expected="a PEM file that the project's owner can read",
            action="Put it into the project or mount it; chown it if root owns it. Paths are relative to the project.",
        ) from error


def _check(found: Certificate, certificate: Path, key: Path) -> None:
    import ssl  # noqa: PLC0415  10 ms and 5 MB, which only HTTPS needs

    if "CERTIFICATE-----" not in found.chain:
        raise SettingsError(
            f"{CERT} is {certificate}, which holds no certificate",
            expected="a file in PEM, with a line -----BEGIN CERTIFICATE-----",
            action="Name the certificate's file, or convert it to PEM: openssl x509 -inform der -in FILE -out NEW",
        )
    if "PRIVATE KEY-----" not in found.key:
        raise SettingsError(
            f"{KEY} is {key}, which holds no private key",
            expected="a file in PEM, with a line that ends in PRIVATE KEY-----",
            action="Name the key's file.",
        )
    if "ENCRYPTED" in found.key:
        raise SettingsError(
            f"{KEY} is {key}, which a password protects",
            expected="a key without a password: the appliance can't ask for one",
            action=f"Remove the password: openssl pkey -in {key} -out NEW",
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, lambda: "")
    except (ssl.SSLError, OSError) as error:
        raise _refused(error, certificate, key) from error


def _refused(error: ssl.SSLError | OSError, certificate: Path, key: Path) -> SettingsError:
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    if reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
        return SettingsError(
            f"{KEY} is {key}, which is not the key of the certificate {certificate}",
            expected="the two files of one pair; in a chain the server's own certificate comes first",
            action="Name the key that the certificate was made with, or make a new pair.",
        )
    return SettingsError(
        f"{CERT} {certificate} and {KEY} {key} can't be used ({reason})",
        expected="a certificate and its private key, both in PEM",
        action="Make a new pair; docs/tls.md has the command.",
    )
