"""The desk: record each request with what belongs to it, in SQLite, over reloads and restarts.

``recorder`` is a process that writes, ``questions`` is what others read. Both sides may import it. The recorder and the
stand-in run in our interpreter.
"""
