"""The exporter: a process that sends requests, queries, calls, lines and durations to an OpenTelemetry collector.

Runs in the exporter, which is started if an endpoint is set. Only this package imports OpenTelemetry's SDK.
"""
