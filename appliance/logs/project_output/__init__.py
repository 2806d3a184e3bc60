"""Turn what the project prints and logs into events: lines, tracebacks, records.

Runs in the supervisor, and in a process that uses the server as a library.
"""
