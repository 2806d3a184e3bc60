"""The log: whatever happens becomes one line on stdout, valid JSON and safe to print.

The flow: ``setup`` makes the one log that the supervisor holds; ``render.access`` and ``project_output`` turn what the
children send into fields; ``sanitise`` makes every text harmless; ``render.json_line`` or ``render.console`` makes the
line; ``writer`` is the thread that may block on stdout. ``events`` and ``render.log_fields`` are the tables of what can
be said.

Runs in the appliance's own interpreter: in the supervisor, and in a process that uses the server as a library. Nothing
here knows of processes, sockets or settings.
"""
