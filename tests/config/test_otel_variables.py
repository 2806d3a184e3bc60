"""OpenTelemetry's variables: what is sent where, and how values without an effect are reported."""

from __future__ import annotations

import pytest

from appliance.config.otel_variables import read_telemetry
from appliance.protocol.traces import Sampler

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}


def test_nothing_is_sent_without_an_endpoint():
    """Other variables alone start nothing, and neither does a disabled SDK."""
    assert read_telemetry({"OTEL_SERVICE_NAME": "shop", "OTEL_TRACES_SAMPLER": "no"}).endpoints == {}
    assert read_telemetry({**BASE, "OTEL_SDK_DISABLED": "TRUE"}).endpoints == {}
    assert read_telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}).endpoints == {}


def test_each_signal_has_its_address():
    """The base URL gets the path of each signal; a signal's own URL is taken as it is."""
    assert read_telemetry(BASE).endpoints == {
        "traces": "http://collector:4318/v1/traces",
        "logs": "http://collector:4318/v1/logs",
        "metrics": "http://collector:4318/v1/metrics",
    }
    own = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://traces/here"}
    assert read_telemetry(own).endpoints == {"traces": "https://traces/here"}
    assert read_telemetry(
        {**BASE, **own, "OTEL_LOGS_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "console, otlp"}
    ).endpoints == {
        "traces": "https://traces/here",
        "metrics": "http://collector:4318/v1/metrics",
    }


@pytest.mark.parametrize(
    "url", ["collector:4318", "grpc://collector:4317", "http://", "http://a:99999", "http://[", "x"]
)
def test_a_wrong_address_is_a_problem(url: str):
    """A text that is not a URL of HTTP sends nothing, and is reported once."""
    found = read_telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    assert found.endpoints == {}
    (problem,) = found.problems
    assert (problem.key, problem.found) == ("OTEL_EXPORTER_OTLP_ENDPOINT", repr(url))
    assert "4318" in problem.expected


def test_a_wrong_sampler_samples_everything_and_is_reported():
    """The samplers of the specification are read; a wrong one or a wrong ratio samples everything, and is reported."""
    assert read_telemetry(BASE).sampler == Sampler("parentbased_always_on")
    ratio = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}
    assert read_telemetry({**BASE, **ratio}).sampler == Sampler("traceidratio", 0.25)
    for arg in ("2", "-1", "nan", "half"):
        found = read_telemetry({**BASE, **ratio, "OTEL_TRACES_SAMPLER_ARG": arg})
        assert (found.sampler, found.problems[0].key) == (Sampler("traceidratio", 1.0), "OTEL_TRACES_SAMPLER_ARG")
    found = read_telemetry({**BASE, "OTEL_TRACES_SAMPLER": "some"})
    assert (found.sampler, found.problems[0].key) == (Sampler(), "OTEL_TRACES_SAMPLER")


def test_another_protocol_is_a_problem():
    """GRPC and JSON are not spoken: the problem names what to set instead."""
    found = read_telemetry({**BASE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert found.endpoints
    assert found.problems[0].key == "OTEL_EXPORTER_OTLP_PROTOCOL"
    assert "http/protobuf" in found.problems[0].action


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("10", "10"), ("0.5", "0.5"), ("10000", "10"), ("1000", "1"), ("0", "10"), ("-1", "10"), ("x", "10")],
)
def test_time_limits_are_read_in_both_units(value: str, seconds: str):
    """The specification's milliseconds and the seconds of the SDK for Python are both read; nothing else is."""
    found = read_telemetry({**BASE, "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": value})
    assert found.variables["OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"] == seconds
    assert [problem.key for problem in found.problems] == (
        ["OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"] if value in {"0", "-1", "x"} else []
    )


def test_an_unknown_compression_is_a_problem():
    """A compression that the SDK does not know is reported, and nothing is compressed."""
    assert read_telemetry({**BASE, "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP"}).problems == ()
    (problem,) = read_telemetry({**BASE, "OTEL_EXPORTER_OTLP_COMPRESSION": "br"}).problems
    assert (problem.key, problem.expected) == ("OTEL_EXPORTER_OTLP_COMPRESSION", "one of none, gzip, deflate")


def test_the_services_own_variable_wins_and_headers_are_secret():
    """The service's own variable wins over the attribute; what headers hold is secret."""
    attributes = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,b=c"}
    assert read_telemetry({**BASE, **attributes}).service == "a"
    assert read_telemetry({**BASE, **attributes, "OTEL_SERVICE_NAME": "b"}).service == "b"
    headers = {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Bearer%20abcdefghi, x=1"}
    found = read_telemetry({**BASE, **headers})
    assert found.secrets == ("Bearer%20abcdefghi", "Bearer abcdefghi", "abcdefghi", "1")
    assert found.variables == {**BASE, **headers}
