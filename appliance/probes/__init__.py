"""The probe server: a process that answers ``/livez`` and ``/readyz``, whatever the project and the supervisor do.

Runs in our interpreter, and imports the standard library and ``protocol`` alone.
"""
