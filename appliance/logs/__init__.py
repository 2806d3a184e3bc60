"""The log: one line on stdout for each event, valid JSON and safe to print.

The flow: ``log`` is the one log that the supervisor holds; ``entries`` makes the fields of each line, of what the
children send by ``render.access`` and ``project_output``; ``sanitise`` makes every text harmless; ``render.json_line``
or ``render.console`` renders the line; ``writer`` is the thread that may block on stdout. ``events`` and
``render.log_fields`` are the tables of all events and fields.

Runs in the supervisor, in commands, and in a process that uses the server as a library. This package knows nothing of
processes, sockets or settings.
"""
