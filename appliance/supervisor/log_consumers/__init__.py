"""The processes that get a copy of the log: the recorder (for the desk) and the exporter (for OpenTelemetry).

Runs in the supervisor.
"""
