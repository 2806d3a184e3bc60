"""What the supervisor does for the desk and OpenTelemetry: it gives the recorder and the exporter a copy of the log.

Runs in the supervisor.
"""
