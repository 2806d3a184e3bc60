"""Instrument the project's libraries: note what a request does, for the desk and OpenTelemetry.

Runs in a worker, mostly in the threads of the requests. ``worker/records`` imports ``detail_sender``, so that is loaded
in the stand-in too, but nothing of it runs in the stand-in.
"""
