"""Read OpenTelemetry's own variables: the endpoints, the sampler, and the values that have no effect.

Its specification gives their names and meanings, so they are not settings of the appliance. The SDK's exporter itself
reads those of the protocol: headers, certificates, compression, time limits. Runs in the supervisor, once.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from appliance.protocol.record import Record, made_default
from appliance.protocol.traces import DEFAULT_SAMPLER, SAMPLERS, Sampler

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNALS = ("traces", "logs", "metrics")
PREFIX = "OTEL_"
_OTLP = "OTEL_EXPORTER_OTLP"
_PROTOCOL = "http/protobuf"
_COMPRESSIONS = ("none", "gzip", "deflate")
_MILLISECONDS = 1000  # from here on

# The variables that are documented, and passed on by compose files; those of a single signal are left out.
VARIABLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "OTEL_EXPORTER_OTLP_ENDPOINT": (
            "Where OpenTelemetry data is sent: the base URL of a collector, by OTLP over HTTP.",
            "http://collector:4318",
        ),
        "OTEL_EXPORTER_OTLP_HEADERS": ("Fields to send with it.", "authorization=Bearer%20abc"),
        "OTEL_EXPORTER_OTLP_TIMEOUT": ("Seconds that the collector may take; from 1000 on, milliseconds.", "10"),
        "OTEL_EXPORTER_OTLP_CERTIFICATE": ("The file of the certificates to trust.", "/run/secrets/ca.pem"),
        "OTEL_EXPORTER_OTLP_COMPRESSION": ("none, gzip or deflate.", "gzip"),
        "OTEL_SERVICE_NAME": ("The name of the service; else that of the project.", "shop"),
        "OTEL_RESOURCE_ATTRIBUTES": ("Attributes of the service.", "deployment.environment.name=dev"),
        "OTEL_TRACES_SAMPLER": (f"Which traces are sent: {', '.join(SAMPLERS)}.", DEFAULT_SAMPLER),
        "OTEL_TRACES_SAMPLER_ARG": ("The part of them, for a sampler with a ratio.", "0.1"),
        "OTEL_METRIC_EXPORT_INTERVAL": ("Milliseconds from one export of metrics to the next.", "60000"),
        "OTEL_SDK_DISABLED": ("true sends nothing.", "true"),
    }
)


class Problem(Record):
    """A variable whose value has no effect."""

    key: str
    found: str
    expected: str
    action: str


class Telemetry(Record):
    """The choice of what is exported.

    Attributes:
        endpoints: the URL of each signal that is sent; empty: nothing is.
        sampler: which traces are sent.
        variables: all variables of OpenTelemetry, for the exporter.
        service: the name of the service; "" if no variable has it.
        secrets: texts that are never logged.
        problems: variables without an effect.
    """

    endpoints: Mapping[str, str] = made_default(default_factory=dict)
    sampler: Sampler = made_default(default_factory=Sampler)
    variables: Mapping[str, str] = made_default(default_factory=dict)
    service: str = ""
    secrets: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_telemetry(values: Mapping[str, str]) -> Telemetry:
    """Read the variables; what can't be read has no effect, and is a problem to report."""
    given = {name: value.strip() for name, value in values.items() if name.startswith(PREFIX) and value.strip()}
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Telemetry()
    problems: list[Problem] = []
    endpoints = {signal: url for signal in SIGNALS if (url := _endpoint(given, signal, problems))}
    if not endpoints:
        return Telemetry(problems=tuple(dict.fromkeys(problems)))
    for name, value in given.items():
        if name.startswith(_OTLP) and name.endswith("_PROTOCOL") and value != _PROTOCOL:
            problems.append(_protocol(name, value))
    given.update(_timeouts(given, problems))
    for name, value in given.items():
        if name.startswith(_OTLP) and name.endswith("_COMPRESSION") and value.lower() not in _COMPRESSIONS:
            allowed = ", ".join(_COMPRESSIONS)
            problems.append(Problem(name, repr(value), f"one of {allowed}", f"Correct {name}; until then it is none."))
    sampler = _sampler(given, problems)
    attributes = dict(_pairs(given.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    secrets = [
        part
        for name, value in given.items()
        if name.startswith(_OTLP) and name.endswith("_HEADERS")
        for _, text in _pairs(value)
        for part in dict.fromkeys((text, unquote(text), unquote(text).rpartition(" ")[2]))
    ]
    service = given.get("OTEL_SERVICE_NAME") or attributes.get("service.name", "")
    return Telemetry(endpoints, sampler, given, service, tuple(secrets), tuple(dict.fromkeys(problems)))


def _endpoint(given: Mapping[str, str], signal: str, problems: list[Problem]) -> str:
    """Return the URL that a signal is sent to; "" for none."""
    if "otlp" not in given.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").replace(" ", "").split(","):
        return ""
    own, base = f"{_OTLP}_{signal.upper()}_ENDPOINT", f"{_OTLP}_ENDPOINT"
    name = own if own in given else base
    url = given.get(name, "")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        problems.append(
            Problem(
                name,
                repr(url),
                "the URL of a collector, such as http://collector:4318",
                f"Correct {name}, and start the appliance again; until then nothing is sent there.",
            )
        )
        return ""
    return url if name == own else f"{url.removesuffix('/')}/v1/{signal}"


def _timeouts(given: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """Return the time limits in seconds, as the SDK for Python reads them; the specification has milliseconds."""
    found = {}
    for name, value in given.items():
        if not (name.startswith(_OTLP) and name.endswith("_TIMEOUT")):
            continue
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            expected = "a number of seconds, or of milliseconds from 1000 on"
            problems.append(Problem(name, repr(value), expected, f"Correct {name}; until then it is 10 seconds."))
            seconds = 10.0
        found[name] = f"{seconds / 1000 if seconds >= _MILLISECONDS else seconds:g}"
    return found


def _protocol(name: str, value: str) -> Problem:
    return Problem(
        name, repr(value), _PROTOCOL,
        f"Set {name}={_PROTOCOL}, and in the endpoint the collector's port for HTTP, usually 4318; the appliance "
        "speaks no other protocol.",
    )  # fmt: skip


def _sampler(given: Mapping[str, str], problems: list[Problem]) -> Sampler:
    name = given.get("OTEL_TRACES_SAMPLER", DEFAULT_SAMPLER).lower()
    if name not in SAMPLERS:
        problems.append(
            Problem(
                "OTEL_TRACES_SAMPLER",
                repr(name),
                f"one of {', '.join(SAMPLERS)}",
                f"Correct OTEL_TRACES_SAMPLER; until then it is {DEFAULT_SAMPLER}.",
            )
        )
        name = DEFAULT_SAMPLER
    text = given.get("OTEL_TRACES_SAMPLER_ARG", "")
    if not name.endswith("traceidratio") or not text:
        return Sampler(name)
    try:
        ratio = float(text)
    except ValueError:
        ratio = math.nan
    if not 0 <= ratio <= 1:
        problems.append(
            Problem(
                "OTEL_TRACES_SAMPLER_ARG",
                repr(text),
                "a number from 0 to 1",
                "Correct OTEL_TRACES_SAMPLER_ARG; until then all traces are sent.",
            )
        )
        ratio = 1.0
    return Sampler(name, ratio)


def _pairs(text: str) -> list[tuple[str, str]]:
    """Read ``key=value,key=value`` (W3C Baggage)."""
    found = (part.partition("=") for part in text.split(","))
    return [(key.strip(), value.strip()) for key, equals, value in found if equals and key.strip() and value.strip()]
