"""The desk: the requests of the day with what belongs to each, kept in SQLite over reloads and restarts.

``recorder`` is a process that writes, ``questions`` is what others read. Both sides may import it. The recorder and the
stand-in run in our interpreter.
"""
