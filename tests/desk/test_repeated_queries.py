"""Queries that a line repeats."""

from __future__ import annotations

import pytest

from appliance.desk.repeated_queries import LEAST, repeated, shape


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT * FROM a WHERE id = 7", "SELECT * FROM a WHERE id = ?"),
        ("SELECT * FROM a WHERE id = %s", "SELECT * FROM a WHERE id = ?"),
        ("SELECT * FROM a WHERE name = 'it''s' AND x = 1.5", "SELECT * FROM a WHERE name = ? AND x = ?"),
        ("SELECT * FROM a WHERE id IN (1, 2, 3)", "SELECT * FROM a WHERE id IN (?)"),
        ("SELECT a1.b2 FROM a1 WHERE c = :name_1", "SELECT a1.b2 FROM a1 WHERE c = ?"),
    ],
)
def test_values_are_not_part_of_a_shape(sql: str, found: str):
    """Numbers, texts, lists and placeholders are left out; names with digits stay."""
    assert shape(sql) == found


def test_a_line_must_repeat_a_query_often():
    """From five times on, and only where one line does it."""
    queries = [{"sql": f"SELECT {number}", "place": "a.py:1", "duration_s": 0.1} for number in range(LEAST)]
    elsewhere = [{"sql": "SELECT 1", "place": "b.py:1", "duration_s": 0.1} for _ in range(LEAST - 1)]
    (found,) = repeated([*queries, *elsewhere])
    assert (found["place"], found["count"], round(found["duration_s"], 3)) == ("a.py:1", LEAST, 0.5)
    assert repeated(queries[1:]) == []
