"""Render one event as one line: JSON, or text for a terminal.

Runs in the process that writes the log: the supervisor, or a process that uses the server as a library. Some commands
render single fields in the same form (``field_text``): this part runs in commands too.
"""
