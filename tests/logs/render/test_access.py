"""Access events: OpenTelemetry's names, the level, and secrets that are never written."""

from __future__ import annotations

import json

import pytest
from opentelemetry.semconv.attributes import (
    client_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    url_attributes,
    user_agent_attributes,
)

from appliance.config.table import TABLE
from appliance.logs import access_rules
from appliance.logs.events import EVENTS
from appliance.logs.render import access
from appliance.logs.render.json_line import json_line
from appliance.protocol import access_record
from appliance.protocol.access_record import AccessRecord

FULL = {
    "event": "request.finished",
    "ended_us": 1_500_000,
    "duration_us": 3123,
    "first_byte_us": 2000,
    "method": "GET",
    "path": "/notes/%C3%A9",
    "query": "page=2",
    "version": "1.1",
    "status": 200,
    "body_size": 12,
    "client_address": "127.0.0.1",
    "server_port": 8000,
    "user_agent": "curl/8",
    "request_id": "abc-1",
    "trace": ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7", 1, "a=1"],
    "route": "/notes/<name>",
    "reason": "why",
}


def record(**changes):
    """A full record, with changes."""
    return AccessRecord(**{**FULL, **changes})


def test_a_record_travels_whole():
    """A record that was sent and read again is the same, each value under its own name."""
    sent = json.loads(json.dumps(record().to_wire()))
    assert AccessRecord.from_wire(sent) == record()
    assert sent == ["access", *FULL.values()]
    assert AccessRecord.from_wire(AccessRecord().to_wire()) == AccessRecord()


def fields(**changes):
    """The fields of the event of a full record with changes."""
    return access.event(record(**changes))[2]


def test_every_field_has_its_name():
    """A record's values stand under their names, as sent, durations to the microsecond."""
    assert access.event(record()) == (
        "info",
        "request.finished",
        {
            "http.request.method": "GET",
            "url.path": "/notes/%C3%A9",
            "url.query": "page=2",
            "http.response.status_code": 200,
            "duration_s": 0.003123,
            "first_byte_s": 0.002,
            "http.response.body.size": 12,
            "request_id": "abc-1",
            "client.address": "127.0.0.1",
            "user_agent.original": "curl/8",
            "network.protocol.version": "1.1",
            "server.port": 8000,
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "span_id": "b7ad6b7169203331",
            "trace_flags": "01",
            "parent_span_id": "00f067aa0ba902b7",
            "trace_state": "a=1",
            "http.route": "/notes/<name>",
            "reason": "why",
        },
    )


def test_the_callers_ids_are_used_without_traces():
    """If requests are not traced, the ids are the caller's, and the line has no other value of the trace."""
    ids = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}
    found = fields(trace=list(ids.values()))
    assert {name: value for name, value in found.items() if "trace" in name or "span" in name} == ids


def test_the_table_of_events_has_these_fields():
    """The documented fields of an access event are those that a full record makes, in its order, and no others."""
    made = fields(method="BREW")
    for name in access_record.EVENTS:
        assert EVENTS[name].fields == (*made, "slow")


def test_names_with_a_dot_are_the_conventions():
    """Each dotted name is one of OpenTelemetry's stable attributes, or the one of its newer ones that we use."""
    modules = (
        client_attributes,
        http_attributes,
        network_attributes,
        server_attributes,
        url_attributes,
        user_agent_attributes,
    )
    convention = {value for module in modules for name, value in vars(module).items() if name.isupper()}
    dotted = {name for name in fields(method="BREW") if "." in name}
    assert dotted - convention == {"http.response.body.size"}  # in the convention, not yet stable there


def test_methods_are_the_conventions():
    """The methods of the convention are those of OpenTelemetry's list, which lacks only QUERY."""
    known = {member.value for member in http_attributes.HttpRequestMethodValues} - {"_OTHER"}
    assert known | {"QUERY"} == access.METHODS


def test_the_conventions_secrets_are_ours():
    """Every key that OpenTelemetry's text says to redact is redacted."""
    with open(url_attributes.__file__, encoding="utf-8") as source:  # noqa: PTH123 - as any reader would
        text = source.read()
    for name in access_rules.SECRETS - {"AWSAccessKeyId", "Signature"}:
        assert f"`{name}`" in text


@pytest.mark.parametrize("name", [name for name in FULL if name not in {"event", "ended_us"}])
def test_a_value_that_is_absent_has_no_field(name):
    """A value that a request has none of leaves no field behind."""
    made = access.event(record(**{name: None}))[2]
    assert None not in made.values()
    assert len(made) == len(fields()) - (5 if name == "trace" else 1)


def test_an_empty_query_is_left_out():
    """A request without a query has no field for it."""
    assert "url.query" not in fields(query="")


def test_an_unknown_method_is_shown_as_other_with_its_original():
    """A method that no standard knows is _OTHER, with the original beside it, as the convention asks."""
    made = fields(method="get")
    assert (made["http.request.method"], made["http.request.method_original"]) == ("_OTHER", "get")


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        (b"/caf\xc3\xa9", "/café"),
        (b"/caf\xe9", "/caf\\udce9"),
        (b"/\xc2\x9b31m", "/\\x9b31m"),
        (b"/\xe2\x80\xae", "/\\u202e"),
        (b"/%1b[31m%0d%0aspoofed", "/%1b[31m%0d%0aspoofed"),
    ],
)
def test_raw_bytes_in_a_path_are_read_as_utf_8_and_escaped(sent, written):
    """Bytes beyond ASCII are read as the UTF-8 that the client meant, and what can harm in them is escaped."""
    line = json_line(None, "info", fields(path=sent.decode("latin-1"), query=None, user_agent=None))
    assert json.loads(line)["url.path"] == written


def test_text_that_is_not_latin_1_is_kept():
    """A text that holds more than bytes was decoded already, and is left alone."""
    assert fields(user_agent="日本")["user_agent.original"] == "日本"


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("sig=1&a=2", "sig=REDACTED&a=2"),
        ("a=2&X-Amz-Signature=x=y", "a=2&X-Amz-Signature=REDACTED"),
        ("AWSAccessKeyId=k&Signature=s&Expires=1", "AWSAccessKeyId=REDACTED&Signature=REDACTED&Expires=1"),
        ("%73ig=1", "%73ig=REDACTED"),
        ("a=%20&X-Amz-Security%2DToken=t", "a=%20&X-Amz-Security%2DToken=REDACTED"),
        ("design=1&sign=2&SIG=3&sig", "design=1&sign=2&SIG=3&sig"),
        ("a=1&&b", "a=1&&b"),
    ],
)
def test_secrets_in_a_query_are_replaced(query, written):
    """The values of the convention's secret keys are replaced, however their names are encoded; all else is as sent."""
    assert fields(query=query)["url.query"] == written


@pytest.mark.parametrize(
    ("name", "status", "level"),
    [
        ("request.finished", 200, "info"),
        ("request.finished", 304, "info"),
        ("request.finished", 404, "warning"),
        ("request.finished", 500, "error"),
        ("request.refused", 400, "warning"),
        ("request.refused", 501, "error"),
        ("request.aborted", None, "warning"),
        ("request.aborted", 200, "warning"),
        ("websocket.closed", 101, "info"),
    ],
)
def test_the_status_decides_the_level(name, status, level):
    """The status decides the level; a request that did not end as it should is never below a warning."""
    assert access.event(record(event=name, status=status))[:2] == (level, name)


@pytest.mark.parametrize(
    "broken",
    [
        [],
        ["access"],
        [*record().to_wire(), "more"],
        record().to_wire()[:-1],
        ["event", *record().to_wire()[1:]],
        record(event="worker.ready").to_wire(),
        record(event=["request.finished"]).to_wire(),
        record(status="200").to_wire(),
        record(duration_us="x").to_wire(),
        record(path=3, query="a", user_agent="é").to_wire(),
    ],
)
def test_a_list_that_is_not_a_record_is_refused(broken):
    """A list that is not an access record is refused, and nothing else than that is raised."""
    with pytest.raises((ValueError, TypeError, AttributeError)):
        access.event(AccessRecord.from_wire(broken))


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("token=a&page=2", "token=REDACTED&page=2"),
        ("Token=a", "Token=REDACTED"),
        ("%74oken=a", "%74oken=REDACTED"),
        ("sig=a&Sig=b", "sig=REDACTED&Sig=b"),
        ("tokens=a&atoken=b&token", "tokens=a&atoken=b&token"),
        ("a.b=1&axb=2", "a.b=REDACTED&axb=2"),
        ("__debugger__=yes&cmd=pinauth&pin=123-456&s=abc", "__debugger__=yes&cmd=pinauth&pin=REDACTED&s=REDACTED"),
        ("pin=4711&s=abc", "pin=4711&s=abc"),
    ],
)
def test_keys_of_a_setting_are_redacted(query, written):
    """Keys that a setting names are secret in any case and coding, and nothing else is because of them."""
    made = access.event(record(query=query), access_rules.Rules(redact=["token", "a.b"]))[2]
    assert made["url.query"] == written


def test_the_setting_redacts_passwords_sessions_and_codes_by_default():
    """The setting's default names what people send passwords, sessions and codes in."""
    default = next(setting.default for setting in TABLE if setting.name == "REDACT").split(",")
    names = ("pass", "Password", "session", "sessionid", "auth_token", "code", "client_secret")
    query = "&".join(f"{name}=x" for name in names)
    made = access.event(record(query=query), access_rules.Rules(redact=default))[2]
    assert made["url.query"] == "&".join(f"{name}=REDACTED" for name in names)


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "debug"),
        ({"method": "HEAD"}, "debug"),
        ({"method": "POST"}, "info"),
        ({"status": 503}, "error"),
        ({"path": "/health/x"}, "info"),
    ],
)
def test_health_checks_are_quiet(changes, level):
    """A health check that goes well is nothing to speak of; one that fails is."""
    changed = {"event": "request.finished", "method": "GET", "path": "/health", "status": 200} | changes
    assert access.event(record(**changed), access_rules.Rules(quiet=["/health"]))[0] == level


@pytest.mark.parametrize(
    ("changes", "slow"),
    [
        ({"first_byte_us": 2_000_000, "duration_us": 2_100_000}, True),
        ({"first_byte_us": 1_000, "duration_us": 9_000_000}, None),
        ({"first_byte_us": None, "duration_us": 2_000_000}, True),
        ({"event": "websocket.closed", "first_byte_us": 3_000_000}, None),
    ],
)
def test_slow_requests_are_marked(changes, slow):
    """A request whose first byte took long is marked; one that goes on streaming for long is not."""
    made = access.event(record(**{"event": "request.finished"} | changes), access_rules.Rules(slow_s=2))[2]
    assert made.get("slow") is slow
