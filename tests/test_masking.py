"""Secrets: what is one, and that none leaves in a line, a page, the status or a command's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.library_log import library_logger
from appliance.logs.log import Log, make_log
from appliance.logs.render.console import Console
from appliance.masking import MASKED, MIN_LENGTH, Mask, is_secret, secret_values
from appliance.server.pages.error_page import report
from appliance.worker.stdio.logging_records import exceptions_of

NOTHING = Mask({})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("postgres://shop:hunter2@db:5432/shop", f"postgres://shop:{MASKED}@db:5432/shop"),
        ("redis://:hunter2@cache:6379/0", f"redis://:{MASKED}@cache:6379/0"),
        ("https://u:12345@index/simple", f"https://u:{MASKED}@index/simple"),
        ("amqp://u:p@ss:w@rd@mq//", f"amqp://u:{MASKED}@mq//"),
        ("mysql://u:pa/ss?w@db/x", f"mysql://u:{MASKED}@db/x"),
        ("'mongodb+srv://u:p%40@a.b/?w=1', x://a:b@c", f"'mongodb+srv://u:{MASKED}@a.b/?w=1', x://a:{MASKED}@c"),
        ("git+https://ghp_0123456789abcdefghij@github.com/a/b", f"git+https://{MASKED}@github.com/a/b"),
        (f"https://aws:{'eyJ2.' * 200}@a.codeartifact.b.com/pypi/", f"https://aws:{MASKED}@a.codeartifact.b.com/pypi/"),
        (f"https://{'eyJ2.' * 200}@github.com/a/b", f"https://{MASKED}@github.com/a/b"),
        (f"https://a/?id_token={'eyJ2.' * 600}&n=1", f"https://a/?id_token={MASKED}&n=1"),
        ("https://a/cb#access_token=abc&n=1&id_token=b", f"https://a/cb#access_token={MASKED}&n=1&id_token={MASKED}"),
    ],
)
def test_passwords_in_urls_are_masked(text: str, written: str):
    """A password in a URL is known by its place, whatever it is, and so is a long token in the place of a user."""
    assert NOTHING.masked(text) == written
    assert NOTHING.may_hold(json.dumps(text).encode())


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:8000/@vite/client",
        "https://example.test:443/users/@me?x=a:b@c",
        "ssh://git@github.com/a/b",
        "postgres://shop@db/shop",
        "mysql://root:@db/",
        "see http://a.b:80 or write to me@a.b",
        "12:30 @ http://a",
        "color: #fff  # token=abc",
    ],
)
def test_ports_paths_and_users_are_not_masked(text: str):
    """A port, a path, a user's name and an address of mail are none."""
    assert NOTHING.masked(text) == text


@pytest.mark.parametrize(
    ("variables", "values"),
    [
        ({"SECRET_KEY": "a-long-secret", "DEBUG": "a-long-word"}, {"a-long-secret"}),
        ({"API_TOKEN": "short"}, set()),
        ({"PGPASSWORD": "postgres", "PGUSER": "postgres"}, set()),
        ({"DB_PASSWORD_FILE": "/run/secrets/db"}, set()),
        ({"DATABASE_URL": "postgres://shop:p%40ssword@db/shop"}, {"p%40ssword", "p@ssword"}),
        ({"DATABASE_URL": "postgres://shop@db/shop", "PUBLIC_URL": "http://localhost:8000/shop"}, set()),
        ({"SENTRY_DSN": "https://0123456789abcdef0123@sentry.test/1"}, {"0123456789abcdef0123"}),
        ({"OAUTH_TOKEN": "http://[broken"}, set()),
        (
            {"PRIVATE_KEY": "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nabc\n-----END KEY-----"},
            {"MIIEvQIBADANBgkq"},
        ),
        ({"OLDPWD": "/home/somebody", "PWD": "/home/somebody/x"}, set()),
        ({"A_SECRET": "1234567"}, set()),
        ({"A_SECRET": "12345678"}, {"12345678"}),
        ({"A_SECRET": "s" * 4096}, {"s" * 4096}),
        ({"A_SECRET": "s" * 4097}, set()),
        ({"PRIVATE_KEY": "-----BEGIN KEY-----\nMIIEvQIBADANBgkq"}, {"MIIEvQIBADANBgkq"}),
        ({"PRIVATE_KEY": "a line that is a secret\nshort line"}, {"a line that is a secret"}),
    ],
)
def test_values_of_secret_names_and_passwords_of_urls_are_secret(variables: dict[str, str], values: set[str]):
    """Values of 8 characters of variables with a secret's name, unless an ordinary one has them; a URL's password."""
    assert set(secret_values(variables)) == values


@pytest.mark.parametrize(
    ("name", "secret"),
    [("API_TOKEN", True), ("db_password", True), ("SECRET_KEY_FILE", False), ("TOKEN_PATH", False), ("DEBUG", False)],
)
def test_which_names_are_secret(name: str, secret: bool):
    """A name says whether its value is secret; that of a file's place says where a secret is, and is none."""
    assert is_secret(name) is secret


def test_a_value_is_found_in_every_form():
    """A secret is masked as it is, and as a URL has it; the longest first."""
    mask = Mask({"A_TOKEN": "abc/def ghi", "B_TOKEN": "abc/def ghi jkl"})
    assert mask.masked("abc/def ghi jkl, abc%2Fdef%20ghi, abc%2Fdef+ghi") == ", ".join([MASKED] * 3)


def test_a_secret_may_be_any_text():
    """A secret variable whose bytes are not UTF-8 is masked, and no such text prevents a start."""
    for secret, in_urls in (("passw\udcf6rt123", ["passw%F6rt123"]), ("passw\ud800rt123", [])):
        mask = Mask({"DB_PASSWORD": secret})
        for form in (secret, *in_urls):
            assert mask.masked(f"a {form} b") == f"a {MASKED} b"


def test_values_in_values_are_masked():
    """Texts of every depth are masked, keys too; what is not text stays."""
    mask = Mask({"A_SECRET": "0123456789"})
    value = {"a": ["x 0123456789", {"0123456789": 123456789012, "b": None}], "c": ("0123456789", True)}
    assert mask.of(value) == {"a": [f"x {MASKED}", {MASKED: 123456789012, "b": None}], "c": [MASKED, True]}


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}], ids=["list", "object"])
def test_values_nested_too_deep_are_masked(wrap: Callable[[object], object]):
    """A list or an object below the 500th level is masked as a whole, with or without a secret in it."""

    def nested(depth: int, value: object) -> object:
        for _ in range(depth):
            value = wrap(value)
        return value

    mask = Mask({"A_SECRET": "0123456789"})
    assert mask.of(nested(500, "0123456789")) == nested(500, MASKED)
    assert mask.of(nested(501, 7)) == nested(500, MASKED)


def test_of_many_values_the_longest_are_searched():
    """A project with more than 200 secrets has the 200 longest masked, wherever each stands in the alphabet."""
    long = {f"A{number}_SECRET": f"a-long-secret-{number:04}" for number in range(200)}
    short = {f"Z{number}_SECRET": f"zsecret-{number}" for number in range(5)}
    mask = Mask({**short, **long})
    assert set(mask.values) == set(long.values())
    assert mask.masked("a-long-secret-0000 zsecret-1") == f"{MASKED} zsecret-1"


def test_lines_without_a_hint_are_not_searched():
    """A line with the longest part of a secret may hold it; a letter of it, a URL, or a mail address is not a hint."""
    mask = Mask({"A_SECRET": 'aaaaaaaaaaaa"z'})
    assert mask.may_hold(json.dumps('x aaaaaaaaaaaa"z').encode())
    assert not mask.may_hold(b"a buzz at http://localhost/")
    assert not mask.may_hold(b"me@localhost")


def test_what_was_secret_stays_secret():
    """A key that was changed in a file is known to the older worker, and stays masked."""
    mask = Mask({"A_SECRET": "second-value"}, Mask({"A_SECRET": "first-value"}))
    assert mask.masked("first-value second-value") == f"{MASKED} {MASKED}"


def lines_of(console: Console | None = None) -> tuple[Log, list[bytes]]:
    """A log, and what it writes."""
    written: list[bytes] = []
    log = make_log(written.append, level="debug", access="on", console=console)
    return log, written


@given(st.text(min_size=MIN_LENGTH, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_line_holds_a_secret(secret: str, before: str, behind: str):
    """A line never contains a secret, whatever its characters and the text around it are."""
    log, written = lines_of()
    log.add_secrets({"A_SECRET": secret})
    text = f"{before}{secret}{behind}"
    log.event("info", "output", text=text, names=[text])
    plain, expected = lines_of()
    plain.event("info", "output", text=log.masked(text), names=[log.masked(text)])
    reported, wanted = json.loads(written[0]), json.loads(expected[0])
    assert (reported["text"], reported["names"]) == (wanted["text"], wanted["names"])


@pytest.mark.parametrize("console", [None, Console(colour=False)])
def test_only_lines_with_a_secret_change_in_a_batch(console: Console | None):
    """If lines are written together, those with a secret lose it, once, and the others stay as they were."""
    log, written = lines_of(console)
    log.add_secrets({"A_SECRET": "very-secret"})
    records = [["event", 1.0, "info", "client.left", {"message": f"{number} {word}"}]
               for number, word in enumerate(["plain", "very-secret", "a://b:c@d"])]  # fmt: skip
    log.records(records, role="worker", generation=1)
    text = b"".join(written).decode()
    assert text.count("\n") == 3
    assert ("0 plain" in text, f"1 {MASKED}" in text, f"a://b:{MASKED}@d" in text) == (True, True, True)
    assert "very-secret" not in text


def test_our_own_words_are_not_masked():
    """A secret that is a word of ours hides no event's name, and no number."""
    log, written = lines_of()
    log.add_secrets({"A_PASSWORD": "supervisor", "B_PASSWORD": "12345678"})
    log.event("info", "appliance.started", url="supervisor", pid=12345678)
    reported = json.loads(written[0])
    assert (reported["role"], reported["url"], reported["pid"]) == ("supervisor", MASKED, 12345678)


def test_the_library_masks_too(capsysbinary, monkeypatch):
    """The pair as a library writes no secret of its process's environment."""
    monkeypatch.setenv("A_SECRET", "very-secret")
    library_logger().info("client.left", message="very-secret a://b:c@d")
    out = capsysbinary.readouterr().out
    assert json.loads(out)["message"] == f"{MASKED} a://b:{MASKED}@d"


def failing(words: str) -> BaseException:
    """An exception with a cause and a note, that was raised."""
    error = ValueError(words)
    error.__cause__ = KeyError(words)
    error.add_note(words)
    with pytest.raises(ValueError) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize(
    "reported", [lambda error: report(error, root="/p", kind="request"), exceptions_of], ids=["page", "record"]
)
def test_an_exception_that_a_worker_shows_holds_no_secret(monkeypatch, reported: Callable[[BaseException], Any]):
    """An exception's words, its causes', its notes' and its source lines hold no secret, nor a part of one."""
    monkeypatch.setenv("A_SECRET", "very-secret-indeed")
    shown = json.dumps(reported(failing("very-secret-indeed " + "x" * 16_355 + " very-secret-indeed x://u:hunter2@h")))
    assert MASKED in shown
    assert ("very-s" in shown, "hunter2" in shown) == (False, False)
