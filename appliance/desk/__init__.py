"""The desk: record each request with what belongs to it, in SQLite, over reloads and restarts.

Runs in our interpreter. The recorder writes: it runs ``recorder``, ``table_rows``, ``redaction``,
``store_schedule``, ``store`` and their imports. The stand-in, ``appliance requests`` and ``appliance mcp`` read: they
run ``questions`` and its imports.
"""
