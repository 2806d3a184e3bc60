"""The queries of a message become readable."""

from __future__ import annotations

import pytest

from appliance.desk.queries.recorded_queries import queries_of
from appliance.desk.redaction import Redaction
from appliance.protocol.request_details import EXECUTE, INLINED, TRANSACTION

TEXTS = ["SELECT 'hunter2-hunter2' FROM a", "a.py:7", "int, str", "OperationalError", "COMMIT"]


def test_a_query_has_its_facts_and_no_secret():
    """Times in seconds, rows where they are known; fetched rows count more than what the driver tells."""
    numbers = [
        [0, 1, 1500, 2500, -1, -1, 2, -1, EXECUTE],
        [0, 1, 0, 0, 0, 3, -1, 3, EXECUTE | INLINED],
        [4, -1, 0, 0, -1, -1, -1, -1, TRANSACTION],
    ]
    info = {"queries": numbers, "texts": TEXTS, "queries_left_out": 5}
    (first, second, third), count = queries_of(info, Redaction(values=["hunter2-hunter2"]))
    assert first == {
        "sql": "SELECT '********' FROM a", "place": "a.py:7", "began_s": 0.0015, "duration_s": 0.0025, "rows": None,
        "parameters": "int, str", "error": "", "kind": "query",
    }  # fmt: skip
    assert (second["sql"], second["rows"], second["error"]) == ("SELECT ? FROM a", 3, "OperationalError")
    assert (third["sql"], third["place"], third["kind"]) == ("COMMIT", "", "transaction")
    assert count == 2 + 5


@pytest.mark.parametrize("queries", [[[1]], [["x"] * 9], [[0] * 8 + [99]], 17, [[None] * 9]])
def test_queries_of_another_form_are_refused(queries: object):
    """The message is left out as a whole."""
    with pytest.raises((ValueError, TypeError, KeyError)):
        queries_of({"queries": queries, "texts": TEXTS}, Redaction())
