"""Render one event as one line: JSON, or text for a terminal.

Runs in the process that writes the log: the supervisor, a command, or a library's program.
"""
