"""The desk: record each request with what belongs to it, in SQLite, over reloads and restarts.

Runs in the recorder, in the stand-in, and in ``appliance requests`` and ``appliance mcp``. The recorder writes the
database: ``recorder``, ``table_rows``, ``redaction``, ``store_schedule`` and ``store``. The other processes read it:
``questions``. Only ``line_ring`` runs in the supervisor too: it holds the lines that the recorder has not stored yet.
"""
