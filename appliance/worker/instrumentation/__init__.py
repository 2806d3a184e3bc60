"""Instrument the project's libraries: note what a request does, for the desk and OpenTelemetry. Runs in a worker.

Most of it runs in the threads of the requests.
"""
