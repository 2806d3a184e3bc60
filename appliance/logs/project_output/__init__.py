"""Turn the project's output and log records into events: lines, tracebacks, records.

Runs in the supervisor, and in a process that uses the server as a library.
"""
