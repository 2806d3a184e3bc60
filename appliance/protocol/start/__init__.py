"""The options of a child at its start, by name: the types of two fields of ``Start`` and ``ImportAhead``.

Both sides' type checks use it; no process loads it. A record reads its annotations as texts.
"""
