"""The queries of a request, as they are stored and shown: their facts, and those that one line repeats.

Runs in the recorder, in the stand-in, in the exporter, and in ``appliance requests`` and ``appliance mcp``.
"""
