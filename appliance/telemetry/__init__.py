"""The exporter: a process that sends requests, queries, calls, lines and durations to an OpenTelemetry collector.

It alone imports OpenTelemetry's SDK, and runs only where an endpoint is set.
"""
