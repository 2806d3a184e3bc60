"""The tables of events, one for each subject; ``logs.events`` joins them and holds the others.

Runs in the process that writes the log: the supervisor, or a process that uses the server as a library.
"""
