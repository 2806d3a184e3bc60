"""The content of a difference: texts before and after, lines, and parts that always differ."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.desk.comparison.compare import VOLATILE, compare, difference_line, volatile_of
from appliance.desk.comparison.outcome import Outcome
from appliance.desk.comparison.volatile_parts import ANY, Volatile

PLAIN = (("Content-Type", "text/plain"),)


def text(content: str | None, **more: Any) -> Outcome:
    """A response with this text; each text has another hash."""
    given = {"size": len(content or ""), "digest": f"hash of {content}", "fields": PLAIN, **more}
    return Outcome(200, content=content, **given)


def image(size: int, digest: str) -> Outcome:
    """A response that is not text."""
    return Outcome(200, size=size, digest=digest)


def test_a_status_is_a_difference():
    """The statuses are texts; no response is "none"."""
    assert compare(Outcome(200), Outcome(500)) == [{"what": "status", "before": "200", "after": "500"}]
    assert compare(Outcome(0), Outcome(500))[0]["before"] == "none"
    assert compare(Outcome(200), Outcome(0))[0]["after"] == "none"


def test_queries_are_a_difference_if_both_are_known():
    """A number of queries is compared with a number alone."""
    one, ten, unknown = (Outcome(200, queries=number) for number in (1, 10, None))
    assert compare(one, ten) == [{"what": "queries", "before": "1", "after": "10"}]
    assert compare(one, one) == compare(one, unknown) == compare(unknown, ten) == []


def test_fields_are_differences_by_their_names():
    """A new, missing or changed field is one difference; fields of one name are one text; case does not count."""
    before = Outcome(200, [("X-A", "1"), ("X-B", "1"), ("x-a", "2"), ("X-C", "same")])
    after = Outcome(200, [("X-C", "same"), ("X-D", "1"), ("x-a", "1")])
    assert compare(before, after) == [
        {"what": "field", "name": "x-a", "before": "1, 2", "after": "1"},
        {"what": "field", "name": "x-b", "before": "1", "after": None},
        {"what": "field", "name": "x-d", "before": None, "after": "1"},
    ]


def test_fields_that_always_differ_are_left_out():
    """Fields of the time, the connection or the content, and learned ones, do not count as a difference."""
    before = Outcome(200, [(name.title(), "a") for name in sorted(VOLATILE)])
    assert compare(before, Outcome(200)) == []
    assert compare(Outcome(200, [*before.fields, ("X-A", "1")]), before)[0]["name"] == "x-a"
    token = Outcome(200, [("X-Token", "a")]), Outcome(200, [("X-Token", "b")])
    assert len(compare(*token)) == 1
    assert compare(*token, Volatile(fields=frozenset({"x-token"}))) == []


def test_a_nonce_is_shown_as_any():
    """A policy that has changed is shown without its nonce."""
    before, after = (Outcome(200, [("Content-Security-Policy", f"script-src 'nonce-aaaa' {end}")]) for end in "ab")
    assert compare(before, after)[0]["before"] == "script-src 'nonce-*' a"


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("Set-Cookie", "a=1; Expires=Sun, 29 Nov 2026; Path=/", "a=1; expires=Mon, 30 Nov 2026; Path=/"),
        ("Set-Cookie", "a=1; Path=/;expires=Sun, 29 Nov 2026", "a=1; Path=/"),
        ("Content-Security-Policy", "script-src 'nonce-aB+/=_-1'", "script-src 'nonce-1234'"),
    ],
)
def test_parts_of_fields_that_always_differ_are_left_out(name: str, before: str, after: str):
    """The end of a cookie and the nonce of a policy are left out; the rest of both is compared."""
    assert compare(Outcome(200, [(name, before)]), Outcome(200, [(name, after)])) == []
    assert compare(Outcome(200, [(name, before)]), Outcome(200, [(name, f"{after}; b")])) != []
    assert compare(Outcome(200, [("X-Other", "a; expires=1")]), Outcome(200, [("X-Other", "a; expires=2")])) != []


def test_values_of_json_are_differences_by_their_paths():
    """A change in JSON is named by its path, and left out if the path always differs."""
    before, after = text('{"a": 1, "at": [1]}'), text('{"a": 2, "at": [3]}')
    change = {"what": "content", "path": "$.a", "before": "1", "after": "2"}
    assert compare(before, after) == [change, {"what": "content", "path": "$.at[0]", "before": "1", "after": "3"}]
    assert compare(before, after, Volatile(paths=frozenset({"$.at[*]"}))) == [change]


def test_json_against_text_is_compared_by_lines():
    """If only one of both is JSON, both are compared as text."""
    assert compare(text("{}"), text("{")) == compare_lines("{}", "{")
    assert compare(text("{"), text("{}")) == compare_lines("{", "{}")


def compare_lines(before: str, after: str) -> list[dict[str, Any]]:
    """The difference of two lines."""
    return [{"what": "content", "lines": [["-", before], ["+", after]], "removed": 1, "added": 1}]


def test_lines_are_counted_and_shown():
    """Removed and added lines are counted all; two around each change are shown."""
    before = text("\n".join("0123456789"))
    assert compare(before, text("\n".join("01234x67"))) == [
        {
            "what": "content", "removed": 3, "added": 1,
            "lines": [[" ", "..."], [" ", "3"], [" ", "4"], ["-", "5"], ["+", "x"], [" ", "6"], [" ", "7"],
                      ["-", "8"], ["-", "9"]],
        }
    ]  # fmt: skip


def test_markup_is_compared_between_its_tags():
    """One tag of a page is the difference, though the page is one line."""
    html = {"fields": [("Content-Type", "text/html")]}
    found = compare(text("<p><b><i>", **html), text("<p><u><i>", **html))
    assert found[0]["lines"] == [[" ", "<p>"], ["-", "<b>"], ["+", "<u>"], [" ", "<i>"]]


def test_lines_that_differ_anyway_are_left_out():
    """A line with a learned beginning and end is compared without what stands between."""
    volatile = Volatile(patterns=(("token=", ";"),))
    assert compare(text("token=1;\na"), text("token=2;\na"), volatile) == []
    (found,) = compare(text("token=1;\na"), text("token=2;\nb"), volatile)
    assert found["lines"] == [[" ", f"token={ANY};"], ["-", "a"], ["+", "b"]]


def test_equal_hashes_are_not_a_difference():
    """Content with the hash of the other's is equal, if both are whole; without a hash the texts decide."""
    assert compare(text("a", digest="same"), text("b", digest="same")) == []
    assert len(compare(text("a", digest="same"), text("b", digest="same", is_whole=False))) == 1
    assert len(compare(text("a", digest="same", is_whole=False), text("b", digest="same"))) == 1
    assert len(compare(text("a", digest=""), text("b", digest=""))) == 1


@pytest.mark.parametrize(("whole", "whole_after"), [(False, True), (True, False), (False, False)])
def test_the_start_of_a_text_is_compared_with_a_start(whole: bool, whole_after: bool):
    """If only the start of one text is known, more text is not a difference, and another start is one."""
    long, start, other = text("a\nb\nc", is_whole=whole), text("a\nb", is_whole=whole_after), text("a\nx")
    assert compare(long, start) == compare(start, long) == []
    assert compare(text("a\nb", is_whole=False), other)[0]["lines"] == [[" ", "a"], ["-", "b"], ["+", "x"]]
    assert compare(text("a\nb"), text("a\nb\nc"))[0]["added"] == 1


def test_line_ends_do_not_count_in_a_line():
    """Texts that differ in the ends of their lines alone have the same lines."""
    assert compare(text("a\nb"), text("a\r\nb\n")) == []


def test_an_image_is_compared_by_size_and_hash():
    """An image is compared by its size and the start of its hash."""
    one, other = image(2, "a" * 64), image(3, "b" * 64)
    assert compare(one, other) == [
        {"what": "content", "before": f"2 bytes, SHA-256 {'a' * 16}", "after": f"3 bytes, SHA-256 {'b' * 16}"}
    ]
    assert compare(image(2, ""), image(2, "b" * 64)) == []
    assert compare(image(2, ""), image(2, "")) == []
    assert compare(image(2, ""), image(3, ""))[0]["before"] == "2 bytes, SHA-256 unknown"
    assert len(compare(image(2, "a" * 64), image(2, "b" * 64))) == 1


def test_text_against_no_text_is_compared_by_size_and_hash():
    """If one of both is not text, that is a difference, whatever the size is."""
    one = text("a", fields=())
    (found,) = compare(one, image(1, "b" * 64))
    assert (found["what"], found["after"]) == ("content", f"1 bytes, SHA-256 {'b' * 16}")
    assert len(compare(image(1, "b" * 64), one)) == 1
    assert len(compare(text("a", digest="", fields=()), image(1, "b" * 64))) == 1


def test_what_differs_between_two_answers_is_learned():
    """Fields, paths of JSON and lines of text that differ between two responses of one code are volatile."""
    one = text('{"at": 1, "n": 1}', fields=[("X-Token", "a")])
    other = text('{"at": 2, "n": 1}', fields=[("X-Token", "b")])
    assert volatile_of(one, other) == Volatile(frozenset({"x-token"}), frozenset({"$.at"}))
    assert volatile_of(text("id=1;\nsame"), text("id=2;\nsame")) == Volatile(patterns=(("id=", ";"),))
    assert volatile_of(one, one) == Volatile()


def test_what_was_learned_is_left_out():
    """A comparison that leaves out what was learned finds what the save changed alone."""
    html = {"fields": [("Content-Type", "text/html")]}
    page = "<p><input name=csrf value={}><b>{}</b>"
    volatile = volatile_of(text(page.format("abc", 1), **html), text(page.format("xyz", 1), **html))
    assert compare(text(page.format("abc", 1), **html), text(page.format("123", 1), **html), volatile) == []
    (found,) = compare(text(page.format("abc", 1), **html), text(page.format("123", 2), **html), volatile)
    assert (found["removed"], found["added"]) == (1, 1)


def test_learned_parts_are_joined():
    """The learned parts of two comparisons are left out together: each once, at most fifty lines."""
    one = Volatile(frozenset("a"), frozenset({"$.a"}), (("a", "b"), ("c", "d")))
    other = Volatile(frozenset("b"), frozenset({"$.b"}), (("c", "d"), ("e", "f")))
    assert one | other == Volatile(frozenset("ab"), frozenset({"$.a", "$.b"}), (("a", "b"), ("c", "d"), ("e", "f")))
    many = Volatile(patterns=tuple((str(number), "") for number in range(60)))
    assert (one | many).patterns == (*one.patterns, *many.patterns[:48])


def test_learned_parts_have_names_for_people():
    """Fields, then paths, each in order, then lines of at most 120 characters with dots for what differs."""
    volatile = Volatile(frozenset({"b", "a"}), frozenset({"$.b", "$.a"}), (("x" * 200, ""), ("id=", ";")))
    assert volatile.names() == ["field a", "field b", "$.a", "$.b", "x" * 120, f"id={ANY};"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"what": "status", "before": "200", "after": "500"}, "status: 200 -> 500"),
        ({"what": "field", "name": "x-a", "before": None, "after": ""}, "field x-a: (none) -> "),
        ({"what": "content", "path": "$.a", "before": "1", "after": None}, "content $.a: 1 -> (none)"),
        ({"what": "content", "lines": [["-", "a"]], "removed": 1, "added": 0}, "content: 1 line removed, 0 added"),
    ],
)
def test_a_difference_is_shown_in_one_line(found: dict[str, Any], words: str):
    """The command and the log say each difference as one line."""
    assert difference_line(found) == words
