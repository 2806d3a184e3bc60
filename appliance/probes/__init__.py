"""The probe server: a process that answers ``/livez`` and ``/readyz``, whatever the project and the supervisor do.

Runs in the probe server. It imports only the standard library and ``protocol``.
"""
