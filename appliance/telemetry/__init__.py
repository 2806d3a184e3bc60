"""The exporter: a process that sends requests, queries, calls, lines and durations to an OpenTelemetry collector.

Runs in a process of its own, in our interpreter, if an endpoint is set. It alone imports OpenTelemetry's SDK.
"""
