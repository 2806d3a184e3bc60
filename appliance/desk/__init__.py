"""The desk: record each request with what belongs to it, in SQLite, over reloads and restarts.

Runs in our interpreter. The recorder writes: it runs ``recorder``, ``intake``, ``redaction``, ``pace``, ``store`` and
what they import. The stand-in, ``appliance requests`` and ``appliance mcp`` read: they run ``questions`` and what that
imports.
"""
