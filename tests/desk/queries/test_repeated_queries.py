"""Queries that a line repeats."""

from __future__ import annotations

import time

import pytest

from appliance.desk.queries.repeated_queries import LEAST, find_repeated, shape


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT * FROM a WHERE id = 7", "SELECT * FROM a WHERE id = ?"),
        ("SELECT * FROM a WHERE id = %s", "SELECT * FROM a WHERE id = ?"),
        ("SELECT * FROM a WHERE name = 'it''s' AND x = 1.5", "SELECT * FROM a WHERE name = ? AND x = ?"),
        ("SELECT * FROM a WHERE id IN (1, 2, 3)", "SELECT * FROM a WHERE id IN (?)"),
        ("SELECT a1.b2 FROM a1 WHERE c = :name_1", "SELECT a1.b2 FROM a1 WHERE c = ?"),
        ("SELECT a  FROM b\n WHERE c = -1.5e3 AND d = .5 - 0xFF", "SELECT a FROM b WHERE c = ? AND d = ? - ?"),
        ("SELECT a /* trace 17 */ FROM b -- 17", "SELECT a FROM b"),
        ("WHERE a LIKE '%x%' ESCAPE '\\' AND b = 5", "WHERE a LIKE ? ESCAPE ? AND b = ?"),
        (r"WHERE a = 'it\'s' AND b = 5", "WHERE a = ? AND b = ?"),
        ('WHERE "a"."b" = "c"."d1" AND `e5` = "text"', 'WHERE "a"."b" = "c"."d1" AND `e5` = ?'),
        (
            "WHERE a = $1 AND b = $$text 5$$ AND c = $x$ $$ $x$ AND d = %(d)s",
            "WHERE a = ? AND b = ? AND c = ? AND d = ?",
        ),
        ("SELECT a::int, b::varchar(5), x'ab', @c", "SELECT a::int, b::varchar(?), x?, ?"),
        ("INSERT INTO a VALUES (1, 'a'), (2, 'b'),(3, NULL)", "INSERT INTO a VALUES (?),(?, NULL)"),
        ("WHERE a = 'cut off", "WHERE a = ?"),
        ("", ""),
    ],
)
def test_values_are_not_part_of_a_shape(sql: str, found: str):
    """Numbers, texts, lists and placeholders are left out; names with digits stay."""
    assert shape(sql) == found


def test_hostile_texts_take_linear_time():
    """A text of four times the length takes about four times as long, whatever it is, and not sixteen times."""
    parts = (
        "'",
        "''",
        "'\\",
        "$a$",
        "/*",
        '= "',
        '=""',
        '="\\',
        "-",
        "(",
        "(?,",
        "(1,2),",
        "0x",
        "1e",
        "$",
        " ",
        "%(",
        ":a",
    )
    for part in parts:
        took = []
        for count in (20_000, 80_000):
            text = part * count
            began = time.process_time()
            shape(text)
            took.append(time.process_time() - began)
        assert took[1] < 10 * took[0] + 0.05, part


def test_ends_of_transactions_repeat_nothing():
    """Neither do queries whose text was not kept."""
    commit = {"sql": "COMMIT", "place": "a.py:1", "duration_s": 0.1, "kind": "transaction"}
    assert find_repeated([commit, {**commit, "sql": "", "kind": "query"}] * LEAST) == []


def test_a_line_must_repeat_a_query_often():
    """From five times on, and only where one line does it."""
    queries = [{"sql": f"SELECT {number}", "place": "a.py:1", "duration_s": 0.1} for number in range(LEAST)]
    elsewhere = [{"sql": "SELECT 1", "place": "b.py:1", "duration_s": 0.1} for _ in range(LEAST - 1)]
    (found,) = find_repeated([*queries, *elsewhere])
    assert (found["place"], found["count"], round(found["duration_s"], 3)) == ("a.py:1", LEAST, 0.5)
    assert find_repeated(queries[1:]) == []
